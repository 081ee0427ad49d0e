"""Tables of a page, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag_pipeline.documents.readers.pdf.glyphs import Box, Glyphs
from rag_pipeline.documents.readers.pdf.lines import Line
from rag_pipeline.documents.readers.pdf.paragraphs import flowing
from rag_pipeline.documents.readers.pdf.rules import Grid, is_within
from rag_pipeline.documents.readers.tables import Cell, markdown_table, spread


@dataclass(frozen=True)
class Table:
    """A table as Markdown, and where it is."""

    text: str
    box: Box


def regions_of(glyphs: Glyphs, grids: Sequence[Grid]) -> tuple[np.ndarray, list[tuple[int, Grid]]]:
    """Which cell each character is in, and the grids that are tables, each with the number of its first cell.

    What is drawn like a table and holds hardly any text is a chart, and a table in a cell of another is its text.

    Args:
        glyphs: of the page.
        grids: the largest first.
    """
    regions = np.full(len(glyphs.text), -1)
    tables: list[tuple[int, Grid]] = []
    first = 0
    for grid in grids:
        if any(is_within(grid.box, other.box) for _, other in tables):
            continue
        places = grid.places(glyphs.boxes)
        places[regions >= 0] = -1
        filled = np.unique(places[glyphs.inked & (places >= 0)])
        count = int(grid.cells.max()) + 1
        rows = len(grid.ys) - 1
        if len(filled) < 2 or 2 * len(filled) < rows or 4 * len(filled) < count:
            continue
        regions[places >= 0] = places[places >= 0] + first
        tables.append((first, grid))
        first += count
    return regions, tables


def write_table(grid: Grid, texts: Sequence[Sequence[Line]]) -> Table:
    """A table as Markdown.

    Args:
        grid: its cells.
        texts: the lines of each cell, by its number.
    """
    rows: list[list[Cell]] = []
    for number_of_row, row in enumerate(grid.cells):
        cells = []
        for column in range(len(row)):
            number = int(row[column])
            above = number_of_row and grid.cells[number_of_row - 1, column] == number
            if above or (column and row[column - 1] == number):
                continue
            high = int((grid.cells[:, column] == number).sum())
            wide = int((row == number).sum())
            right = float(grid.xs[column + wide])
            cells.append(Cell(flowing(texts[number], right), high, wide))
        rows.append(cells)
    laid = spread(rows)
    kept = [index for index in range(len(laid[0]) if laid else 0) if any(row[index].strip() for row in laid)]
    return Table(markdown_table([[row[index] for index in kept] for row in laid]), grid.box)
