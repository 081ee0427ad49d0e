"""Pages become sections: one a page, or one below each bookmark that leads to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_pipeline.documents.document import Section
from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.documents.readers.pdf.bookmarks import Bookmark, line_of, title_in
from rag_pipeline.documents.readers.pdf.lines import Line
from rag_pipeline.documents.readers.pdf.pages import Page
from rag_pipeline.documents.readers.pdf.paragraphs import LONGEST_HEADING, paragraphs_of
from rag_pipeline.documents.readers.pdf.tables import Table

# Shares of lines in bold, and in a font of code, above which it is simply the font of the text.
_MOSTLY, _TYPED = 0.5, 0.8
# Each bookmark is looked for in the lines of its page: so many times in all.
_MOST_LOOKS = 2_000_000
_COMMENTS = "Comments:"


@dataclass(frozen=True)
class _Piece:
    """A part of a page below one bookmark, or above the first."""

    items: list[Line | Table]
    mark: Bookmark | None
    page: int


def sections_of(pages: Sequence[Page], bookmarks: Sequence[Bookmark], options: ReadingOptions) -> list[Section]:
    """The sections of a document, with the marks of :mod:`breaks` in their texts."""
    lines = [line for page in pages for line in page.lines]
    mostly_bold = sum(line.is_bold for line in lines) > _MOSTLY * len(lines)
    marks_bold = options.outline and not mostly_bold
    code_is_prose = sum(line.is_code for line in lines) > _TYPED * len(lines)
    by_page: dict[int, list[Bookmark]] = {}
    for mark in bookmarks:
        by_page.setdefault(mark.page, []).append(mark)
    pieces = [piece for page in pages for piece in _pieces(page, by_page.get(page.number - 1, []))]
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    for index, piece in enumerate(pieces):
        items = piece.items
        if piece.mark is not None:
            first = items[0] if items and isinstance(items[0], Line) else None
            title = title_in(piece.mark, first) if first is not None else None
            path = [
                *(above for above in path if above[0] < piece.mark.level),
                (piece.mark.level, title or piece.mark.title),
            ]
            if title is not None:
                following = pieces[index + 1] if index + 1 < len(pieces) else None
                goes_on = following is not None and (following.mark is None or following.mark.level > piece.mark.level)
                # A heading with nothing below is text.
                items = items[1:] if len(items) > 1 or goes_on else items
        headings = tuple(words for _, words in path)
        text = _composed(items, marks_bold=marks_bold, code_is_prose=code_is_prose)
        if text:
            found.append(Section(headings, text, {"page": piece.page}))
        if options.comments and (index + 1 == len(pieces) or pieces[index + 1].page != piece.page):
            comments = pages[piece.page - 1].comments
            if comments:
                found.append(Section(headings, "\n".join([_COMMENTS, *comments]), {"page": piece.page}))
    return found


def _pieces(page: Page, marks: Sequence[Bookmark]) -> Iterator[_Piece]:
    items = page.in_order()
    places = [index for index, item in enumerate(items) if isinstance(item, Line)]
    lines = [item for item in items if isinstance(item, Line)]
    start, begun, current = 0, 0, None
    for mark in marks[: _MOST_LOOKS // (len(lines) + 1)]:
        found = line_of(mark, lines, mark.height(page.frame), start)
        place = len(items) if found is None else places[found]
        if place > begun or current is not None:
            yield _Piece(items[begun:place], current, page.number)
        begun, current = place, mark
        # The line of a bookmark is its own; the next one begins below.
        start = len(lines) if found is None else found + (title_in(mark, lines[found]) is not None)
    yield _Piece(items[begun:], current, page.number)


def _composed(items: Sequence[Line | Table], *, marks_bold: bool, code_is_prose: bool) -> str:
    """The text of lines and tables in their order; blank lines part what is more than a line apart."""
    text = ""
    waiting: list[Line] = []
    for item in [*items, None]:
        if isinstance(item, Line):
            waiting.append(item)
            continue
        bold_before = False
        for paragraph in paragraphs_of(waiting, code_is_prose=code_is_prose):
            bold = marks_bold and paragraph.is_bold and len(paragraph.text) <= LONGEST_HEADING
            words = f"**{paragraph.text.strip()}**" if bold else paragraph.text
            apart = paragraph.begins_block or bold or bold_before
            text += ("\n\n" if apart else "\n") * bool(text) + words
            bold_before = bold
        waiting = []
        if item is not None:
            text += "\n\n" * bool(text) + item.text
    return text.strip("\n")
