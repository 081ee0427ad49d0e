"""Headings that a document has without markup: numbered articles, lines in bold, levels of official documents."""

from __future__ import annotations

from rag_pipeline.documents.document import Document


def outlined(document: Document) -> Document:
    """The document with the headings that its text shows, each above its own section."""
    return document
