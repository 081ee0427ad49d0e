"""Which rows of a table are its title, which name its columns, and where the data begin.

Nothing in a file says so. What tells a name from a value is the column below: "흘수" above 12.04, 14.5 and 9.1 is a
name, and 35.1 above 37.4 and 35.5 is one more value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Rows that are looked at: a title and a header of several rows, and data enough to tell figures from words.
SAMPLE = 60
_MOST_HEADER_ROWS = 4
_LONGEST_NAME = 60
_LONGEST_TITLE = 120
_DIGITS = re.compile(r"[0-9][0-9.,]*")
_LETTERS = re.compile(r"[^\W\d_]+")
_AROUND_NUMBERS = "-+−–▲△▼()₩￦$€£¥% \u00a0"
# Letters and a number of several digits; "Q1" is rather a name.
_CODE = re.compile(r"[^\W\d_]+[-_]?[0-9]{2,}")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_SENTENCE_END = (".", "!", "。", "！")
_BRACKETED = re.compile(r"[(\[（［【〔].{1,20}[)\]）］】〕]")
_UNITS = re.compile(
    "k?m|[cm]m|k?g|t|tons?|ft|in|kn|k?W|MW|k?Wh|hp|TEU|dwt|GT|℃|°C|%|‰|s|sec|min|hr?|[kM]?Pa|bar|rpm|V|A|k?Hz|USD|KRW|EUR"
    "|(?:천|만|백만|억)?(?:원|톤|명|척)|인|개|건|대|회|일|월|년|시간|분|초|미터|㎡|㎥|㎞|㎏|m²|m³|L|ℓ"
)


@dataclass(frozen=True)
class Layout:
    """How a table is laid out."""

    titles: tuple[str, ...]
    """Lines above the table."""
    names: tuple[str, ...]
    """What the columns are called; empty: nothing names them."""
    begin: int
    """The first row of data, counted from 0."""


def layout(rows: Sequence[Sequence[str]], label: Callable[[int, int], str] | None = None) -> Layout:
    """Tell titles, names and data apart.

    Args:
        rows: the table's first rows, without empty ones; texts without white space around them.
        label: the text of the cell that covers a place across, by row and column, where cells cover several; None:
            nothing is known of that.
    """
    first = _titles(rows)
    titles = tuple(next(filter(None, row)) for row in rows[:first])
    if first == len(rows):
        return Layout(titles, (), first)
    begin = first + _header_rows(rows[first:], label and (lambda row, column: label(first + row, column)))
    if begin == first:
        return Layout(titles, (), first)
    names = _names(rows, first, begin, label)
    if begin < len(rows) and _are_units(rows[begin], names):
        pairs = _pairs(names, rows[begin])
        names = [name if unit in ("", "-", name) else f"{name} {_in_brackets(unit)}" for name, unit in pairs]
        begin += 1
    return Layout(titles, tuple(names), begin)


def shape(cell: str) -> str:
    """What kind of value a text looks like: ``text``, ``number``, or its pattern, such as ``9-9-9`` of a date.

    Letters beside figures are a part of it: ``a-9`` is the pattern of A-001 and A-002.
    """
    if len(cell) > _LONGEST_NAME:
        return "text"
    pattern = _DIGITS.sub("9", cell)
    if "9" not in pattern:
        return "address" if "@" in cell or "://" in cell else "text"
    return "number" if pattern.strip(_AROUND_NUMBERS) == "9" else pattern.lower()


def is_heading_of_table(titles: Sequence[str]) -> bool:
    """Whether lines above a table are short enough for a heading, and none is a comment."""
    return bool(titles) and len(" ".join(titles)) <= _LONGEST_TITLE and not any(line.startswith("#") for line in titles)


def votes(names: Sequence[str], below: Sequence[Sequence[str]]) -> tuple[int, int]:
    """How many columns say that a row names them, and how many that it is one more row of values."""
    named = valued = 0
    below = [row for row in below if list(row) != list(names)]
    numbered = _are_labels(names)
    for column, name in enumerate(names):
        values = [row[column] for row in below if column < len(row) and row[column] not in ("", "-")]
        if not name or not values:
            continue
        own = shape(name)
        shapes = Counter(map(shape, values))
        if own == "text":
            # Whatever holds figures is no name, if the name holds none.
            shapes = Counter({"text": shapes["text"], "figures": shapes.total() - shapes["text"]})
        elif _CODE.fullmatch(name):
            shapes = Counter(own if _lengths(value) == _lengths(name) else "other" for value in values)
        common, count = shapes.most_common(1)[0]
        if own == "text" and common == "text":
            # A name is not among what it names; next to it, it may be one that covers two rows.
            valued += name in values[1:]
        elif count < 0.6 * len(values) or common == "text" or (own == "number" and numbered):
            continue
        elif own == common:
            valued += 1
        elif own == "text" or _LETTERS.search(name):
            named += 1
    return named, valued


def _lengths(code: str) -> str:
    """A code without what it tells: A01 and B02 are alike."""
    return re.sub(r"[0-9]", "9", _LETTERS.sub("a", code))


def _titles(rows: Sequence[Sequence[str]]) -> int:
    """How many rows at the top hold a single text above a table of several columns."""
    filled = [sum(map(bool, row)) for row in rows]
    first = next((index for index, count in enumerate(filled) if count > 1), None)
    if first is None or first > SAMPLE // 4 or (filled[first] == 2 and first and not rows[0][0]):
        return 0  # there is none, or what stands above the second column of two is its name
    return first


def _header_rows(rows: Sequence[Sequence[str]], label: Callable[[int, int], str] | None) -> int:
    """How many rows name the columns."""
    if len(rows) < 2:
        return 0
    if not _is_header(rows[0], rows[1:]):
        # The names may be those of groups, with figures nowhere below them but under the names of their members.
        return 0
    count = 1
    while count < min(_MOST_HEADER_ROWS, len(rows) - 1) and _goes_on(rows, count, label):
        count += 1
    return count


def _is_header(names: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    named, valued = votes(names, below)
    if named or valued:
        return named >= valued
    told = [name for name in names if name]
    if any(len(name) > _LONGEST_NAME or name.endswith(_SENTENCE_END) for name in told):
        return False
    if max(map(len, [names, *below])) > 1:
        years = all(_YEAR.fullmatch(name) for name in told) and not all(_YEAR.fullmatch(cell) for cell in below[0])
        return years or any(shape(name) != "number" for name in told)
    # A single column: without a name nothing is lost, so it must look like one.
    lengths = [len(row[0]) for row in below if row and row[0]]
    return bool(lengths) and 2 * len(told[0]) < sum(lengths) / len(lengths)


def _goes_on(rows: Sequence[Sequence[str]], index: int, label: Callable[[int, int], str] | None) -> bool:
    """Whether a row below names goes on naming: it tells the members of a group that covers several columns."""
    names, above, below = rows[index], rows[index - 1], rows[index + 1 :]
    told = [name for name in names if name]
    numbered = _are_labels(names)
    if not told or any(shape(name) == "number" and not numbered for name in told) or not below:
        return False
    named, valued = votes(names, below)
    if valued:
        return False
    if label is not None:
        return any(name and _covered(above, label, index - 1, column) for column, name in enumerate(names))
    gaps = [column for column, name in enumerate(names) if name and not _at(above, column) and any(above[:column])]
    return bool(gaps) and named > 0


def _covered(above: Sequence[str], label: Callable[[int, int], str], row: int, column: int) -> bool:
    return not _at(above, column) and bool(label(row, column))


def _names(rows: Sequence[Sequence[str]], first: int, begin: int, label: Callable[[int, int], str] | None) -> list[str]:
    width = max(len(row) for row in rows[first:begin])
    names = []
    for column in range(width):
        parts: list[str] = []
        for index in range(first, begin):
            part = _at(rows[index], column)
            if not part and label is not None:
                part = label(index, column)
            elif not part and index + 1 < begin and _at(rows[index + 1], column):
                part = next(filter(None, reversed(rows[index][:column])), "")
            if part and part not in parts[-1:]:
                parts.append(part)
        names.append(" ".join(parts))
    return names


def _are_labels(names: Sequence[str]) -> bool:
    """Whether the figures among names are years, or days and months counted from 1: these are names too."""
    figures = [name for name in names if shape(name) == "number"]
    if figures and all(_YEAR.fullmatch(figure) for figure in figures):
        return len(set(figures)) == len(figures)
    return len(figures) > 3 and figures == [str(number) for number in range(1, len(figures) + 1)]


def _are_units(row: Sequence[str], names: Sequence[str]) -> bool:
    # A name that covers both rows has been repeated.
    told = [(name, cell) for name, cell in _pairs(names, row) if cell not in ("", "-", name)]
    if not told or not all(name for name, _ in told):
        return False
    bracketed = [bool(_BRACKETED.fullmatch(cell)) for _, cell in told]
    return all(bracketed) or (
        len(told) > 1 and all(b or _UNITS.fullmatch(cell) for b, (_, cell) in zip(bracketed, told, strict=True))
    )


def _in_brackets(unit: str) -> str:
    return unit if _BRACKETED.fullmatch(unit) else f"({unit})"


def _pairs(names: Sequence[str], cells: Sequence[str]) -> list[tuple[str, str]]:
    width = max(len(names), len(cells))
    return [(_at(names, column), _at(cells, column)) for column in range(width)]


def _at(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""
