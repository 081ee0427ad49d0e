"""A sheet's cells become tables, forms and lines of text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag_pipeline.documents.document import Section
from rag_pipeline.documents.readers.headers import SAMPLE, is_heading_of_table, layout, shape, votes
from rag_pipeline.documents.readers.rows import Row, line_sections, one_line_of, row_sections
from rag_pipeline.documents.readers.spreadsheets.sheet import Sheet
from rag_pipeline.metadata_values import MetadataValue

_MOST_TITLE_ROWS = 3
_MOST_FORM_ROWS = 60
_MOST_IN_FORM_ROW = 6
_LONGEST_LABEL = 25


@dataclass(frozen=True)
class _Block:
    """Rows without an empty one between them, over columns without an empty one."""

    rows: list[Row]
    columns: list[int]


def sheet_sections(sheet: Sheet, across: Mapping[tuple[int, int], str]) -> Iterator[Section]:
    """Sections of a sheet under its name, with sheet and row numbers.

    Empty rows part tables, unless what follows has no names of its own and fits below the table before; empty columns
    do, where each side is a table with names. Lines between tables are the heading of the table that follows. A form,
    labels with values beside them, gives ``label: value``.

    Args:
        sheet: the sheet, its merged cells filled down.
        across: the texts of cells that cover several columns, by each of their places.
    """
    headings = (sheet.name,) if sheet.name else ()
    place: dict[str, MetadataValue] = {"sheet": sheet.name} if sheet.name else {}
    titles: list[tuple[int, str]] = []
    names: list[str] = []
    named_columns: list[int] = []
    for block in _blocks(sheet, across):
        texts = [list(row) for _, row in block.rows]
        if _is_lines(texts) and len(texts) <= _MOST_TITLE_ROWS:
            titles += [(number, next(filter(None, row))) for number, row in block.rows]
            continue

        def label(row: int, column: int, block: _Block = block) -> str:
            return one_line_of(across.get((block.rows[row][0], block.columns[column]), ""))

        found = layout(texts[:SAMPLE], label)
        above = headings
        if is_heading_of_table([line for _, line in titles]):
            above = (*headings, " ".join(line for _, line in titles))
        else:
            yield from line_sections(titles, headings, place)
        goes_on = not titles and not found.titles and bool(names) and set(block.columns) <= set(named_columns)
        titles = []
        body = block.rows[len(found.titles) :]
        if goes_on and not (found.names and votes(texts[0], texts[1:SAMPLE])[0]):
            moved = [names[named_columns.index(column)] for column in block.columns]
            yield from row_sections(block.rows, above, place, names=moved)
        elif labels := _label_columns([row for _, row in body]):
            above = (*above, " ".join(found.titles)) if found.titles else above
            yield from line_sections(_form_lines(body, labels), above, place)
            names = []
        else:
            yield from row_sections(block.rows, above, place, label)
            names, named_columns = list(found.names), block.columns
    yield from line_sections(titles, headings, place)
    yield from (Section(headings, box, place) for box in sheet.boxes)


def _blocks(sheet: Sheet, across: Mapping[tuple[int, int], str]) -> Iterator[_Block]:
    numbers = sorted(number for number, cells in sheet.rows.items() if any(map(str.strip, cells.values())))
    run: list[int] = []
    for number in numbers:
        # Hidden rows that were taken away part nothing.
        if run and any(between not in sheet.hidden_rows for between in range(run[-1] + 1, number)):
            yield from _side_by_side(sheet, run, across)
            run = []
        run.append(number)
    if run:
        yield from _side_by_side(sheet, run, across)


def _side_by_side(sheet: Sheet, run: Sequence[int], across: Mapping[tuple[int, int], str]) -> Iterator[_Block]:
    used = sorted({column for number in run for column, text in sheet.rows[number].items() if text.strip()})
    covered = {column for number, column in across if run[0] <= number <= run[-1]} if across else set()
    parts: list[list[int]] = [[]]
    for column in used:
        before = parts[-1][-1:]
        gap = range(before[0] + 1, column) if before else range(0)
        if any(between not in covered and not sheet.is_hidden_column(between) for between in gap):
            parts.append([])
        parts[-1].append(column)
    blocks = [_block(sheet, run, part) for part in parts]
    if len(blocks) > 1 and not all(_is_table(block) for block in blocks):
        blocks = [_block(sheet, run, used)]
    yield from blocks


def _block(sheet: Sheet, run: Sequence[int], columns: list[int]) -> _Block:
    rows: list[Row] = []
    for number in run:
        cells = sheet.rows[number]
        texts = [one_line_of(cells[column]) if column in cells else "" for column in columns]
        if any(texts):
            rows.append((number, texts))
    return _Block(rows, columns)


def _is_table(block: _Block) -> bool:
    return len(block.columns) > 1 and bool(layout([row for _, row in block.rows[:SAMPLE]]).names)


def _is_lines(rows: Sequence[Sequence[str]]) -> bool:
    return all(sum(map(bool, row)) == 1 for row in rows)


def _label_columns(rows: Sequence[Sequence[str]]) -> set[int]:
    """Columns of a form's labels; empty: it is no form.

    In a form labels and values alternate. Labels are short and stand there once, values are of several kinds.
    """
    if not 1 < len(rows) <= _MOST_FORM_ROWS:
        return set()
    filled = [[(column, cell) for column, cell in enumerate(row) if cell] for row in rows]
    even = [row for row in filled if len(row) % 2 == 0]
    columns = {column for row in even for column, _ in row[::2]}
    values = {column for row in even for column, _ in row[1::2]}
    if not columns or columns & values or max(map(len, filled)) > _MOST_IN_FORM_ROW or _names_figures(rows, values):
        return set()
    labels = [cell for row in filled for column, cell in row if column in columns]
    # A label that covers several rows has been repeated in each.
    repeated = sum(
        bool(row[column]) and row[column] == before[column]
        for before, row in itertools.pairwise(rows)
        for column in columns
    )
    kinds = {shape(cell) for row in filled for column, cell in row if column not in columns}
    short = all(shape(label) == "text" and len(label) <= _LONGEST_LABEL for label in labels)
    single = len(set(labels)) == len(labels) - repeated
    return columns if short and single and len(kinds) > 1 and len(labels) > 1 else set()


def _names_figures(rows: Sequence[Sequence[str]], columns: set[int]) -> bool:
    """Whether the first row names columns of figures. In a wide form a single one may stand below a word."""
    fewest = 2 if len(rows) > 2 and len(columns) > 1 else 1
    for column in columns:
        below = [row[column] for row in rows[1:] if row[column]]
        if len(below) >= fewest and votes([rows[0][column]], [[cell] for cell in below])[0]:
            return True
    return False


def _form_lines(rows: Sequence[Row], columns: set[int]) -> Iterator[tuple[int, str]]:
    for number, row in rows:
        parts: list[str] = []
        is_label = False
        for column, cell in enumerate(row):
            if not cell:
                continue
            if column in columns or not parts:
                parts.append(cell)
            else:
                parts[-1] += f": {cell}" if is_label else f", {cell}"
            is_label = column in columns
        yield number, "; ".join(parts)
