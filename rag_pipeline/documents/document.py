"""What a reader makes of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag_pipeline.errors import DocumentError
from rag_pipeline.metadata_values import MetadataValue, storable_metadata
from rag_pipeline.text import clean, one_line


@dataclass(frozen=True)
class Section:
    """A piece of a document below one heading."""

    headings: tuple[str, ...]
    """The headings above the text, outermost first, without the document's title."""
    text: str
    place: Mapping[str, MetadataValue] = field(default_factory=dict)
    """Where it stands, for citations: ``page``, ``slide``, or ``sheet`` and ``rows``."""


@dataclass(frozen=True)
class Document:
    """A file's text."""

    title: str
    sections: tuple[Section, ...]
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    """What the file says of itself, such as the front matter of Markdown."""
    warnings: tuple[str, ...] = ()
    """What was left out or guessed, a line each, such as "2 formulas hold no value": said at an ingest, not stored."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, to hand it from one process to another."""
        sections = [[list(section.headings), section.text, dict(section.place)] for section in self.sections]
        return {
            "title": self.title,
            "sections": sections,
            "metadata": dict(self.metadata),
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Document:
        """What :meth:`as_dict` made."""
        sections = tuple(Section(tuple(headings), text, place) for headings, text, place in values["sections"])
        return cls(values["title"], sections, values["metadata"], tuple(values["warnings"]))


def finished(document: Document) -> Document:
    """The document in NFC, with Unix line ends, without empty sections and values that no store takes.

    Raises:
        DocumentError: there is no text in it.
    """
    sections = tuple(
        section for section in (_finished(section) for section in document.sections) if section.text.strip()
    )
    if not sections:
        raise DocumentError("holds no text")
    warnings = tuple(one_line(clean(warning)) for warning in document.warnings)
    return Document(clean(document.title), sections, storable_metadata(document.metadata), warnings)


def _finished(section: Section) -> Section:
    headings = (clean(heading) for heading in section.headings)
    return Section(
        tuple(heading for heading in headings if heading.strip()), clean(section.text), storable_metadata(section.place)
    )
