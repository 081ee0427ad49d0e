"""Where on the grid of a table each cell stands, in Word files and on slides."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.tables import MOST_PLACES, Cell, markdown_table, spread

if TYPE_CHECKING:
    from lxml.etree import _Element

GOES_ON = "continue"


@dataclass
class GridCell:
    """A cell as it is written in its row."""

    content: _Element
    column: int
    columns: int
    vertical: str = ""
    """``continue`` where it belongs to the cell above it, ``restart`` where cells below may belong to it."""
    text: str = ""


def is_one_column(rows: Sequence[Sequence[GridCell]]) -> bool:
    """Whether a table is a box, or several below each other."""
    return len({cell.column for row in rows for cell in row}) <= 1


def table_text(rows: Sequence[Sequence[GridCell]]) -> str:
    """A table as Markdown, each value under its own heading."""
    grid = _grid(rows)
    # One long row must not make all others as long.
    return markdown_table(grid) if _fits(grid) else "\n".join(filter(None, map(_line, grid)))


def table_line(rows: Sequence[Sequence[GridCell]]) -> str:
    """A table in a line, for a cell of another: cells parted by slashes, rows by semicolons."""
    return "; ".join(filter(None, map(_line, _grid(rows))))


def _line(row: Sequence[str]) -> str:
    return " / ".join(" ".join(text.split()) for text in row if text.strip())


def _fits(grid: Sequence[Sequence[str]]) -> bool:
    return len(grid) * max(map(len, grid), default=0) <= MOST_PLACES


def _grid(rows: Sequence[Sequence[GridCell]]) -> list[list[str]]:
    # Only columns in which a cell begins: programs write grids with far more.
    starts = sorted({cell.column for row in rows for cell in row})
    if len(starts) * len(rows) > MOST_PLACES:
        return [[cell.text for cell in row] for row in rows]
    return spread(_laid_out(rows, starts))


@dataclass
class _Merged:
    text: str
    columns: int
    rows: int = 1


def _laid_out(rows: Sequence[Sequence[GridCell]], starts: Sequence[int]) -> list[list[Cell]]:
    """Cells with the rows and columns that they cover, and empty ones where a row begins late or has a gap."""
    laid: list[list[tuple[int, int, _Merged | None]]] = []
    above: dict[int, _Merged] = {}
    for row in rows:
        line: list[tuple[int, int, _Merged | None]] = []
        merging: dict[int, _Merged] = {}
        for cell in row:
            first = bisect_left(starts, cell.column)
            width = max(bisect_left(starts, cell.column + cell.columns) - first, 1)
            upper = above.get(first) if cell.vertical == GOES_ON else None
            if upper is not None and upper.columns == width:
                upper.rows += 1
                # Word shows no text there; it is in the file all the same.
                upper.text = _with(upper.text, cell.text)
                line.append((first, width, None))
                merging[first] = upper
                continue
            own = _Merged(_with(upper.text, cell.text) if upper is not None else cell.text, width)
            line.append((first, width, own))
            if cell.vertical:
                merging[first] = own
        above = merging
        laid.append(line)
    return [list(_filled(line)) for line in laid]


def _with(text: str, more: str) -> str:
    return f"{text} {more}".strip()


def _filled(line: Sequence[tuple[int, int, _Merged | None]]) -> Iterator[Cell]:
    free = 0
    for first, width, merged in line:
        if first > free:
            yield Cell("", columns=first - free)
        if merged is not None:
            yield Cell(merged.text, merged.rows, width)
        free = first + width
