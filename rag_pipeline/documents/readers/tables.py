"""Tables of documents, with cells that cover several places, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Columns that one cell may cover, as in the HTML standard.
_WIDEST = 1000
MOST_PLACES = 2_000_000
"""Places of a grid with its merged cells laid out, beyond which it is no table anyone made: write it row by row."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table that may cover several places of the grid."""

    text: str
    rows: int = 1
    columns: int = 1


def spread(rows: Iterable[Sequence[Cell]]) -> list[list[str]]:
    """Cells become a rectangle of texts, each value under its own heading.

    A cell takes the first free place of its row, as in HTML ("forming a table" of the HTML standard). What covers
    several rows is repeated in each, so that a row says what it belongs to; what covers several columns stands in
    the first, and the others are empty.

    Args:
        rows: each row's own cells, from left to right; a place that begins nothing needs an empty cell.
    """
    grid: list[list[str]] = []
    hanging: dict[int, tuple[str, int]] = {}  # by column: a cell from above, and for how many rows it goes on
    for row in rows:
        line = {column: text for column, (text, _) in hanging.items()}
        hanging = {column: (text, left - 1) for column, (text, left) in hanging.items() if left > 1}
        column = 0
        for cell in row:
            while column in line:
                column += 1
            for across in range(min(max(cell.columns, 1), _WIDEST)):
                line[column] = "" if across else cell.text
                if cell.rows > 1:
                    hanging[column] = (line[column], cell.rows - 1)
                column += 1
        grid.append([line.get(place, "") for place in range(max(line, default=-1) + 1)])
    width = max(map(len, grid), default=0)
    return [[*line, *[""] * (width - len(line))] for line in grid]


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown (GitHub Flavored Markdown, "tables"); its first row names the columns.

    A single column is a box around text, and stays lines. Lines within a cell are joined, and its pipes escaped.

    Args:
        rows: texts, row by row; shorter rows are filled with empty cells. Rows without any text are left out.
    """
    texts = [[" ".join(cell.split()) for cell in row] for row in rows if any(cell.strip() for cell in row)]
    width = max(map(len, texts), default=0)
    if width <= 1:
        return "\n".join(cell for row in texts for cell in row)
    lines = [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in [*row, *[''] * (width - len(row))])} |"
        for row in texts
    ]
    return "\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])
