"""CSV and TSV."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from rag_pipeline.documents.document import Document
from rag_pipeline.documents.encodings import decode_with_warnings
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.rows import row_sections
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

_SAMPLE = 65_536
_DELIMITERS = (",", ";", "\t", "|")
# A cell may hold a whole document; the default of the csv module is 131,072.
_LONGEST_CELL = 50_000_000
# A quotation mark that nothing closes takes all lines up to the next one into a cell.
_MOST_LINES_OF_A_CELL = 100
# Rows of a table have as many cells as most others; sentences have commas as they come.
_EVEN = 0.8
_MOST_LINES_ABOVE = 10
_SEPARATOR_LINE = re.compile(r"\A\"?sep=(.)\"?[ \t]*\n", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart."""

    delimiter: str | None
    """None: there is one column."""
    quote: str | None = '"'
    """None: quotation marks are text."""
    blanks: bool = False
    """Whether a quotation may begin after a blank."""


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read rows as ``column: value``, or values alone where nothing names the columns.

    The delimiter is a comma, semicolon, tab or pipe, whichever gives the most even rows, or what a first line ``sep=``
    says. Quotation marks are doubled within quotations. Lines at the top that begin with ``#`` are text.

    Raises:
        DocumentError: a cell is too long.
    """
    decoded = decode_with_warnings(content)
    text = clean(decoded.text)
    given = _SEPARATOR_LINE.match(text)
    if given:
        text = text[given.end() :]
    comments, text = _comments(text)
    sample = text if len(text) <= _SAMPLE else text[: text.rfind("\n", 0, _SAMPLE) + 1 or _SAMPLE]
    wanted = given[1] if given else "\t" if _is_tsv(name) and "\t" in sample else None
    dialect = find_dialect(sample, (wanted,) if wanted else _DELIMITERS)
    try:
        rows = ((number, row) for number, row in enumerate(split(text, dialect), start=len(comments) + 1))
        return Document(stem_of(name), tuple(row_sections(rows, before=comments)), warnings=decoded.warnings)
    except csv.Error as error:
        raise DocumentError(f"cannot be taken apart into cells ({error})") from None


def find_dialect(sample: str, delimiters: tuple[str, ...] = _DELIMITERS) -> Dialect:
    """The dialect that gives the most even rows of two columns or more; one column where none does.

    Args:
        sample: the beginning of a file, whole lines.
        delimiters: which may be.
    """
    present = [delimiter for delimiter in delimiters if delimiter in sample]
    tried = [(Dialect(delimiter), _evenness(sample, Dialect(delimiter))) for delimiter in present]
    if all(evenness < 1 for _, (evenness, _) in tried) and ('"' in sample or "'" in sample):
        # Only where the usual quotation does not fit: an apostrophe is no quotation mark.
        for delimiter in present:
            others = (Dialect(delimiter, blanks=True), Dialect(delimiter, "'"), Dialect(delimiter, None))
            tried += [(dialect, _evenness(sample, dialect)) for dialect in others]
    tried = [(dialect, fit) for dialect, fit in tried if fit[0] > 0]
    if not tried:
        return Dialect(None)
    return max(tried, key=lambda one: one[1])[0]  # the first of equals


def split(text: str, dialect: Dialect) -> Iterator[list[str]]:
    """Rows of cells.

    Raises:
        csv.Error: a cell is too long.
    """
    if dialect.delimiter is None and '"' not in text:
        yield from ([line] for line in text.split("\n"))
        return
    csv.field_size_limit(_LONGEST_CELL)
    yield from csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter or "\x1f",
        quotechar=dialect.quote or '"',
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=dialect.blanks,
        doublequote=True,
    )


def _evenness(sample: str, dialect: Dialect) -> tuple[float, int]:
    """The share of rows with as many cells as most, and how many that is; (0, 0): it is no table."""
    rows = [row for row in split(sample, dialect) if any(row)]
    # Lines above a table have one cell.
    above = next((number for number, row in enumerate(rows) if len(row) > 1), len(rows))
    rows = rows[above:]
    if not rows or above > _MOST_LINES_ABOVE:
        return 0, 0
    lengths = Counter(map(len, rows))
    width = max((length for length in lengths if length > 1), key=lambda length: (lengths[length], length))
    even = sum(len(row) == width and _is_whole(row) for row in rows) / len(rows)
    if (above and even < _EVEN) or ((above or even < _EVEN or len(rows) == 1) and _is_prose(sample, dialect)):
        return 0, 0
    # What stands above counts against a delimiter: in another one it may be the names.
    return even * len(rows) / (above + len(rows)), width


def _is_whole(row: list[str]) -> bool:
    return all(cell.count("\n") <= _MOST_LINES_OF_A_CELL for cell in row)


def _is_prose(sample: str, dialect: Dialect) -> bool:
    """Whether every delimiter is one of a sentence, with a blank after it."""
    assert dialect.delimiter is not None
    return not re.search(re.escape(dialect.delimiter) + r"(?![ \n]|\Z)", sample)


def _comments(text: str) -> tuple[list[str], str]:
    """Lines at the top that begin with ``#``, and the text below; the last of them may be the names of the columns."""
    lines = list(itertools.takewhile(lambda line: line.startswith("#"), io.StringIO(text)))
    rest = text[sum(map(len, lines)) :]
    if not lines or not rest.strip():
        return [], text
    following = next(line for line in io.StringIO(rest) if line.strip())
    last = lines[-1]
    cells = {delimiter: len(re.findall(re.escape(delimiter) + "(?! )", last)) for delimiter in _DELIMITERS}
    if any(0 < count == following.count(delimiter) for delimiter, count in cells.items()):
        lines, rest = lines[:-1], last.lstrip("# ") + rest
    return [line.strip() for line in lines], rest


def _is_tsv(name: str) -> bool:
    return PurePath(name).suffix.lower() == ".tsv"
