"""A page: its lines in reading order, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rag_pipeline.documents.readers.pdf.annotations import read_annotations
from rag_pipeline.documents.readers.pdf.glyphs import Frame, read_glyphs
from rag_pipeline.documents.readers.pdf.lines import Line, in_reading_order, lines_by_region, part_columns
from rag_pipeline.documents.readers.pdf.rules import Grid, survey
from rag_pipeline.documents.readers.pdf.tables import Table, regions_of, write_table
from rag_pipeline.documents.readers.pdf.unseen import show_unseen


@dataclass(frozen=True)
class Page:
    """What a page holds."""

    number: int
    """From 1."""
    lines: list[Line]
    """What is in no table, in reading order."""
    tables: list[Table]
    comments: list[str]
    frame: Frame
    has_picture: bool = False

    @property
    def text(self) -> str:
        """All of it, to see whether there is any."""
        return "\n".join([*(line.text for line in self.lines), *(table.text for table in self.tables)])

    def with_lines(self, lines: list[Line]) -> Page:
        """The page with other lines."""
        return replace(self, lines=lines)

    def in_order(self) -> list[Line | Table]:
        """Lines and tables: a table stands below the line that ends right above it."""
        items: list[Line | Table] = list(self.lines)
        for table in sorted(self.tables, key=lambda table: table.box[1]):
            items.insert(_place(items, table), table)
        return items


def read_page(pdf: Any, index: int, form: Any) -> Page:
    """Read a page of a document of pypdfium2.

    Args:
        pdf: the document.
        index: of the page, from 0.
        form: the document's form environment; None: it has no form.
    """
    page = pdf[index]
    try:
        frame = Frame.of(page)
        laid = read_annotations(page, form, frame)
        drawn = survey(page, frame)
        show_unseen(page, drawn.texts)
        text_page = page.get_textpage()
        try:
            glyphs = read_glyphs(text_page, frame)
            regions, tables = regions_of(glyphs, drawn.grids) if drawn.grids else (None, [])
            found = lines_by_region(glyphs, regions)
            beside_tables = [line for line in laid.lines if not _in_cell(line, tables, found)]
        finally:
            text_page.close()
    finally:
        page.close()
    lines = _with_laid(in_reading_order(part_columns(found.pop(-1, []))), beside_tables)
    written = [
        write_table(grid, [found.get(first + cell, []) for cell in range(int(grid.cells.max()) + 1)])
        for first, grid in tables
    ]
    return Page(index + 1, lines, written, laid.comments, frame, drawn.has_picture)


def _in_cell(line: Line, tables: Sequence[tuple[int, Grid]], found: dict[int, list[Line]]) -> bool:
    """Put the value of a field into the cell that it lies in, if there is one."""
    box = np.array([[line.left, line.top, line.right, line.bottom]])
    for first, grid in tables:
        cell = int(grid.places(box)[0])
        if cell >= 0:
            found.setdefault(first + cell, []).append(line)
            return True
    return False


def _with_laid(lines: list[Line], laid: Sequence[Line]) -> list[Line]:
    """The lines with the values of fields: behind the words on the same height, or in a line of their own."""
    for value in laid:
        beside = [
            index
            for index, line in enumerate(lines)
            if line.is_upright and line.is_beside(value) and line.left < value.left
        ]
        if beside:
            nearest = min(beside, key=lambda index: abs(value.left - lines[index].right))
            line = lines[nearest]
            lines[nearest] = replace(line, text=f"{line.text.rstrip()} {value.text}", right=value.right, parts=())
        else:
            above = [index for index, line in enumerate(lines) if line.middle <= value.middle]
            lines.insert(max(above, key=lambda index: lines[index].middle) + 1 if above else 0, value)
    return lines


def _place(items: Sequence[Line | Table], table: Table) -> int:
    """Where a table belongs among what is in order already."""
    left, top, right, _ = table.box
    boxes = [(item.left, item.top, item.right, item.bottom) if isinstance(item, Line) else item.box for item in items]
    # A small table in the middle may have nothing right above it: then whatever is higher counts.
    for in_line in ([box[0] < right and left < box[2] for box in boxes], [True] * len(boxes)):
        middles = [((box[1] + box[3]) / 2, box[3], index) for index, box in enumerate(boxes) if in_line[index]]
        over = [(bottom, index) for middle, bottom, index in middles if middle <= top + 1]
        if over:
            return _end_of_paragraph(items, max(over)[1], top) + 1
        if middles:
            return middles[0][2]
    return len(items)


def _end_of_paragraph(items: Sequence[Line | Table], index: int, top: float) -> int:
    """The last line that goes on below a line, above a height: it may be too short to be right above a table."""
    while index + 1 < len(items):
        line, below = items[index], items[index + 1]
        if not (isinstance(line, Line) and isinstance(below, Line)):
            break
        if not (line.middle < below.middle <= top + 1 and line.overlaps(below)):
            break
        index += 1
    return index
