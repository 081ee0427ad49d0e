"""ODS (OpenDocument 1.3, part 3): values as they are shown, and what is hidden, merged and commented."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.spreadsheets.number_formats import plain_number
from rag_pipeline.documents.readers.spreadsheets.sheet import Sheet, column_name
from rag_pipeline.errors import DocumentError

if TYPE_CHECKING:
    from lxml.etree import _Element

CONTENT = "content.xml"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
# What a repetition of something may stand for; of nothing it is free.
_MOST_REPEATED = 1000
_DURATION = re.compile(r"P(?:(\d+)D)?T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,]\d+)?S)?")


def ods_sheets(archive: zipfile.ZipFile) -> Iterator[Sheet]:
    """Sheets in their order.

    Raises:
        DocumentError: it is locked with a password.
    """
    from lxml import etree

    if "META-INF/manifest.xml" in archive.namelist() and b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise DocumentError("is locked with a password; save it without one")
    reader = _Reader()
    names = ("table", "table-column", "table-row", "shapes")
    with archive.open(CONTENT) as stream:
        events = etree.iterparse(
            stream,
            events=("start", "end"),
            tag=[f"{_STYLE}style", *(f"{_TABLE}{name}" for name in names)],
            resolve_entities=False,
            no_network=True,
            huge_tree=True,
        )
        for event, element in events:
            if event == "start":
                reader.begin(element)
            elif sheet := reader.end(element):
                yield sheet


class _Reader:
    """What is known while the sheets are read, one after the other."""

    def __init__(self) -> None:
        self._hidden_styles: set[str] = set()
        self._sheet = Sheet("")
        self._row = self._column = 0
        self._depth = 0  # a cell may hold a table of its own

    def begin(self, element: _Element) -> None:
        if element.tag == f"{_TABLE}table":
            self._depth += 1
            if self._depth == 1:
                name = " ".join(element.get(f"{_TABLE}name", "").split())
                self._sheet = Sheet(name, hidden=element.get(f"{_TABLE}style-name") in self._hidden_styles)
                self._row = self._column = 0

    def end(self, element: _Element) -> Sheet | None:
        """Take in what is whole now; returns a sheet when it is."""
        if element.tag == f"{_STYLE}style":
            properties = element.find(f"{_STYLE}table-properties")
            if properties is not None and properties.get(f"{_TABLE}display") == "false":
                self._hidden_styles.add(element.get(f"{_STYLE}name", ""))
            return None
        is_table = element.tag == f"{_TABLE}table"
        if self._depth == 1:
            if element.tag == f"{_TABLE}table-column":
                self._read_column(element)
            elif element.tag == f"{_TABLE}table-row":
                self._row += _read_row(element, self._row + 1, self._sheet)
            elif element.tag == f"{_TABLE}shapes":
                self._sheet.boxes += _boxes(element)
            element.clear()
            while (before := element.getprevious()) is not None and (parent := element.getparent()) is not None:
                parent.remove(before)
        self._depth -= is_table
        return self._sheet if is_table and self._depth == 0 else None

    def _read_column(self, element: _Element) -> None:
        count = _count(element, "number-columns-repeated", _LAST_COLUMN)
        if element.get(f"{_TABLE}visibility", "visible") != "visible":
            self._sheet.hidden_columns.append((self._column, self._column + count - 1))
        self._column += count


def _read_row(element: _Element, number: int, sheet: Sheet) -> int:
    """Read one row; returns how many rows it stands for."""
    cells: dict[int, str] = {}
    column = 0
    for cell in element.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
        count = _count(cell, "number-columns-repeated", _LAST_COLUMN)
        if len(cell):
            if comment := " ".join(" ".join(_lines(note)) for note in cell.iter(f"{_OFFICE}annotation")):
                sheet.comments[number, column] = " ".join(comment.split())
            sheet.boxes += _boxes(cell)
        if cell.tag == f"{_TABLE}table-cell":
            if text := _shown(cell):
                sheet.repetitions_cut |= count > _MOST_REPEATED
                cells.update(dict.fromkeys(range(column, column + min(count, _MOST_REPEATED)), text))
            elif cell.get(f"{_TABLE}formula") and not cell.get(f"{_OFFICE}value-type"):
                sheet.without_value.append(f"{column_name(column)}{number}")
            _note_merge(cell, number, column, sheet)
        column += count
        if column > _LAST_COLUMN:
            break
    count = _count(element, "number-rows-repeated", _LAST_ROW)
    rows = range(number, number + min(count, _MOST_REPEATED))
    if cells:
        sheet.repetitions_cut |= count > _MOST_REPEATED
        sheet.rows.update((row, dict(cells)) for row in rows)
    if element.get(f"{_TABLE}visibility", "visible") != "visible":
        sheet.hidden_rows.update(rows)
    return count


def _note_merge(cell: _Element, row: int, column: int, sheet: Sheet) -> None:
    across = _count(cell, "number-columns-spanned", _LAST_COLUMN)
    down = _count(cell, "number-rows-spanned", _LAST_ROW)
    if across > 1 or down > 1:
        sheet.merges.append((row, column, row + down - 1, column + across - 1))


def _shown(cell: _Element) -> str:
    shown = "\n".join(_lines(cell))
    value = cell.get(f"{_OFFICE}value", "")
    match cell.get(f"{_OFFICE}value-type"):
        case "date":
            date = cell.get(f"{_OFFICE}date-value", shown)
            day, _, clock = date.partition("T")
            return f"{day} {_clock(clock)}" if clock.strip("0:.") else day
        case "time":
            return _duration(cell.get(f"{_OFFICE}time-value", ""), shown)
        case "percentage":
            return _digits_kept(shown, value, 2) + ("" if "%" in shown else "%")
        case "float" | "currency":
            return _digits_kept(shown, value, 0)
        case "boolean":
            return "TRUE" if cell.get(f"{_OFFICE}boolean-value") == "true" else "FALSE"
        case _:
            return shown or cell.get(f"{_OFFICE}string-value", "")


def _digits_kept(shown: str, value: str, shift: int) -> str:
    """A number as it is shown, unless that is rounded: then all its digits, in the same dress."""
    try:
        exact = Decimal(plain_number(value)).scaleb(shift)
        figures = re.search(r"[0-9][0-9,]*(?:\.[0-9]+)?", shown)
        if figures is None:
            return shown or f"{exact:f}"
        if abs(exact) == Decimal(figures[0].replace(",", "")):
            return shown
        whole, _, rest = f"{abs(exact):f}".partition(".")
        whole = f"{int(whole):,}" if "," in figures[0] else whole
        rest = rest.rstrip("0")
        return shown[: figures.start()] + whole + (f".{rest}" if rest else "") + shown[figures.end() :]
    except InvalidOperation:
        return shown or value


def _duration(written: str, shown: str) -> str:
    match = _DURATION.fullmatch(written)
    if match is None:
        return shown
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return f"{24 * days + hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


def _clock(time: str) -> str:
    time = time.partition(".")[0]
    return time.removesuffix(":00") if time.count(":") == 2 else time


def _lines(element: _Element) -> list[str]:
    """Paragraphs of a cell or a comment itself, without those of comments and boxes in it."""
    return [_words(paragraph) for paragraph in element if paragraph.tag == f"{_TEXT}p"]


def _words(paragraph: _Element) -> str:
    parts = [paragraph.text or ""]
    for inner in paragraph:
        if inner.tag in (f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"):
            parts.append(" ")
        elif isinstance(inner.tag, str) and inner.tag not in (f"{_TEXT}ruby-text", f"{_OFFICE}annotation"):
            parts.append(_words(inner))
        parts.append(inner.tail or "")
    return "".join(parts)


def _boxes(element: _Element) -> Iterator[str]:
    for frame in element.iter(f"{_DRAW}text-box", f"{_DRAW}custom-shape"):
        text = "\n".join(filter(None, (_words(paragraph).strip() for paragraph in frame.iter(f"{_TEXT}p"))))
        if text:
            yield text


def _count(element: _Element, name: str, most: int) -> int:
    written = element.get(f"{_TABLE}{name}", "1")
    return min(max(int(written), 1), most) if written.isdecimal() else 1
