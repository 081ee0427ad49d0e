"""One sheet of any format, before it becomes text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

# Cells that repetitions and merges may stand for in one sheet; a few bytes can ask for billions.
_MOST_FILLED = 1_000_000


@dataclass
class Sheet:
    """Texts by row, counted from 1, and column, counted from 0; what is not there is empty."""

    name: str
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    """First row and column, last row and column."""
    hidden: bool = False
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    """First and last of each."""
    comments: dict[tuple[int, int], str] = field(default_factory=dict)
    boxes: list[str] = field(default_factory=list)
    """Texts that lie upon the sheet: text boxes, titles of charts."""
    without_value: list[str] = field(default_factory=list)
    """Cells, such as ``D2``, whose formula was never calculated."""
    repetitions_cut: bool = False
    """Whether something stands for more rows or cells than are read."""

    def add_comments(self) -> None:
        """Put comments behind the texts of their cells."""
        for (row, column), comment in self.comments.items():
            cells = self.rows.setdefault(row, {})
            cells[column] = f"{cells.get(column, '')} [{comment}]".lstrip()

    def fill_down(self) -> dict[tuple[int, int], str]:
        """Repeat what covers several rows in each of them that holds anything else.

        Returns:
            What covers several columns, by each of its places.
        """
        across: dict[tuple[int, int], str] = {}
        for row, column, text, (first, left, _, right) in self._covered():
            if right > left:
                across[row, column] = text
            if row > first and column == left and column not in self.rows[row]:
                self.rows[row][column] = text
        return across

    def drop_hidden(self) -> tuple[int, int]:
        """Take hidden rows and columns away; returns how many that were."""
        rows = [row for row in self.hidden_rows if self.rows.pop(row, None)]
        columns = set()
        if self.hidden_columns:
            for cells in self.rows.values():
                gone = [column for column in cells if self.is_hidden_column(column)]
                columns.update(gone)
                for column in gone:
                    del cells[column]
        return len(rows), len(columns)

    def is_hidden_column(self, column: int) -> bool:
        """Whether a column is hidden; to be asked when the sheet is whole."""
        return column in self._hidden

    @cached_property
    def _hidden(self) -> frozenset[int]:
        found: list[int] = []
        for first, last in sorted(self.hidden_columns):  # a hostile file hides the same ones over and over
            found += range(max(first, found[-1] + 1 if found else 0), last + 1)
        return frozenset(found)

    def _covered(self) -> Iterator[tuple[int, int, str, tuple[int, int, int, int]]]:
        """Places of merged cells in rows that hold anything: row, column, the cell's text and its bounds."""
        filled = 0
        used = sorted(number for number, cells in self.rows.items() if cells)
        last_column = max((max(self.rows[number]) for number in used), default=0)
        for bounds in self.merges:
            first, left, last, right = bounds
            text = self.rows.get(first, {}).get(left, "")
            for row in used[bisect_left(used, first) : bisect_right(used, last)] if text else ():
                for column in range(left, min(right, last_column) + 1):
                    filled += 1
                    if filled > _MOST_FILLED:
                        self.repetitions_cut = True
                        return
                    yield row, column, text, bounds


def column_name(column: int) -> str:
    """A column as spreadsheets call it: 0 is ``A``, 26 ``AA``."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def place_of(reference: str) -> tuple[int, int]:
    """Row, counted from 1, and column, counted from 0, of a reference such as ``D2``."""
    column = 0
    for index, character in enumerate(reference):
        if not character.isalpha():
            return int(reference[index:]), column - 1
        column = 26 * column + ord(character.upper()) - 64
    raise ValueError(f"{reference!r} is no cell")


def range_of(reference: str) -> tuple[int, int, int, int]:
    """The bounds of a range such as ``A1:B2``."""
    first, _, last = reference.replace("$", "").partition(":")
    return (*place_of(first), *place_of(last or first))
