"""Blocks become sections below their headings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rag_pipeline.documents.document import Section
from rag_pipeline.documents.readers.word.blocks import Block, Kind

# Characters beyond which a paragraph is text whatever its style says: a heading stands before every chunk below it.
_LONGEST_HEADING = 200
# A longer paragraph in bold is one that is stressed, and not a heading without a style.
_LONGEST_BOLD = 80


@dataclass
class _Heading:
    level: int
    words: str
    written: bool = False
    """Whether there is a section that names it."""


@dataclass
class _Part:
    text: str
    is_item: bool
    bold: bool = False


class Written:
    """What was read so far.

    Args:
        title: the document's title, if it is known.
        mark_bold: whether a paragraph all in bold is marked as such.
        note: gives a note's text by its kind and id; empty where it is not to be read.
    """

    def __init__(self, title: str | None, *, mark_bold: bool, note: Callable[[str, str], str]) -> None:
        self.title = title or ""
        self._title_met = False
        self._mark_bold = mark_bold
        self._note = note
        self._done: list[Section] = []
        self._lone: set[int] = set()  # by place in what is done: sections made of headings without text
        self._path: list[_Heading] = []
        self._parts: list[_Part] = []
        self._notes: dict[tuple[str, str], None] = {}
        self._noted: set[tuple[str, str]] = set()

    def add(self, block: Block) -> None:
        """Take the next block."""
        words = " ".join(block.text.split())
        if block.kind is Kind.TITLE and self._is_title(words):
            self.title = words
        elif block.kind is Kind.HEADING and len(words) <= _LONGEST_HEADING:
            self._heading(block.level, words)
        else:
            self._text(block)
        for note in block.notes:
            if note not in self._noted:
                self._noted.add(note)
                self._notes[note] = None

    def sections(self) -> list[Section]:
        """Everything, in order."""
        self._close()
        self._give_up(self._path)
        return self._done

    def _is_title(self, words: str) -> bool:
        """Whether this is the document's title, and stands in front of everything below it already."""
        if self._title_met or len(words) > _LONGEST_HEADING or (self.title and words != self.title):
            return False
        self._title_met = True
        return True

    def _heading(self, level: int, words: str) -> None:
        self._close()
        self._give_up([heading for heading in self._path if heading.level >= level])
        self._path = [heading for heading in self._path if heading.level < level]
        self._path.append(_Heading(level, words))

    def _text(self, block: Block) -> None:
        is_item = block.kind is Kind.ITEM
        if is_item and self._parts and self._parts[-1].is_item:
            self._parts[-1].text += f"\n{block.text}"
            self._parts[-1].bold = False
        else:
            bold = block.bold and block.kind in (Kind.TEXT, Kind.ITEM) and len(block.text) <= _LONGEST_BOLD
            self._parts.append(_Part(block.text, is_item, bold and "\n" not in block.text))

    def _close(self) -> None:
        parts = [f"**{part.text}**" if part.bold and self._mark_bold else part.text for part in self._parts]
        notes = "\n".join(filter(None, (self._note(*note) for note in self._notes)))
        body = "\n\n".join(filter(str.strip, [*parts, notes]))
        if body:
            self._done.append(Section(tuple(heading.words for heading in self._path), body))
            for heading in self._path:
                heading.written = True
        self._parts, self._notes = [], {}

    def _give_up(self, headings: list[_Heading]) -> None:
        """A heading that nothing stands below is text itself: a title page, an agenda."""
        if not headings or headings[-1].written:
            return
        above = tuple(heading.words for heading in self._path[:-1])
        last = len(self._done) - 1
        if last in self._lone and self._done[last].headings == above:
            self._done[last] = Section(above, f"{self._done[last].text}\n\n{headings[-1].words}")
        else:
            self._lone.add(len(self._done))
            self._done.append(Section(above, headings[-1].words))
        for heading in self._path:
            heading.written = True
