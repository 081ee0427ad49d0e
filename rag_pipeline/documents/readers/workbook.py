"""XLSX, XLS and ODS, sheet by sheet."""

from __future__ import annotations

import io
import zipfile

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.archive import OLE, check_archive, core_title
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.rows import row_sections
from rag_pipeline.errors import DocumentError


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read rows as ``column: value``, with sheet and row numbers.

    Raises:
        DocumentError: it is locked with a password.
    """
    import python_calamine

    title = None
    if content.startswith(OLE) and not name.lower().endswith(".xls"):
        raise DocumentError("is locked with a password; save it without one")
    if zipfile.is_zipfile(io.BytesIO(content)):
        with check_archive(content) as archive:
            title = core_title(archive)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    except python_calamine.PasswordError:
        raise DocumentError("is locked with a password; save it without one") from None
    sections: list[Section] = []
    for sheet_name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(sheet_name)
        rows = sheet.to_python(skip_empty_area=False)
        sections += row_sections(rows, (sheet_name,), {"sheet": sheet_name})
    return Document(title or stem_of(name), tuple(sections))
