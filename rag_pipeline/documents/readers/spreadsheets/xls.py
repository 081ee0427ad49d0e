"""XLS and other old kinds of workbooks, through calamine: values, merged cells, and which sheets are hidden."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator
from typing import Any

from rag_pipeline.documents.readers.archive import OLE
from rag_pipeline.documents.readers.spreadsheets.number_formats import plain_number
from rag_pipeline.documents.readers.spreadsheets.sheet import Sheet
from rag_pipeline.errors import DocumentError


def xls_sheets(content: bytes, *, is_named_so: bool) -> Iterator[Sheet]:
    """Sheets in their order.

    Args:
        content: the file.
        is_named_so: whether its name says that it is of an old kind; else it is a new one in a locked envelope.

    Raises:
        DocumentError: it is locked with a password.
    """
    import python_calamine

    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    except python_calamine.CalamineError as error:
        if isinstance(error, python_calamine.PasswordError) or (content.startswith(OLE) and not is_named_so):
            raise DocumentError("is locked with a password; save it without one") from None
        raise
    for known in workbook.sheets_metadata:
        sheet = Sheet(" ".join(known.name.split()), hidden=known.visible != python_calamine.SheetVisibleEnum.Visible)
        try:
            found = workbook.get_sheet_by_name(known.name)
        except python_calamine.WorksheetNotFound:  # a sheet that is a chart
            continue
        for number, row in enumerate(found.to_python(skip_empty_area=False), start=1):
            cells = {column: text for column, value in enumerate(row) if (text := _shown(value))}
            if cells:
                sheet.rows[number] = cells
        sheet.merges = [
            (top + 1, left, bottom + 1, right) for (top, left), (bottom, right) in found.merged_cell_ranges or ()
        ]
        yield sheet


def _shown(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return f"{value.date()} {_clock(value.time())}" if value.time() != datetime.time() else str(value.date())
    if isinstance(value, datetime.time):
        return _clock(value)
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
    if isinstance(value, bool):
        return str(value).upper()
    return plain_number(repr(value)) if isinstance(value, float) else str(value)


def _clock(time: datetime.time) -> str:
    return time.isoformat("seconds" if time.second else "minutes")
