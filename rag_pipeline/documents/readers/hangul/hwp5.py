"""HWP 5 (Hancom's "HWP Document File Formats 5.0"): records of paragraphs, and of what stands in them."""

from __future__ import annotations

import re
import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.documents.readers.hangul.body import Body, Paragraph, Placed
from rag_pipeline.documents.readers.hangul.hwp5_styles import kind_of_number, read_styles
from rag_pipeline.documents.readers.hangul.numbering import numeral
from rag_pipeline.documents.readers.hangul.records import HwpFile, Record

_BEGIN = 0x10
_PARAGRAPH, _TEXT, _LETTER_SHAPES, _CONTROL, _LIST, _SHAPE, _TABLE = (
    _BEGIN + tag for tag in (50, 51, 52, 55, 56, 60, 61)
)
_EQUATION, _TEXT_ART, _FORM, _MEMO, _CHART = (_BEGIN + tag for tag in (72, 74, 75, 77, 79))
# Letters below the space are controls: these stand for a letter, some stand alone and say nothing, and all others
# take eight places, of which the ones between are no text.
_LETTERS = {9: "\t", 10: "\n", 24: "-", 30: " ", 31: " "}
_SINGLE = frozenset({0, 10, 13, *range(24, 32)})
_WITH_RECORD = frozenset({1, 2, 3, 11, 12, 14, 15, 16, 17, 18, 21, 22, 23})
_WIDE = 8
# How far ahead the record of a control is looked for, where the next is another's.
_AHEAD = 8
_SAID = re.compile(r"(?:Caption|Text):wstring:(\d{1,9}):")
_TOP, _LEFT = 2, 0


def read(content: bytes, options: ReadingOptions) -> tuple[str, Body]:
    """The title that the file gives itself, and what was read.

    Raises:
        DocumentError: it is locked or damaged.
    """
    with HwpFile(content) as file:
        styles, has_changes = read_styles(file.document_info())
        body = Body(styles, options)
        if has_changes:
            body.said.append("changes are tracked in it: what was deleted may be read too")
        walk = _Walk(body)
        for section in file.sections():
            walk.section(section)
        return file.title, body


class _Walk:
    """Goes through sections, and tells the body what it meets."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._known: dict[str, Callable[[Record, Paragraph], None]] = {
            "secd": self._page_furniture,  # master pages
            "tbl ": self._table,
            "eqed": self._equation,
            "head": self._page_furniture,
            "foot": self._page_furniture,
            "fn  ": self._note,
            "en  ": self._note,
            "tcmt": self._comment,
            "atno": self._automatic_number,
            "tcps": lambda control, into: into.write(control.string(4)[0]),
            "tdut": self._ruby,
            "form": self._form,
        }

    def section(self, records: Iterable[Record]) -> None:
        """Read a section of the document."""
        for record in records:
            if record.tag == _PARAGRAPH:
                # The first paragraph of a section holds what is said of the section, and is numbered by it.
                for child in record.children:
                    if child.tag == _CONTROL and child.payload[:4] == b"dces":
                        self._body.outline = child.number(18)
                self._body.add(self._paragraph(record))
                self._hung_on(record)

    def within(self, records: Iterable[Record]) -> list[str]:
        """The blocks of text in records: those of all paragraphs in or below them, in order."""
        with self._body.deeper():
            return list(self._within(records))

    def _within(self, records: Iterable[Record]) -> Iterator[str]:
        for record in records:
            if record.tag == _PARAGRAPH:
                yield from self._paragraph(record).blocks()
            elif record.tag == _TEXT_ART:
                yield _text_art(record)
            elif record.tag == _CHART:
                self._body.unread["chart"] += 1
            elif record.children:
                yield from self.within(record.children)

    def _hung_on(self, record: Record) -> None:
        """What stands behind the last paragraph of a section: memos, and master pages of their own kinds."""
        rest = record.children
        first = next((index for index, child in enumerate(rest) if child.tag in (_LIST, _MEMO)), len(rest))
        memo = next((index for index, child in enumerate(rest) if child.tag == _MEMO), len(rest))
        if self._body.options.page_headers and first < memo:
            self._body.page_furniture(self.within(rest[first:memo]))
        if self._body.options.comments and memo < len(rest):
            paragraph = Paragraph()
            paragraph.put(self.within(rest[memo:]), in_line=False)
            self._body.add(paragraph)

    def _paragraph(self, record: Record) -> Paragraph:
        into = self._body.begin(record.number(8), record.payload[10] if len(record.payload) > 10 else 0)
        controls: deque[Record] = deque()
        text, shapes = b"", b""
        for child in record.children:
            if child.tag == _CONTROL:
                controls.append(child)
            elif child.tag == _TEXT:
                text += child.payload
            elif child.tag == _LETTER_SHAPES:
                shapes = child.payload
        self._letters(text, _Bold(shapes, self._body.styles.bold), controls, into)
        for control in controls:  # those that no letter stands for
            self._control(control, into)
        return into

    def _letters(self, text: bytes, bold: _Bold, controls: deque[Record], into: Paragraph) -> None:
        units = array("H", text[: len(text) // 2 * 2])
        if sys.byteorder == "big":
            units.byteswap()
        begin, place, size = 0, 0, len(units)
        while place <= size:
            code = units[place] if place < size else 0
            if code >= 32:
                place += 1
                continue
            if place > begin:
                letters = text[2 * begin : 2 * place].decode("utf-16-le", "replace")
                into.write(letters, bold=bold(begin, place))
            if code in _LETTERS:
                into.write(_LETTERS[code])
            elif code in _WITH_RECORD:
                self._take(bytes(text[2 * place + 2 : 2 * place + 6]), controls, into)
            place += 1 if code in _SINGLE else _WIDE
            begin = place

    def _take(self, identifier: bytes, controls: deque[Record], into: Paragraph) -> None:
        """Read the record of a control, if it is there; those that stand before it, too."""
        for index in range(min(len(controls), _AHEAD)):
            if controls[index].payload[:4] == identifier:
                for _ in range(index + 1):
                    self._control(controls.popleft(), into)
                return

    def _control(self, control: Record, into: Paragraph) -> None:
        name = control.payload[:4][::-1].decode("latin-1")
        self._known.get(name, self._shape)(control, into)

    def _shape(self, control: Record, into: Paragraph) -> None:
        """Anything drawn, with text in it or a caption to it; and whatever else holds paragraphs."""
        into.put(self.within(control.children), in_line=_is_in_line(control))

    def _table(self, control: Record, into: Paragraph) -> None:
        caption: list[Record] = []
        cells: list[tuple[Record, list[Record]]] = []
        table: Record | None = None
        for child in control.children:
            if child.tag == _TABLE:
                table = child
            elif table is None:
                caption.append(child)
            elif child.tag == _LIST:
                cells.append((child, list(child.children)))
            elif cells:
                cells[-1][1].append(child)
        blocks = self.within(caption)
        is_below = bool(caption) and caption[0].number(8, "<I") & 3 not in (_TOP, _LEFT)
        rows: dict[int, list[tuple[int, Placed]]] = {}
        with self._body.deeper(in_columns=table is not None and table.number(6) > 1):
            for head, paragraphs in cells:
                column, row, across, down = (head.number(offset) for offset in (8, 10, 12, 14))
                rows.setdefault(row, []).append((column, (self.within(paragraphs), down, across)))
        found = self._body.table(_rows(rows))
        into.put(found + blocks if is_below else blocks + found, in_line=_is_in_line(control), whole=True)

    def _equation(self, control: Record, into: Paragraph) -> None:
        for child in control.children:
            if child.tag == _EQUATION:
                into.write(f" {' '.join(child.string(4)[0].split())} ")
        into.put(self.within(control.children), in_line=False)

    def _page_furniture(self, control: Record, _into: Paragraph) -> None:
        blocks = self.within(control.children)
        if self._body.options.page_headers:
            self._body.page_furniture(blocks)

    def _note(self, control: Record, into: Paragraph) -> None:
        into.write(self._body.note(self.within(control.children), at_end=control.payload[:4] == b"  ne"))

    def _comment(self, control: Record, into: Paragraph) -> None:
        if self._body.options.comments:
            into.put(self.within(control.children), in_line=False)

    def _automatic_number(self, control: Record, into: Paragraph) -> None:
        properties = control.number(4, "<I")
        if properties & 0xF in (1, 2):
            return  # of a footnote or endnote: written at its note
        number = numeral(control.number(8), kind_of_number(properties >> 4 & 0xFF))
        into.write(f"{control.letter(12)}{number}{control.letter(14)}")

    def _ruby(self, control: Record, into: Paragraph) -> None:
        main, end = control.string(4)
        above, _ = control.string(end)
        into.write(main + (f"({above})" if above else ""))

    def _form(self, control: Record, into: Paragraph) -> None:
        for child in control.children:
            if child.tag == _FORM:
                said = child.payload[: len(child.payload) // 2 * 2].decode("utf-16-le", "replace")
                for match in _SAID.finditer(said):
                    into.write(f" {said[match.end() : match.end() + int(match[1])]} ")


def _rows(cells: dict[int, list[tuple[int, Placed]]]) -> list[list[Placed]]:
    """Rows in order, also those that begin no cell: merged cells are counted over them."""
    last = max(cells, default=-1)
    return [[cell for _, cell in sorted(cells.get(row, ()), key=lambda placed: placed[0])] for row in range(last + 1)]


def _is_in_line(control: Record) -> bool:
    return bool(control.number(4, "<I") & 1)


def _text_art(record: Record) -> str:
    # Behind four points of two numbers each.
    return record.string(32)[0].replace("\r\n", "\n").replace("\r", "\n").strip()


class _Bold:
    """Where the letters of a paragraph are bold."""

    def __init__(self, shapes: bytes, bold: frozenset[int]) -> None:
        changes = sorted(struct.iter_unpack("<II", shapes[: len(shapes) // 8 * 8]))
        self._places = [place for place, _ in changes]
        self._bold = [identifier in bold for _, identifier in changes]

    def __call__(self, begin: int, end: int) -> bool:
        """Whether all letters between two places are."""
        first = bisect_right(self._places, begin) - 1
        return first >= 0 and all(self._bold[first : bisect_left(self._places, end)])
