"""Tables of a PDF, read cell by cell where the page rules them; the text around them keeps its place."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from rag_pipeline.text import clean

_FEWEST_ROWS = 2
_FEWEST_COLUMNS = 2


def pages_with_tables(content: bytes, pages: Sequence[int]) -> dict[int, str]:
    """Text of those pages that have tables, the tables as Markdown.

    Args:
        content: the PDF.
        pages: which to look at, from 0; finding tables takes a hundred times longer than reading text.
    """
    if not pages:
        return {}
    import pdfplumber

    found: dict[int, str] = {}
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        for index in pages:
            page = pdf.pages[index]
            tables = [(table.bbox, table.extract()) for table in page.find_tables()]
            real = [(bbox, rows) for bbox, rows in tables if _is_table(rows)]
            if real:
                found[index] = _compose(page, real)
            page.close()
    return found


def _is_table(rows: list[list[str | None]]) -> bool:
    columns = max((len(row) for row in rows), default=0)
    filled = sum(bool(cell and cell.strip()) for row in rows for cell in row)
    return len(rows) >= _FEWEST_ROWS and columns >= _FEWEST_COLUMNS and 2 * filled >= len(rows)


def _compose(page: Any, tables: list[tuple[Any, list[list[str | None]]]]) -> str:
    """The page from top to bottom."""

    def between(above: float, below: float) -> str:
        """The text whose middle lies in a band of the page, that in tables left out."""

        def kept(thing: dict[str, Any]) -> bool:
            if thing.get("object_type") != "char":
                return False
            x, y = (thing["x0"] + thing["x1"]) / 2, (thing["top"] + thing["bottom"]) / 2
            inside = any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box, _ in tables)
            return above <= y < below and not inside

        return str(page.filter(kept).extract_text() or "").strip()

    parts: list[str] = []
    above = float("-inf")
    for box, rows in sorted(tables, key=lambda table: float(table[0][1])):
        parts += [between(above, box[1]), _markdown(rows)]
        above = max(above, box[1])
    parts.append(between(above, float("inf")))
    return clean("\n\n".join(part for part in parts if part))


def _markdown(rows: list[list[str | None]]) -> str:
    lines = [f"| {' | '.join(' '.join((cell or '').replace('|', '/').split()) for cell in row)} |" for row in rows]
    rule = f"|{' --- |' * len(rows[0])}"
    return "\n".join([lines[0], rule, *lines[1:]])
