"""PPTX, slide by slide."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.archive import check_archive, core_title
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of

_NOTES = "Notes"


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read titles, text, tables and notes; a slide is a section, with its number."""
    from pptx import Presentation

    with check_archive(content) as archive:
        title = core_title(archive)
    sections: list[Section] = []
    for number, slide in enumerate(Presentation(io.BytesIO(content)).slides, start=1):
        heading = slide.shapes.title
        words = " ".join(heading.text_frame.text.split()) if heading is not None else ""
        own = None if heading is None else heading.shape_id
        parts = [text for shape in slide.shapes if shape.shape_id != own for text in _texts(shape)]
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            notes = slide.notes_slide.notes_text_frame.text.strip()
            parts += [f"{_NOTES}: {notes}"] if notes else []
        body = "\n".join(part for part in parts if part.strip())
        # A slide with nothing but a title still says something.
        sections.append(Section((words,) if words and body else (), body or words, {"slide": number}))
    first = next((section.text.split("\n")[0] for section in sections if section.text), "")
    known = title if title and title.lower() not in ("powerpoint presentation", "powerpoint 프레젠테이션") else None
    opening = sections[0].headings[0] if sections and sections[0].headings else first
    return Document(known or opening or stem_of(name), tuple(sections))


def _texts(shape: Any) -> Iterator[str]:
    if getattr(shape, "has_table", False):
        rows = [[" ".join(cell.text.split()) for cell in row.cells] for row in shape.table.rows]
        yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    elif getattr(shape, "has_text_frame", False):
        yield shape.text_frame.text.replace("\v", "\n").strip()
    elif hasattr(shape, "shapes"):  # a group
        for inner in shape.shapes:
            yield from _texts(inner)
