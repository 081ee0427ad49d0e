"""PDF, page by page: PDFium gives the characters, their order and their places; the rest is made of these."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.pdf.bookmarks import read_bookmarks
from rag_pipeline.documents.readers.pdf.breaks import settle
from rag_pipeline.documents.readers.pdf.furniture import without_furniture
from rag_pipeline.documents.readers.pdf.pages import Page, read_page
from rag_pipeline.documents.readers.pdf.sections import sections_of
from rag_pipeline.documents.readers.titles import useful_title
from rag_pipeline.errors import DocumentError
from rag_pipeline.lexical import are_separate_words
from rag_pipeline.text import clean

_LETTER = re.compile(r"[^\W\d_]")
# Numbers of pages that a warning names.
_SHOWN = 5


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read the text layer, values of forms, and ruled tables cell by cell; a page is a section, with its number.

    Bookmarks part a page into sections below headings. The lines of a paragraph are joined, words that were cut at
    the end of a line among them. Left out: what lies off the page, letters printed twice to look bold, headers,
    footers and page numbers that most pages repeat (unless ``options.page_headers``), and notes at the margin (unless
    ``options.comments``).

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
        title = useful_title(clean(str(pdf.get_metadata_dict().get("Title") or "")))
        form = _form_of(pdf)
        pages = [read_page(pdf, index, form) for index in range(count)]
        bookmarks = read_bookmarks(pdf)
    finally:
        pdf.close()
    if not any(_LETTER.search(page.text) for page in pages):
        raise DocumentError(
            f"holds no text on its {count} page{'s' if count != 1 else ''}: a scan; run OCR over it first"
        )
    if not options.page_headers:
        kept = without_furniture([page.lines for page in pages])
        pages = [page.with_lines(lines) for page, lines in zip(pages, kept, strict=True)]
    sections = sections_of(pages, bookmarks, options)
    numbers = [int(section.place["page"]) for section in sections]
    texts = settle([section.text for section in sections], numbers, are_separate_words)
    settled = (Section(section.headings, text, section.place) for section, text in zip(sections, texts, strict=True))
    return Document(title or stem_of(name), tuple(settled), warnings=tuple(_scanned(pages)))


def _scanned(pages: Sequence[Page]) -> Iterator[str]:
    """What is to be said of pages that are pictures, in a document that has text."""
    numbers = [str(page.number) for page in pages if page.has_picture and not _LETTER.search(page.text)]
    if numbers:
        shown = ", ".join(numbers[:_SHOWN]) + (", …" if len(numbers) > _SHOWN else "")
        yield f"{len(numbers)} of {len(pages)} pages are pictures without text (page {shown}); run OCR over it first"


def _form_of(pdf: Any) -> Any:
    """The form environment; None where the document has no form."""
    import pypdfium2.raw as pdfium

    if pdf.get_formtype() == pdfium.FORMTYPE_NONE:
        return None
    pdf.init_forms()
    return pdf.formenv


__all__ = ["Page", "read"]
