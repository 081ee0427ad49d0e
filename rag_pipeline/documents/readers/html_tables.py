"""Tables of a page: a grid where it is one, blocks where a table only arranges them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rag_pipeline.documents.readers.html_blocks import Block
from rag_pipeline.documents.readers.tables import MOST_PLACES, Cell, markdown_table, spread

# A cell of several paragraphs and more letters than this is a text of its own, unless the columns have names.
_LONG = 300
_ORDER = {"thead": 0, "tbody": 1, "tfoot": 2}


@dataclass
class TableCell:
    """A cell and the blocks in it."""

    blocks: list[Block]
    is_heading: bool = False
    rows: int = 1
    columns: int = 1

    @property
    def line(self) -> str:
        """All of it in one line."""
        return " ".join(block.cell for block in self.blocks if block.cell)

    @property
    def is_text_of_its_own(self) -> bool:
        """Whether one line is too little for it."""
        blocks = [block for block in self.blocks if block.text]
        long = len(blocks) > 1 and sum(len(block.text) for block in blocks) > _LONG
        return long or any(block.level > 0 or block.is_structure for block in blocks)


@dataclass
class TableRow:
    """Its own cells."""

    part: str
    group: int
    cells: list[TableCell] = field(default_factory=list)


@dataclass
class Table:
    """A table while it is read."""

    is_layout: bool = False
    caption: list[Block] = field(default_factory=list)
    rows: list[TableRow] = field(default_factory=list)

    def blocks(self) -> list[Block]:
        """What is to be read of it."""
        rows = sorted((row for row in self.rows if row.cells), key=lambda row: _ORDER.get(row.part, 1))
        return [*self.caption, *self._body(rows)]

    def _body(self, rows: list[TableRow]) -> Iterator[Block]:
        filled = [[cell for cell in row.cells if cell.line] for row in rows]
        is_one_column = max(map(len, filled), default=0) <= 1 and len({_column(row) for row in rows} - {-1}) <= 1
        if self.is_layout or is_one_column:
            yield from _all_blocks(filled)
            return
        first = next(row for row, full in zip(rows, filled, strict=True) if full)
        named = first.part == "thead" or (len(first.cells) > 1 and all(cell.is_heading for cell in first.cells))
        own = [not named and any(cell.is_text_of_its_own for cell in row) for row in filled]
        grid = _grid(rows)
        for is_own, numbers in itertools.groupby(range(len(rows)), key=own.__getitem__):
            chosen = list(numbers)
            if is_own:
                yield from _all_blocks([filled[number] for number in chosen])
            else:
                yield from _grid_block([grid[number] for number in chosen])


def _column(row: TableRow) -> int:
    """The column of a row's first cell with text; -1 if there is none."""
    column = 0
    for cell in row.cells:
        if cell.line:
            return column
        column += max(cell.columns, 1)
    return -1


def _all_blocks(rows: Iterable[list[TableCell]]) -> Iterator[Block]:
    """Cell after cell; what stands side by side is parted by line ends."""
    for row in rows:
        for number, cell in enumerate(row):
            for place, block in enumerate(cell.blocks):
                if place == 0 and block.level == 0:
                    block.breaks = 1 if number or len(cell.blocks) == 1 else 2
                yield block


def _grid(rows: list[TableRow]) -> list[list[str]]:
    left: dict[int, int] = {}
    for row in rows:
        left[row.group] = left.get(row.group, 0) + 1
    places = 0
    cells: list[list[Cell]] = []
    for row in rows:
        line = []
        for cell in row.cells:
            # A cell ends with its group of rows at the latest; 0 says: just there.
            down = left[row.group] if cell.rows == 0 else min(cell.rows, left[row.group])
            line.append(Cell(cell.line, down, cell.columns))
            places += cell.columns * (1 if down == 1 else down)
        left[row.group] -= 1
        cells.append(line)
    widest = max(sum(cell.columns for cell in line) for line in cells)
    if max(places, widest * len(rows)) > MOST_PLACES:
        return [[cell.text for cell in line] for line in cells]
    return spread(cells)


def _grid_block(grid: list[list[str]]) -> Iterator[Block]:
    used = sorted({column for line in grid for column, text in enumerate(line) if text})
    if len(grid) * len(used) > MOST_PLACES:
        said = [[text for text in line if text] for line in grid]
        yield Block(
            "\n".join(" | ".join(line) for line in said if line), cell="; ".join(map(", ".join, filter(None, said)))
        )
        return
    lines = [[line[column] if column < len(line) else "" for column in used] for line in grid]
    lines = [line for line in lines if any(line)]
    if not lines:
        return
    flat = "; ".join(", ".join(text for text in line if text) for line in lines)
    text = " | ".join(filter(None, lines[0])) if len(lines) == 1 else markdown_table(lines)
    yield Block(text, cell=flat, is_structure=len(lines) > 1 and len(used) > 1)
