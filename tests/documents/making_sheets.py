"""Spreadsheets for tests: XLSX by openpyxl, ODS written by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence

from tests import formats

_NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("table", "table"),
        ("text", "text"),
        ("style", "style"),
        ("draw", "drawing"),
    )
)


def xlsx(*sheets: Sequence[Sequence[object]], change: Callable | None = None) -> bytes:
    """A workbook of sheets of rows; ``change`` gets the workbook before it is saved."""
    from openpyxl import Workbook

    book = Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if number == 0 else book.create_sheet()
        sheet.title = f"장{number + 1}"
        for row in rows:
            sheet.append(list(row))
    if change is not None:
        change(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def patched(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """An archive with one part changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return formats.archive({name: change(text) if name == part else text for name, text in parts.items()})


def ods(*tables: str, styles: str = "", title: str = "") -> bytes:
    """An ODS file of the insides of ``table:table`` elements, the first called 장1."""
    body = "".join(f'<table:table table:name="장{number}"{table}' for number, table in enumerate(tables, start=1))
    content = (
        f"<office:document-content {_NAMESPACES}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    told = f'<dc:title xmlns:dc="http://purl.org/dc/elements/1.1/">{title}</dc:title>'
    meta = f"<office:document-meta {_NAMESPACES}>{told}</office:document-meta>"
    parts = {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content}
    return formats.archive({**parts, "meta.xml": meta} if title else parts)


def ods_row(*cells: str, attributes: str = "") -> str:
    """A row of cells: a text, or a whole element."""
    told = (
        cell if cell.startswith("<") else f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>"
        for cell in cells
    )
    return f"<table:table-row {attributes}>{''.join(told)}</table:table-row>"
