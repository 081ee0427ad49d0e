"""The bookmarks of a PDF: its headings, each with the place it points to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rag_pipeline.documents.readers.pdf.glyphs import Frame
from rag_pipeline.documents.readers.pdf.lines import Line
from rag_pipeline.documents.readers.titles import useful_title
from rag_pipeline.text import clean

_MOST, _DEEPEST = 10_000, 10
_NOT_LETTERS = re.compile(r"[\W_]+")
# "1.2.", "제1장" and the like, which a bookmark may leave out, or have where the line has none.
_NUMBERING = re.compile(r"^(?:(?:\d+|[A-Z]\.\d+)(?:\.\d+)*\.?|제\s*\d+\s*\w|chapter \d+|appendix \w)\W*", re.IGNORECASE)


@dataclass(frozen=True)
class Bookmark:
    """A heading and the point it leads to, in the coordinates of the file."""

    title: str
    level: int
    page: int
    x: float | None
    y: float | None

    def height(self, frame: Frame) -> float | None:
        """How far below the upper edge of the page, as it is shown; None: somewhere on the page."""
        along = self.x if frame.quarter_turns % 2 else self.y
        if along is None:
            return None
        turned = (frame.top - along, along - frame.left, along - frame.bottom, frame.right - along)
        return turned[frame.quarter_turns]


def read_bookmarks(pdf: Any) -> list[Bookmark]:
    """The bookmarks of a document of pypdfium2 in their order; those that lead nowhere are left out."""
    import pypdfium2.raw as pdfium

    found = []
    for mark in islice(pdf.get_toc(max_depth=_DEEPEST), _MOST):
        title = useful_title(clean(mark.get_title()))
        target = mark.get_dest()
        page = target.get_index() if target is not None else None
        if not title or page is None:
            continue
        view, place = target.get_view()
        x = y = None
        if view == pdfium.PDFDEST_VIEW_XYZ and len(place) >= 2:
            x, y = place[0], place[1]
        elif view in (pdfium.PDFDEST_VIEW_FITH, pdfium.PDFDEST_VIEW_FITBH) and place:
            y = place[0]
        elif view == pdfium.PDFDEST_VIEW_FITR and len(place) == 4:
            x, y = place[0], place[3]
        found.append(Bookmark(title, mark.level, page, x, y))
    return found


def line_of(mark: Bookmark, lines: Sequence[Line], height: float | None, start: int) -> int | None:
    """The line that a bookmark means: that with its words, nearest to where it points; else the first below there.

    Args:
        mark: the bookmark.
        lines: of its page, in reading order.
        height: where it points, in points below the upper edge; None: somewhere on the page.
        start: the first line that may be meant; those above belong to the bookmarks before.
    """
    wanted = _letters(mark.title)
    bare = _letters(_NUMBERING.sub("", mark.title))
    same = []
    for index in range(start, len(lines)):
        text = _letters(lines[index].text)
        if text and (text == wanted or (len(text) >= 4 and (wanted.startswith(text) or text.startswith(wanted)))):
            same.append((text != wanted, index))
        elif text and bare and _letters(_NUMBERING.sub("", lines[index].text)) == bare:
            same.append((True, index))
    if same:
        aim = 0.0 if height is None else height
        return min(same, key=lambda entry: (abs(lines[entry[1]].top - aim) // 60, entry[0], entry[1]))[1]
    if height is None:
        return start if start < len(lines) else None
    return next((index for index in range(start, len(lines)) if lines[index].middle >= height), None)


def title_in(mark: Bookmark, line: Line) -> str | None:
    """The bookmark's title with the number that its line has before it; None: the line says something else."""
    wanted, text = _letters(mark.title), _letters(line.text)
    if text == wanted:
        return mark.title
    numbered = _letters(_NUMBERING.sub("", line.text)) == wanted and text.endswith(wanted)
    return " ".join(line.text.split()) if numbered else None


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text.lower())
