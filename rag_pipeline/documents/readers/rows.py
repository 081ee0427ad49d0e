"""Rows of a table become text that can be found and cited: ``column: value``, with the rows' numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rag_pipeline.documents.document import Section
from rag_pipeline.metadata_values import MetadataValue

# Rows that stand together in one passage: enough to be found by their fellows, few enough to be cited.
_CHARACTERS = 1200


def row_sections(
    rows: Iterable[Sequence[Any]], headings: tuple[str, ...] = (), place: dict[str, MetadataValue] | None = None
) -> Iterator[Section]:
    """Sections of some rows each, their numbers in ``place`` as a spreadsheet counts them, from 1.

    Args:
        rows: the first that is not empty names the columns.
        headings: headings of each section.
        place: what else says where the rows are, such as the sheet.
    """
    columns: list[str] | None = None
    lines: list[str] = []
    first = last = size = 0
    for number, row in enumerate(rows, start=1):
        cells = [_shown(cell) for cell in row]
        if not any(cells):
            continue
        if columns is None:
            columns = cells
            continue
        line = _line(columns, cells)
        if lines and size + len(line) > _CHARACTERS:
            yield Section(headings, "\n".join(lines), {**(place or {}), "rows": f"{first}-{last}"})
            lines, size = [], 0
        first = first if lines else number
        last = number
        lines.append(line)
        size += len(line)
    if lines:
        yield Section(headings, "\n".join(lines), {**(place or {}), "rows": f"{first}-{last}"})
    elif columns is not None:
        # A single row has nothing to name.
        yield Section(headings, " | ".join(cell for cell in columns if cell), {**(place or {}), "rows": "1-1"})


def _line(columns: list[str], cells: list[str]) -> str:
    named = []
    for index, cell in enumerate(cells):
        if cell:
            name = columns[index] if index < len(columns) else ""
            named.append(f"{name}: {cell}" if name else cell)
    return "; ".join(named)


def _shown(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))  # spreadsheets keep whole numbers as 12.0
    return " ".join(str(cell).split())
