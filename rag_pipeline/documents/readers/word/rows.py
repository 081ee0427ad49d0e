"""Rows and cells of a Word table, in whatever is around them (ECMA-376 part 1, 17.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.grid import GOES_ON, GridCell
from rag_pipeline.documents.readers.office.package import alternative, attribute, child, name_of, switched, whole

if TYPE_CHECKING:
    from lxml.etree import _Element

_UNREAD = frozenset({"w:tblPr", "w:tblGrid", "w:tblPrEx", "w:trPr", "w:sdtPr", "w:sdtEndPr", "w:customXmlPr"})


def rows_of(table: _Element, *, hidden: bool) -> Iterator[list[GridCell]]:
    """The rows of a table, also those in content controls; without those that were deleted (17.4, 17.13.5)."""
    for row in _inside(table, "w:tr"):
        properties = child(row, "w:trPr")
        if child(properties, "w:del") is not None or (switched(properties, "w:hidden") and not hidden):
            continue
        yield _cells(row, properties)


def _inside(element: Iterable[_Element], wanted: str) -> Iterator[_Element]:
    for inner in element:
        name = name_of(inner)
        if name in (wanted, "w:p"):
            yield inner
        elif name == "mc:AlternateContent":
            yield from _inside(alternative(inner), wanted)
        elif name and name not in _UNREAD:
            yield from _inside(inner, wanted)


def _cells(row: _Element, properties: _Element | None) -> list[GridCell]:
    if name_of(row) == "w:p":  # where no paragraph belongs
        return [GridCell(row, 0, 1)]
    column = max(whole(attribute(child(properties, "w:gridBefore"), "val")), 0)
    cells: list[GridCell] = []
    for element in _inside(row, "w:tc"):
        settings = child(element, "w:tcPr")
        columns = max(whole(attribute(child(settings, "w:gridSpan"), "val"), 1), 1)
        beside, above = child(settings, "w:hMerge"), child(settings, "w:vMerge")
        if cells and beside is not None and attribute(beside, "val") != "restart" and not _has_text(element):
            cells[-1].columns += columns  # the older way to merge cells of a row
        else:
            vertical = "" if above is None else attribute(above, "val") or GOES_ON
            cells.append(GridCell(element, column, columns, vertical))
        column += columns
    return cells


def _has_text(element: _Element) -> bool:
    return any((text.text or "").strip() for text in element.iter("{*}t"))
