"""CSV and TSV."""

from __future__ import annotations

import csv
import io
from pathlib import PurePath

from rag_pipeline.documents.document import Document
from rag_pipeline.documents.encodings import decode
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.rows import row_sections
from rag_pipeline.text import clean

_SAMPLE = 65_536
# A cell may hold a whole document; the default of the csv module is 131,072.
_LONGEST_CELL = 50_000_000


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read rows as ``column: value``; the delimiter is told from the beginning of the file."""
    text = clean(decode(content))
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), _dialect(name, text[:_SAMPLE]))
    return Document(stem_of(name), tuple(row_sections(rows)))


def _dialect(name: str, sample: str) -> type[csv.Dialect] | csv.Dialect:
    if PurePath(name).suffix.lower() == ".tsv":
        return csv.excel_tab
    try:
        return csv.Sniffer().sniff(sample, delimiters=",;\t|")
    except csv.Error:
        return csv.excel
