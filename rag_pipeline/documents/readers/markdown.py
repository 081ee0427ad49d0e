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
from rag_pipeline.documents.readers.markdown_dialects import formula_lines, plain_commonmark
from rag_pipeline.metadata_values import MetadataValue
from rag_pipeline.text import clean

# `## Heading {#anchor .class}`, as many generators of sites write it.
_ATTRIBUTES = re.compile(r"\s*\{[#.:][^{}]*\}$")
_MARKDOWN = frozenset({".md", ".markdown"})


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read Markdown by its headings, and anything else as one piece.

    Front matter becomes metadata. Headings that lack a blank after their ``#``, and those written in HTML, are headings
    too. Left out are comments of HTML that stand by themselves, unless comments are asked for.
    """
    decoded = decode_with_warnings(content)
    text = clean(decoded.text)
    if PurePath(name).suffix.lower() not in _MARKDOWN:
        return Document(stem_of(name), (Section((), text.strip("\n")),), warnings=decoded.warnings)
    front = split_front_matter(text)
    title = front.values.pop("title", None)
    body, comments = plain_commonmark(front.body, with_comments=options.comments)
    said = [f"{comments} comment{'s' if comments > 1 else ''} left out (reading.comments)"] if comments else []
    document = read_markdown(body, str(title) if title else None, stem_of(name), front.values)
    return replace(document, warnings=(*decoded.warnings, *front.warnings, *said))


def read_markdown(
    text: str,
    title: str | None,
    fallback: str,
    metadata: dict[str, MetadataValue] | None = None,
    *,
    take_heading: bool = True,
) -> Document:
    """Cut Markdown at its headings; only the headings are parsed away, the rest stays as written.

    A heading above nothing, neither text nor headings below it, is a line of text of the section that it stands in.

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
    formulas = formula_lines(lines, tokens)
    headings = [  # level, words, first line, line after
        (int(token.tag[1:]), _plain(tokens[index + 1].children or []), token.map[0], token.map[1])
        for index, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map and token.map[0] not in formulas
    ]
    first = next((words for level, words, _, _ in headings if level == 1 and words), None) if take_heading else None
    title = title or first or fallback
    title_taken = False
    path: list[tuple[int, str]] = []
    sections = [Section((), _join(lines[: headings[0][2] if headings else len(lines)]))]
    has_text = bool(sections[0].text)
    for position, (level, words, _, after) in enumerate(headings):
        following = headings[position + 1] if position + 1 < len(headings) else None
        path = [(above, name) for above, name in path if above < level]
        above = tuple(name for _, name in path if name)
        is_title = level == 1 and words == title and not title_taken
        if is_title:
            title_taken = True
        else:
            path.append((level, words))
        body = _join(lines[after : following[2] if following else len(lines)])
        if body:
            has_text = True
            sections.append(Section(tuple(name for _, name in path if name), body))
        elif words and not is_title and (following is None or following[0] <= level):
            _append_line(sections, above, words)
    if headings and not has_text:
        # Nothing but headings: they are the text.
        sections = [Section((), "\n".join(words for _, words, _, _ in headings))]
    return Document(title, tuple(section for section in sections if section.text.strip()), metadata or {})


def _append_line(sections: list[Section], headings: tuple[str, ...], words: str) -> None:
    """Text where headings stand that have nothing below them."""
    last = sections[-1]
    if last.headings == headings and last.text:
        sections[-1] = replace(last, text=f"{last.text}\n\n{words}")
    else:
        sections.append(Section(headings, words))


def _join(lines: list[str]) -> str:
    """Lines of a section without the blank ones around it; indentation is kept."""
    first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    last = next((i for i in range(len(lines), 0, -1) if lines[i - 1].strip()), first)
    return "\n".join(line.rstrip() for line in lines[first:last])


def _plain(children: list[Any]) -> str:
    """The words of a heading without its markup."""
    words = "".join(
        child.content if child.type in ("text", "code_inline", "image") else " " if "break" in child.type else ""
        for child in children
    )
    return _ATTRIBUTES.sub("", " ".join(words.split()))
