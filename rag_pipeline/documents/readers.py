"""Reading Markdown and text: bytes become a :class:`Document` of titled sections."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from rag_pipeline.documents.encodings import decode
from rag_pipeline.errors import DocumentError


@dataclass(frozen=True)
class Section:
    """A piece of a document below one heading."""

    headings: tuple[str, ...]
    """The headings above the text, outermost first, without the document's title."""
    text: str


@dataclass(frozen=True)
class Document:
    """A file's text."""

    title: str
    sections: tuple[Section, ...]


def read_document(name: str, content: bytes) -> Document:
    """Read one file.

    Args:
        name: the file's name; its suffix chooses the reader, its stem is the title where the text has none.
        content: the file's bytes.

    Raises:
        DocumentError: binary, of no known encoding, or without text.
    """
    text = unicodedata.normalize("NFC", decode(content)).replace("\r\n", "\n").replace("\r", "\n")
    stem = unicodedata.normalize("NFC", PurePath(name).stem)
    document = _READERS[PurePath(name).suffix.lower()](stem, text)
    if not any(section.text.strip() for section in document.sections):
        raise DocumentError("holds no text")
    return document


def _read_text(stem: str, text: str) -> Document:
    return Document(stem, (Section((), text.strip("\n")),))


def _read_markdown(stem: str, text: str) -> Document:
    """Cut Markdown at its headings; only the headings are parsed away, the rest stays as written."""
    from markdown_it import MarkdownIt

    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").parse(text)
    headings = [  # level, words, first line, line after
        (int(token.tag[1:]), _plain(tokens[index + 1].children or []), token.map[0], token.map[1])
        for index, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]
    title = next((words for level, words, _, _ in headings if level == 1 and words), stem)
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
    with_text = tuple(section for section in sections if section.text.strip())
    if not with_text and headings:
        # Nothing but headings: they are the text.
        with_text = (Section((), "\n".join(words for _, words, _, _ in headings)),)
    return Document(title, with_text)


def _join(lines: list[str]) -> str:
    """Lines of a section without the blank ones around it; indentation is kept."""
    first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    last = next((i for i in range(len(lines), 0, -1) if lines[i - 1].strip()), first)
    return "\n".join(line.rstrip() for line in lines[first:last])


def _plain(children: list) -> str:  # type: ignore[type-arg]
    """The words of a heading without its markup."""
    words = "".join(
        child.content if child.type in ("text", "code_inline") else " " if "break" in child.type else ""
        for child in children
    )
    return " ".join(words.split())


_READERS: dict[str, Callable[[str, str], Document]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_text,
    ".text": _read_text,
}
READABLE_SUFFIXES = frozenset(_READERS)
