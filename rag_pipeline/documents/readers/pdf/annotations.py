"""What lies upon a page: the values of its form, text that was added to it, and comments."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag_pipeline.documents.readers.pdf.glyphs import Frame
from rag_pipeline.documents.readers.pdf.lines import Line
from rag_pipeline.text import clean

_MOST = 2_000


@dataclass(frozen=True)
class Laid:
    """What was found on a page."""

    lines: list[Line]
    """Values of fields and added text, each in its place."""
    comments: list[str]
    """What was noted at the margin."""


def read_annotations(page: Any, form: Any, frame: Frame) -> Laid:
    """Fields and notes of a page.

    Args:
        page: of pypdfium2.
        form: its form environment; None: the document has no form.
        frame: how the page is shown.
    """
    import pypdfium2.raw as pdfium

    lines: list[Line] = []
    comments: list[str] = []
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MOST)):
        note = pdfium.FPDFPage_GetAnnot(page, index)
        if not note:
            continue
        try:
            kind = pdfium.FPDFAnnot_GetSubtype(note)
            if pdfium.FPDFAnnot_GetFlags(note) & pdfium.FPDF_ANNOT_FLAG_HIDDEN:
                continue
            if kind == pdfium.FPDF_ANNOT_WIDGET:
                lines += _boxed(note, _value(form, note) if form is not None else "", frame)
            elif kind == pdfium.FPDF_ANNOT_FREETEXT:
                lines += _boxed(note, _contents(note), frame)
            elif kind not in (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP) and (text := _contents(note)):
                comments.append(" ".join(text.split()))
        finally:
            pdfium.FPDFPage_CloseAnnot(note)
    return Laid(lines, comments)


def _value(form: Any, note: Any) -> str:
    """What is filled in, or chosen; nothing of a button, whose value is no text, and of a password."""
    import pypdfium2.raw as pdfium

    shown = (pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
    if pdfium.FPDFAnnot_GetFormFieldType(form, note) not in shown:
        return ""
    if pdfium.FPDFAnnot_GetFormFieldFlags(form, note) & pdfium.FPDF_FORMFLAG_TEXT_PASSWORD:
        return ""
    return _string(lambda buffer, size: pdfium.FPDFAnnot_GetFormFieldValue(form, note, buffer, size))


def _contents(note: Any) -> str:
    import pypdfium2.raw as pdfium

    return _string(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(note, b"Contents", buffer, size))


def _string(ask: Any) -> str:
    import pypdfium2.raw as pdfium

    size = ask(None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    text = clean(buffer.raw[: size - 2].decode("utf-16-le", "replace"))
    return "".join(letter for letter in text if letter == "\n" or letter >= " ").strip()


def _boxed(note: Any, text: str, frame: Frame) -> list[Line]:
    """The text as lines that share the box evenly."""
    import pypdfium2.raw as pdfium

    rectangle = pdfium.FS_RECTF()
    if not text or not pdfium.FPDFAnnot_GetRect(note, rectangle):
        return []
    sides = np.array([[rectangle.left, rectangle.bottom, rectangle.right, rectangle.top]], dtype=np.float64)
    left, top, right, bottom = (float(value) for value in frame.shown(sides)[0])
    width, height = frame.size
    if not (0 <= (left + right) / 2 <= width and 0 <= (top + bottom) / 2 <= height):
        return []
    rows = [row for row in text.split("\n") if row.strip()]
    step = (bottom - top) / len(rows)
    return [
        Line(row, left, top + step * number, right, top + step * (number + 1), min(step, 12.0))
        for number, row in enumerate(rows)
    ]
