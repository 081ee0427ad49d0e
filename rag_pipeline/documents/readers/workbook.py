"""XLSX, XLS and ODS, sheet by sheet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers import delimited, html
from rag_pipeline.documents.readers.archive import OLE, check_archive, core_title
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.spreadsheets.sheet import Sheet
from rag_pipeline.documents.readers.spreadsheets.tables import sheet_sections
from rag_pipeline.errors import DocumentError

_TAG = re.compile(rb"<(?:html|table|!doctype html)\b", re.IGNORECASE)
_MOST_NAMED = 5


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read rows as ``column: value``, with sheet and row numbers; a form as ``label: value``.

    Values look as they do in the program: percentages, money, grouped thousands; dates are ISO. What covers several
    rows is repeated in each, what covers several columns is the name of all of them. Text boxes and titles of charts
    follow the rows of their sheet. Left out are hidden sheets, rows and columns, and comments, unless they are asked
    for (of XLS only sheets are known to be hidden, and comments are not read), the figures of charts, which are those
    of cells, and headers and footers of pages.

    Raises:
        DocumentError: it is locked with a password, or all of it is hidden.
    """
    from rag_pipeline.documents.readers.spreadsheets.ods import CONTENT, ods_sheets
    from rag_pipeline.documents.readers.spreadsheets.xls import xls_sheets
    from rag_pipeline.documents.readers.spreadsheets.xlsx import WORKBOOK, XlsxFile

    is_old = PurePath(name).suffix.lower() == ".xls"
    if content.startswith(b"PK"):
        with check_archive(content) as archive:
            parts = {part.replace("\\", "/").lower() for part in archive.namelist()}
            if WORKBOOK in parts:
                return _document(core_title(archive) or stem_of(name), XlsxFile(archive).sheets(), options)
            if CONTENT in parts:
                return _document(core_title(archive, "meta.xml") or stem_of(name), ods_sheets(archive), options)
    elif is_old and not content.startswith(OLE) and _TAG.search(content[:4096]):
        # Sites and old programs give a page the name of a workbook, which spreadsheets open all the same.
        return html.read(name, content, options)
    elif is_old and not content.startswith(OLE) and b"\t" in content[:4096]:
        return delimited.read(f"{stem_of(name)}.tsv", content, options)
    return _document(stem_of(name), xls_sheets(content, is_named_so=is_old), options)


def _document(title: str, sheets: Iterable[Sheet], options: ReadingOptions) -> Document:
    left_out = _LeftOut()
    sections = [section for sheet in sheets for section in _sections(sheet, options, left_out)]
    if not any(section.text.strip() for section in sections) and left_out.hidden.total():
        raise DocumentError(f"holds nothing but {_listed(left_out.hidden)}, all hidden (reading.hidden)")
    return Document(title, tuple(sections), warnings=tuple(left_out.said()))


def _sections(sheet: Sheet, options: ReadingOptions, left_out: _LeftOut) -> Iterator[Section]:
    if sheet.hidden and not options.hidden:
        left_out.hidden["sheet"] += 1
        return
    if options.comments:
        sheet.add_comments()
    across = sheet.fill_down()
    if not options.hidden:
        rows, columns = sheet.drop_hidden()
        left_out.hidden["row"] += rows
        left_out.hidden["column"] += columns
    left_out.comments += 0 if options.comments else len(sheet.comments)
    left_out.formulas += [f"{sheet.name}!{cell}" for cell in sheet.without_value]
    if sheet.repetitions_cut:
        left_out.cut.append(sheet.name)
    yield from sheet_sections(sheet, across)


@dataclass
class _LeftOut:
    """What is not in the text."""

    hidden: Counter[str] = field(default_factory=Counter)
    comments: int = 0
    formulas: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    def said(self) -> Iterator[str]:
        """A line each."""
        if self.hidden.total():
            yield f"hidden: {_listed(self.hidden)} left out (reading.hidden)"
        if self.comments:
            yield f"{_listed({'comment': self.comments})} left out (reading.comments)"
        if self.formulas:
            named = ", ".join(self.formulas[:_MOST_NAMED]) + (", …" if len(self.formulas) > _MOST_NAMED else "")
            hold = "hold" if len(self.formulas) > 1 else "holds"
            count = _listed({"formula": len(self.formulas)})
            yield f"{count} {hold} no value ({named}); open and save it in a spreadsheet"
        if self.cut:
            yield f"what is repeated thousands of times was cut short ({', '.join(self.cut[:_MOST_NAMED])})"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count)
