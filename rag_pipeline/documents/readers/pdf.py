"""PDF, page by page."""

from __future__ import annotations

import re

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.pdf_tables import pages_with_tables
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

# Lines in each direction, or boxes, below which a page has no ruled table; points below which a box is a line.
_FEWEST_LINES = 2
_FEWEST_BOXES = 4
_THIN = 3.0
_MOST_DRAWN = 5000
# Finding tables takes a tenth of a second a page: in a book of tables, those beyond this stay lines of text. A number
# of pages and not of seconds, so that a file gives the same text on every machine.
_MOST_TABLE_PAGES = 150
_HYPHEN_AT_LINE_END = re.compile(r"(?<=[a-z])[\ufffe\xad\x02]\s*\n?(?=[a-z])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_LETTER = re.compile(r"[^\W\d_]")


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read the text layer, and tables cell by cell; a page is a section, with its number.

    Raises:
        DocumentError: it is locked, or none of its pages holds text: it was scanned.
    """
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(content)
        count = len(pdf)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise DocumentError("is locked with a password; save it without one") from None
        raise DocumentError(f"is damaged, or no PDF ({error})") from None
    try:
        title = clean(str(pdf.get_metadata_dict().get("Title") or "")).strip()
        pages = [_page_text(pdf, index) for index in range(count)]
        ruled = [index for index, page in enumerate(pages) if _LETTER.search(page) and _is_ruled(pdf, index)]
    finally:
        pdf.close()
    if not any(_LETTER.search(page) for page in pages):
        raise DocumentError(
            f"holds no text on its {count} page{'s' if count != 1 else ''}: a scan; run OCR over it first"
        )
    for index, text in pages_with_tables(content, ruled[:_MOST_TABLE_PAGES]).items():
        pages[index] = text
    sections = tuple(Section((), page, {"page": number}) for number, page in enumerate(pages, start=1))
    return Document(_useful_title(title) or stem_of(name), sections)


def _page_text(pdf: object, index: int) -> str:
    page = pdf[index]  # type: ignore[index]
    try:
        text_page = page.get_textpage()
        try:
            text = text_page.get_text_bounded()
        finally:
            text_page.close()
    finally:
        page.close()
    text = clean(text)
    text = _HYPHEN_AT_LINE_END.sub("", text)
    text = _CONTROL.sub("", text)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _is_ruled(pdf: object, index: int) -> bool:
    """Whether a page draws what may be a table: lines both ways, or boxes, and not so many that they are a picture."""
    import pypdfium2.raw

    page = pdf[index]  # type: ignore[index]
    across = down = boxes = count = 0
    try:
        for drawn in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_PATH]):
            count += 1
            if count > _MOST_DRAWN:
                return False
            left, bottom, right, top = drawn.get_bounds()
            width, height = right - left, top - bottom
            across += height <= _THIN < width
            down += width <= _THIN < height
            boxes += width > _THIN and height > _THIN
    finally:
        page.close()
    return (across >= _FEWEST_LINES and down >= _FEWEST_LINES) or boxes >= _FEWEST_BOXES


def _useful_title(title: str) -> str:
    """Programs write names of files, or their own, where the title belongs."""
    if re.search(r"\.(docx?|pdf|hwpx?|pptx?|indd|tex)$", title, re.IGNORECASE) or title.lower().startswith("untitled"):
        return ""
    return title.removeprefix("Microsoft Word - ").strip()
