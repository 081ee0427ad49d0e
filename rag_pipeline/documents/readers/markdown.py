"""Markdown and plain text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.encodings import decode_with_warnings
from rag_pipeline.documents.metadata import split_front_matter
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.metadata_values import MetadataValue
from rag_pipeline.text import clean

# `## Heading {#anchor .class}`, as many generators of sites write it.
_ATTRIBUTES = re.compile(r"\s*\{[#.:][^{}]*\}$")
_MARKDOWN = frozenset({".md", ".markdown"})


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read Markdown by its headings, and anything else as one piece."""
    decoded = decode_with_warnings(content)
    text = clean(decoded.text)
    if PurePath(name).suffix.lower() not in _MARKDOWN:
        return Document(stem_of(name), (Section((), text.strip("\n")),), warnings=decoded.warnings)
    metadata, body = split_front_matter(text)
    title = metadata.pop("title", None)
    document = read_markdown(body, str(title) if title else None, stem_of(name), metadata)
    return replace(document, warnings=decoded.warnings)


def read_markdown(
    text: str,
    title: str | None,
    fallback: str,
    metadata: dict[str, MetadataValue] | None = None,
    *,
    take_heading: bool = True,
) -> Document:
    """Cut Markdown at its headings; only the headings are parsed away, the rest stays as written.

    Args:
        text: the Markdown.
        title: the document's title, if it is known; else the first heading of the first level is.
        fallback: the title of a document that has none.
        metadata: what else is known of it.
        take_heading: whether the first heading of the first level may be the title.
    """
    from markdown_it import MarkdownIt

    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").parse(text)
    headings = [  # level, words, first line, line after
        (int(token.tag[1:]), _plain(tokens[index + 1].children or []), token.map[0], token.map[1])
        for index, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]
    first = next((words for level, words, _, _ in headings if level == 1 and words), None) if take_heading else None
    title = title or first or fallback
    title_taken = False
    path: list[tuple[int, str]] = []
    sections = [Section((), _join(lines[: headings[0][2] if headings else len(lines)]))]
    for position, (level, words, _, after) in enumerate(headings):
        end = headings[position + 1][2] if position + 1 < len(headings) else len(lines)
        path = [(above, name) for above, name in path if above < level]
        if level == 1 and words == title and not title_taken:
            title_taken = True
        else:
            path.append((level, words))
        sections.append(Section(tuple(name for _, name in path if name), _join(lines[after:end])))
    if headings and not any(section.text.strip() for section in sections):
        # Nothing but headings: they are the text.
        sections = [Section((), "\n".join(words for _, words, _, _ in headings))]
    return Document(title, tuple(sections), metadata or {})


def _join(lines: list[str]) -> str:
    """Lines of a section without the blank ones around it; indentation is kept."""
    first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    last = next((i for i in range(len(lines), 0, -1) if lines[i - 1].strip()), first)
    return "\n".join(line.rstrip() for line in lines[first:last])


def _plain(children: list[Any]) -> str:
    """The words of a heading without its markup."""
    words = "".join(
        child.content if child.type in ("text", "code_inline") else " " if "break" in child.type else ""
        for child in children
    )
    return _ATTRIBUTES.sub("", " ".join(words.split()))
