"""XLSX (ECMA-376): values as their formats show them, and what is hidden, merged, commented and not calculated."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.archive import parse_xml
from rag_pipeline.documents.readers.spreadsheets.number_formats import Shown, number_format, plain_number
from rag_pipeline.documents.readers.spreadsheets.sheet import Sheet, column_name, place_of, range_of
from rag_pipeline.errors import DocumentError

if TYPE_CHECKING:
    from lxml.etree import _Element

WORKBOOK = "xl/workbook.xml"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_TRUE = ("1", "true", "on")
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384


class XlsxFile:
    """The parts of an XLSX file.

    Args:
        archive: the file, already looked at for bombs.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        # Some programs write other cases and backslashes than the workbook names.
        self._names = {name.replace("\\", "/").lower(): name for name in archive.namelist()}
        workbook = self._parse(WORKBOOK)
        if workbook is None:
            raise DocumentError("is damaged: it holds no workbook")
        properties = next(workbook.iter("{*}workbookPr"), None)
        self._from_1904 = properties is not None and properties.get("date1904") in _TRUE
        self._strings = list(self._shared_strings())
        self._formats = self._cell_formats()
        self._relations = self._relations_of(WORKBOOK)
        self._columns: dict[str, int] = {}  # by their letters, as cells name them
        self._entries = list(workbook.iter("{*}sheet"))

    def sheets(self) -> Iterator[Sheet]:
        """Sheets in the workbook's order."""
        for entry in self._entries:
            relation = entry.get(_RELATION) or entry.get(_STRICT_RELATION) or ""
            kind, part = self._relations.get(relation, ("", ""))
            sheet = Sheet(
                " ".join((entry.get("name") or "").split()), hidden=entry.get("state", "visible") != "visible"
            )
            if kind == "worksheet" and part.lower() in self._names:
                self._read_cells(part, sheet)
            if kind in ("worksheet", "chartsheet"):
                self._read_beside(part, sheet)
            yield sheet

    def _read_cells(self, part: str, sheet: Sheet) -> None:
        from lxml import etree

        number = 0
        with self._archive.open(self._names[part.lower()]) as stream:
            tags = ("{*}row", "{*}col", "{*}mergeCell")
            # A long text of one cell is no attack: the archive is already known to be of an honest size.
            events = etree.iterparse(stream, tag=tags, resolve_entities=False, no_network=True, huge_tree=True)
            for _, element in events:
                tag = element.tag.rpartition("}")[2]
                if tag == "row":
                    number = _bounded(element.get("r"), number + 1, _LAST_ROW)
                    cells = self._cells(element, number, sheet)
                    if cells:
                        sheet.rows.setdefault(number, {}).update(cells)
                    if element.get("hidden") in _TRUE:
                        sheet.hidden_rows.add(number)
                elif tag == "col" and element.get("hidden") in _TRUE:
                    first, last = int(element.get("min", 1)), int(element.get("max", 1))
                    sheet.hidden_columns.append((first - 1, min(last, _LAST_COLUMN) - 1))
                elif tag == "mergeCell":
                    sheet.merges.append(range_of(element.get("ref", "A1")))
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]

    def _cells(self, row: _Element, number: int, sheet: Sheet) -> dict[int, str]:
        """Texts of a row; written for speed, for this runs for every cell."""
        cells: dict[int, str] = {}
        columns, column = self._columns, -1
        namespace = row.tag[:-3]
        value_tag, formula_tag, inline_tag = f"{namespace}v", f"{namespace}f", f"{namespace}is"
        for cell in row.iterchildren(f"{namespace}c"):
            if reference := cell.get("r"):
                letters = reference.rstrip("0123456789")
                if letters not in columns:
                    columns[letters] = place_of(f"{letters}1")[1]
                column = columns[letters]
            else:
                column += 1
            if column >= _LAST_COLUMN:
                raise DocumentError(f"is damaged: {reference} is beyond a sheet")
            text, has_formula, has_value = "", False, False
            for inner in cell:
                tag = inner.tag
                if tag == value_tag:
                    if value := inner.text:
                        text, has_value = self._text(cell, value), True
                elif tag == formula_tag:
                    has_formula = True
                elif tag == inline_tag:
                    text = _words(inner)
            if text:
                cells[column] = text
            elif has_formula and not has_value and cell.get("t") != "str":
                sheet.without_value.append(f"{column_name(column)}{number}")
        return cells

    def _text(self, cell: _Element, value: str) -> str:
        match cell.get("t", "n"):
            case "s":
                index = int(value)
                return self._strings[index] if 0 <= index < len(self._strings) else ""
            case "n":
                style = int(cell.get("s") or 0)
                return self._formats[style](value) if style < len(self._formats) else plain_number(value)
            case "b":
                return "TRUE" if value in _TRUE else "FALSE"
            case "d":
                return value.removesuffix("T00:00:00").replace("T", " ")
            case _:  # text of a formula, an error
                return value

    def _shared_strings(self) -> Iterator[str]:
        from lxml import etree

        name = next((part for kind, part in self._relations_of(WORKBOOK).values() if kind == "sharedStrings"), "")
        if name.lower() not in self._names:
            return
        with self._archive.open(self._names[name.lower()]) as stream:
            for _, item in etree.iterparse(
                stream, tag="{*}si", resolve_entities=False, no_network=True, huge_tree=True
            ):
                yield _words(item)
                item.clear()
                while item.getprevious() is not None:
                    del item.getparent()[0]

    def _cell_formats(self) -> list[Shown]:
        name = next((part for kind, part in self._relations_of(WORKBOOK).values() if kind == "styles"), "")
        styles = self._parse(name)
        if styles is None:
            return []
        codes: dict[str, str | int] = {
            entry.get("numFmtId", ""): entry.get("formatCode", "") for entry in styles.iter("{*}numFmt")
        }
        made: dict[str, Shown] = {}
        formats = []
        for entry in styles.iterfind("{*}cellXfs/{*}xf"):
            number = entry.get("numFmtId", "0")
            if number not in made:
                made[number] = number_format(codes.get(number, int(number)), from_1904=self._from_1904)
            formats.append(made[number])
        return formats

    def _read_beside(self, part: str, sheet: Sheet) -> None:
        """Comments, text boxes and titles of charts."""
        threads: dict[tuple[int, int], list[str]] = {}
        for kind, name in self._relations_of(part).values():
            found = self._parse(name) if kind in ("comments", "threadedComment", "drawing") else None
            if found is None:
                continue
            if kind == "comments":
                for comment in found.iter("{*}comment"):
                    if words := " ".join(_words(comment).split()):
                        sheet.comments[place_of(comment.get("ref", "A1"))] = words
            elif kind == "threadedComment":
                for comment in found.iter("{*}threadedComment"):
                    words = " ".join("".join(text.text or "" for text in comment.iter("{*}text")).split())
                    threads.setdefault(place_of(comment.get("ref", "A1")), []).append(words)
            else:
                sheet.boxes += self._boxes(found, name)
        # Beside a thread stands a comment for programs that know no threads, with advice to get one that does.
        sheet.comments.update({place: " / ".join(words) for place, words in threads.items()})

    def _boxes(self, drawing: _Element, part: str) -> Iterator[str]:
        for body in drawing.iter("{*}txBody"):
            if text := _paragraphs(body):
                yield text
        for kind, name in self._relations_of(part).values():
            chart = self._parse(name) if kind == "chart" else None
            title = None if chart is None else next(chart.iter("{*}title"), None)
            if title is not None and (text := _paragraphs(title)):
                yield text

    def _relations_of(self, part: str) -> dict[str, tuple[str, str]]:
        """Kind and part of what a part points to, by its ids."""
        folder, name = posixpath.split(part)
        relations = self._parse(f"{folder}/_rels/{name}.rels")
        if relations is None:
            return {}
        return {
            entry.get("Id", ""): (
                entry.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, entry.get("Target", ""))).lstrip("/"),
            )
            for entry in relations
            if isinstance(entry.tag, str) and entry.get("TargetMode") != "External"
        }

    def _parse(self, part: str) -> _Element | None:
        name = self._names.get(part.lower())
        return None if name is None else parse_xml(self._archive.read(name))


def _words(item: _Element) -> str:
    """Text of a string with formats, without the reading aids (phonetic runs) of East Asian names."""
    if len(item) == 1 and item[0].tag.endswith("}t"):
        return item[0].text or ""
    return "".join(
        text.text or ""
        for text in item.iter("{*}t")
        if (parent := text.getparent()) is None or not str(parent.tag).endswith("}rPh")
    )


def _paragraphs(body: _Element) -> str:
    lines = ["".join(text.text or "" for text in paragraph.iter("{*}t")).strip() for paragraph in body.iter("{*}p")]
    return "\n".join(filter(None, lines))


def _bounded(written: str | None, usual: int, most: int) -> int:
    number = int(written) if written else usual
    if not 0 < number <= most:
        raise DocumentError(f"is damaged: row {number} is beyond a sheet")
    return number
