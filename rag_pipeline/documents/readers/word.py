"""DOCX (ECMA-376, part 1: WordprocessingML)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.archive import check_archive, core_title, parse_xml
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of

if TYPE_CHECKING:
    import zipfile

    from docx.table import Table
    from docx.text.paragraph import Paragraph

_HEADING = re.compile(r"(?:heading|제목|개요)\s*(\d)", re.IGNORECASE)
_TITLES = frozenset({"title", "제목"})
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read headings, paragraphs, lists, tables and notes."""
    import docx
    from docx.table import Table

    with check_archive(content) as archive:
        title = core_title(archive)
        notes = list(_notes(archive))
    written = _Written()
    for block in docx.Document(io.BytesIO(content)).iter_inner_content():
        if isinstance(block, Table):
            written.add(_table(block))
        else:
            written.paragraph(block)
    sections = written.sections()
    if notes:
        sections.append(Section(("Notes",), "\n".join(notes)))
    return Document(title or written.title or stem_of(name), tuple(sections))


class _Written:
    """What was read so far: sections below a path of headings."""

    def __init__(self) -> None:
        self.title = ""
        self._done: list[Section] = []
        self._path: list[tuple[int, str]] = []
        self._parts: list[str] = []
        self._in_list = False

    def paragraph(self, paragraph: Paragraph) -> None:
        text = paragraph.text.strip()
        if not text:
            return
        style = (paragraph.style.name if paragraph.style is not None else None) or ""
        if style.lower() in _TITLES and not self.title:
            self.title = " ".join(text.split())
            return
        level = _level(paragraph, style)
        if level is not None:
            self._close()
            self._path = [(above, words) for above, words in self._path if above < level]
            self._path.append((level, " ".join(text.split())))
            return
        is_item = style.lower().startswith("list") or paragraph._p.find(f"{_WORD}pPr/{_WORD}numPr") is not None
        if is_item and self._in_list:
            self._parts[-1] += f"\n- {text}"
        else:
            self._parts.append(f"- {text}" if is_item else text)
        self._in_list = is_item

    def add(self, text: str) -> None:
        self._parts.append(text)
        self._in_list = False

    def sections(self) -> list[Section]:
        self._close()
        if not self._done and self._path:
            # Nothing but headings: they are the text.
            return [Section((), "\n".join(words for _, words in self._path))]
        return self._done

    def _close(self) -> None:
        body = "\n\n".join(self._parts)
        if body.strip():
            self._done.append(Section(tuple(words for _, words in self._path), body))
        self._parts = []
        self._in_list = False


def _level(paragraph: Paragraph, style: str) -> int | None:
    """The heading's level, from 1; None for other text."""
    match = _HEADING.fullmatch(style)
    if match:
        return int(match[1])
    for properties in (paragraph._p.pPr, paragraph.style.element.pPr if paragraph.style is not None else None):
        outline = None if properties is None else properties.find(f"{_WORD}outlineLvl")
        if outline is not None and int(outline.get(f"{_WORD}val", "9")) < 9:
            return int(outline.get(f"{_WORD}val")) + 1
    return None


def _table(table: Table) -> str:
    rows = []
    for row in table.rows:
        cells: list[Any] = []
        for cell in row.cells:
            if not cells or cell._tc is not cells[-1]._tc:  # a merged cell is given once for each place it covers
                cells.append(cell)
        rows.append([" ".join(cell.text.split()).replace("|", "/") for cell in cells])
    if not rows:
        return ""
    rule = f"|{' --- |' * len(rows[0])}"
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], rule, *lines[1:]])


def _notes(archive: zipfile.ZipFile) -> Iterator[str]:
    for place in _NOTES:
        if place not in archive.namelist():
            continue
        for note in parse_xml(archive.read(place)):
            text = "".join(str(part.text or "") for part in note.iter(f"{_WORD}t")).strip()
            if text:
                yield text
