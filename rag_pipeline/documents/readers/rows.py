"""Rows of a table become text that can be found and cited: ``column: value``, with the rows' numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from rag_pipeline.documents.document import Section
from rag_pipeline.documents.readers.headers import SAMPLE, is_heading_of_table, layout
from rag_pipeline.metadata_values import MetadataValue

# Rows that stand together in one passage: enough to be found by their fellows, few enough to be cited.
_CHARACTERS = 1200
_NOTES = ("※", "*", "#", "주)", "주:", "주 :", "자료:", "자료 :", "출처:", "출처 :", "Source:", "Note:")

Row = tuple[int, Sequence[str]]
"""A row's number, counted from 1 as a spreadsheet does, and its texts."""


def row_sections(
    rows: Iterable[Row],
    headings: tuple[str, ...] = (),
    place: dict[str, MetadataValue] | None = None,
    label: Callable[[int, int], str] | None = None,
    names: Sequence[str] | None = None,
    before: Sequence[str] = (),
) -> Iterator[Section]:
    """Sections of some rows each, their numbers in ``place``.

    Lines above the table become a heading, or a line of text where they are long or comments. Where nothing names the
    columns, values are written without names.

    Args:
        rows: of one table; empty ones are passed over.
        headings: headings of each section.
        place: what else says where the rows are, such as the sheet.
        label: as :func:`rag_pipeline.documents.readers.headers.layout` has it; its rows are those that are not empty.
        names: what the columns are called; None: it is told from the rows.
        before: lines that stand above the rows, from row 1.
    """
    filled = ((number, texts) for number, row in rows if any(texts := [one_line_of(cell) for cell in row]))
    head = list(itertools.islice(filled, SAMPLE))
    passages = _Passages(headings, place or {})
    for number, line in enumerate(before, start=1):
        yield from passages.add(number, line)
    begin = 0
    if names is None:
        found = layout([texts for _, texts in head], label)
        names, begin = found.names, found.begin
        if is_heading_of_table(found.titles):
            passages.headings = (*headings, " ".join(found.titles))
        else:
            for (number, _), title in zip(head, found.titles, strict=False):
                yield from passages.add(number, title)
    named = list(names)
    empty = {index for index, name in enumerate(named) if name} if begin else set()
    last = 0
    for number, texts in itertools.chain(head[begin:], filled):
        if named and texts == named:
            continue  # the names once more, as at the top of a page
        passages.has_rows = True
        empty -= {index for index in empty if index < len(texts) and texts[index]}
        yield from passages.add(number, _line(named, texts))
        last = number
    if passages.has_rows and empty:
        # Columns that nobody has filled in: their names are text of the table too.
        yield from passages.add(last, "; ".join(f"{named[index]}:" for index in sorted(empty)))
    if head and not passages.has_rows:
        # Names and nothing below them.
        yield from passages.add(head[begin - 1][0], _line([], head[begin - 1][1]))
    yield from passages.rest()


def line_sections(
    lines: Iterable[tuple[int, str]], headings: tuple[str, ...] = (), place: dict[str, MetadataValue] | None = None
) -> Iterator[Section]:
    """Sections of some lines each that are told already, with the numbers of their rows, as :func:`row_sections`."""
    passages = _Passages(headings, place or {})
    for number, line in lines:
        yield from passages.add(number, line)
    yield from passages.rest()


def one_line_of(cell: str) -> str:
    """A cell's text in one line."""
    return " ".join(cell.split())


class _Passages:
    """Lines are gathered until they fill a passage."""

    def __init__(self, headings: tuple[str, ...], place: dict[str, MetadataValue]) -> None:
        self.headings = headings
        self.lines: list[str] = []
        self.has_rows = False
        self._place = place
        self._size = self._first = self._last = 0

    def add(self, number: int, line: str) -> Iterator[Section]:
        if self.lines and self._size + len(line) > _CHARACTERS:
            yield from self.rest()
        self._first = self._first if self.lines else number
        self._last = number
        self.lines.append(line)
        self._size += len(line)

    def rest(self) -> Iterator[Section]:
        if self.lines:
            rows = f"{self._first}-{self._last}"
            yield Section(self.headings, "\n".join(self.lines), {**self._place, "rows": rows})
            self.lines, self._size = [], 0


def _line(names: Sequence[str], cells: Sequence[str]) -> str:
    told = [(index, cell) for index, cell in enumerate(cells) if cell]
    if not any(names):
        return " | ".join(cell for _, cell in told)
    if len(told) == 1 and len(names) > 1 and told[0][1].startswith(_NOTES):
        return told[0][1]
    return "; ".join(f"{names[index]}: {cell}" if index < len(names) and names[index] else cell for index, cell in told)
