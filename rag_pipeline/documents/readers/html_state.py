"""What the walk of a page knows at each moment: where text goes, and how it is to be read there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.documents.readers.html_blocks import Block, Flow
from rag_pipeline.documents.readers.html_lists import ListItem, Numbering, prefix
from rag_pipeline.documents.readers.html_tables import Table
from rag_pipeline.documents.readers.html_tree import LeftOut

if TYPE_CHECKING:
    from lxml.etree import _Element

_LONGEST_HEADING = 200

Closing = Callable[[], None]


class State:
    """Where the walk is.

    Args:
        options: what is read besides.
        anchors: headings that stand elsewhere; see :func:`write`.
        frames: in how many frames the page stands.
    """

    def __init__(self, options: ReadingOptions, anchors: Mapping[str, tuple[int, str]], frames: int = 0) -> None:
        self.flow = Flow()
        self._options = options
        self._anchors = anchors
        self._frames = frames
        self._left_out: LeftOut
        self._bold = False
        self._keep = ""
        self._heading = 0
        self._in_code = False
        self._items: list[ListItem] = []
        self._lists: list[Numbering] = []
        self._tables: list[Table] = []
        self._groups = 0
        self._part = "tbody"
        self._rubies: list[list[str]] = []

    def walk(self, root: _Element) -> None:
        """Go through a tree."""
        raise NotImplementedError

    def _text(self, text: str | None) -> None:
        if text:
            self.flow.add(text, bold=self._bold, keep=self._keep)

    def _border(self, breaks: int) -> None:
        if self._in_code:
            if not self.flow.ends_line:
                self.flow.line_break()
            return
        if self._heading:
            self.flow.add(" ")
            return
        lead, indent = ("", "") if self.flow.is_empty else prefix(self._items)
        mark_bold = self._options.outline and not self._items  # cells of a grid are written without it
        self.flow.border(breaks, lead=lead, indent=indent, mark_bold=mark_bold)

    @property
    def _is_flat(self) -> bool:
        """Whether borders of blocks are no more than white space here."""
        return bool(self._heading) or self._in_code

    def _end_heading(self) -> None:
        level, self._heading = self._heading, 0
        if not level:
            return
        if len(self.flow.raw) > _LONGEST_HEADING:
            self._border(2)  # a paragraph in large letters
        elif self.flow.border(2, level=level):
            for item in self._items:
                item.sign = item.indent = ""

    def _restoring(self, attribute: str, value: Any) -> Closing:
        return lambda: setattr(self, attribute, value)

    def _apart(self, closings: list[Closing]) -> list[Block]:
        """Read on into blocks of their own."""
        outer, self.flow = self.flow, Flow()
        items, lists, bold = self._items, self._lists, self._bold
        self._items, self._lists = [], []
        part, blocks = self._part, self.flow.blocks

        def end() -> None:
            if self._heading:
                self._end_heading()
            self._border(1)
            self.flow, self._items, self._lists, self._bold, self._part = outer, items, lists, bold, part

        closings.append(end)
        return blocks
