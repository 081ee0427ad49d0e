"""Texts that PDFium does not see: letters that have no shape on this machine."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

# Points of width below which PDFium takes a text to be nothing, however high it is.
_NO_WIDTH = 0.01


def show_unseen(page: Any, texts: Sequence[Any]) -> None:
    """Have PDFium see all texts of a page, so that they are the same on every machine.

    It leaves out of a page's text what has no width, such as a single letter of a font that is neither in the
    file nor installed. With an outline a letter has a width. Spaces are left without: PDFium makes its own, and
    would take lines that end in one to go on in the next.

    Args:
        page: of pypdfium2, before its text is asked for.
        texts: its text objects, as PDFium's own.
    """
    narrow = [text for text in texts if not _has_width(text)]
    unseen = [text for text, words in zip(narrow, _words_of(page, narrow), strict=True) if not words]
    if not unseen:
        return
    import pypdfium2.raw as pdfium

    modes = [pdfium.FPDFTextObj_GetTextRenderMode(text) for text in unseen]
    for text in unseen:
        pdfium.FPDFPageObj_SetStrokeWidth(text, _size(text))
        _print_as(text, pdfium.FPDF_TEXTRENDERMODE_FILL_STROKE)
    for text, mode, words in zip(unseen, modes, _words_of(page, unseen), strict=True):
        if not words:
            _print_as(text, mode)


def _has_width(text: Any) -> bool:
    import pypdfium2.raw as pdfium

    left, bottom, right, top = _SIDES
    if not pdfium.FPDFPageObj_GetBounds(text, left, bottom, right, top):
        return True
    return bool(right.value - left.value >= _NO_WIDTH)


_SIDES = [ctypes.c_float() for _ in range(4)]


def _size(text: Any) -> float:
    """About how high its letters are: PDFium tells lines apart by the heights of texts."""
    import pypdfium2.raw as pdfium

    matrix, size = pdfium.FS_MATRIX(), ctypes.c_float()
    pdfium.FPDFPageObj_GetMatrix(text, matrix)
    pdfium.FPDFTextObj_GetFontSize(text, size)
    return float(max(abs(size.value) * abs(matrix.a * matrix.d - matrix.b * matrix.c) ** 0.5, 0.1))


def _print_as(text: Any, mode: int) -> None:
    """Set how a text is printed, and have PDFium measure it again."""
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(text, matrix)
    pdfium.FPDFTextObj_SetTextRenderMode(text, mode)
    pdfium.FPDFPageObj_SetMatrix(text, matrix)


def _words_of(page: Any, texts: Sequence[Any]) -> list[str]:
    """What PDFium sees of texts as long as they are as they are, without spaces around."""
    if not texts:
        return []
    text_page = page.get_textpage()
    try:
        return [_words(text, text_page).strip() for text in texts]
    finally:
        text_page.close()


def _words(text: Any, text_page: Any) -> str:
    import pypdfium2.raw as pdfium

    size = pdfium.FPDFTextObj_GetText(text, text_page, None, 0)
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    pdfium.FPDFTextObj_GetText(text, text_page, buffer, size)
    return bytes(buffer)[: max(size - 2, 0)].decode("utf-16-le", "replace")
