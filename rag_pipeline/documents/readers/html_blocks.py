"""Blocks of a page, and the text between two of their borders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_SPACES = re.compile("[ \t\n\r\f\v\xa0]+")
_BLANK_LINES = re.compile("\n{3,}")
# A figure behind these is a power of the unit; behind any other word it is the number of a note.
_UNITS = frozenset({"mm", "cm", "dm", "km", "nm", "µm", "μm", "ft", "in", "yd", "mi", "sec", "min"})
_UNIT_BEFORE = re.compile("(?<![A-Za-zµμ])([A-Za-zµμ]{1,3})$")
_POWERS = {"2": "²", "3": "³"}
_ENDINGS = frozenset({"th", "st", "nd", "rd", "er", "re", "ère", "ème", "eme", "lle", "me", "tm", "sm"})
_LONGEST_BOLD = 80


@dataclass
class Block:
    """A paragraph, heading, table or piece of code."""

    text: str
    level: int = 0
    """Of a heading, from 1; 0: other text; ``SCOPE`` and ``END``: from here on headings count up to there only."""
    breaks: int = 2
    """Line ends between it and the block before: 1, or 2 for a blank line."""
    cell: str = ""
    """How it reads within a cell of a table, in one line."""
    is_structure: bool = False
    """Whether it is code or a table, which a cell in one line would destroy."""


SCOPE, END = -1, -2


@dataclass
class Flow:
    """Text on its way into blocks; white space is that of a browser (CSS Text 3, "white space processing")."""

    blocks: list[Block] = field(default_factory=list)
    breaks: int = 2
    """Line ends before the next block."""
    buffer: int = 0
    """Grows with each border: a place in the text is good until then."""
    _pieces: list[str] = field(default_factory=list)
    _is_plain: bool = False
    _ends_in_mark: bool = False

    def add(self, text: str, *, bold: bool = False, keep: str = "") -> None:
        """Text between tags.

        Args:
            text: as it stands in the source.
            bold: whether it is shown so.
            keep: which white space stays: none, ``lines``, or ``all``.
        """
        if keep == "lines":
            text = "\n".join(_SPACES.sub(" ", line).strip() for line in text.split("\n"))
        elif not keep:
            text = _SPACES.sub(" ", text)
            if text.startswith(" ") and (not self._pieces or self._pieces[-1].endswith((" ", "\n"))):
                text = text[1:]
        if not text:
            return
        if self._ends_in_mark and text[0].isdigit():
            text = f" {text}"  # a figure after a raised one is another figure
        self._ends_in_mark = False
        self._pieces.append(text)
        if not bold and not text.isspace():
            self._is_plain = True

    def line_break(self) -> None:
        """A ``br``; none at the beginning of a block."""
        if self._pieces:
            self._pieces.append("\n")

    @property
    def ends_line(self) -> bool:
        """Whether the text so far ends in a line break."""
        return bool(self._pieces) and self._pieces[-1].endswith("\n")

    @property
    def raw(self) -> str:
        """The text since the last border."""
        return "".join(self._pieces)

    @property
    def place(self) -> int:
        """Where the next text will stand, for :meth:`take`."""
        return len(self._pieces)

    def take(self, place: int) -> str:
        """Take back what was added since a place, if no border came between."""
        taken = "".join(self._pieces[place:])
        del self._pieces[place:]
        return taken

    def mark(self, place: int, *, raised: bool) -> None:
        """What was added since a place stands above or below the line."""
        text = self.take(place).strip()
        if text:
            before = "".join(self._pieces[-3:])
            self._pieces.append(superscript(before, text) if raised else subscript(before, text))
            self._ends_in_mark = text[-1].isdigit()

    def wrap(self, place: int, before: str, after: str) -> None:
        """Put what was added since a place between two marks."""
        text = self.take(place)
        inner = text.strip()
        if inner:
            start = text.index(inner)
            self._pieces.append(f"{text[:start]}{before}{inner}{after}{text[start + len(inner) :]}")

    @property
    def is_empty(self) -> bool:
        """Whether no letter stands before the next border."""
        return not any(piece.strip() for piece in self._pieces)

    def border(self, breaks: int, *, lead: str = "", indent: str = "", level: int = 0, mark_bold: bool = False) -> bool:
        """End the block; whether there was one.

        Args:
            breaks: line ends that the border asks for.
            lead: what stands before the block, such as the sign of a list.
            indent: what stands before its further lines.
            level: of the heading that it is.
            mark_bold: whether a block in bold is written as such.
        """
        raw = self.raw
        self.buffer += 1
        is_bold = bool(self._pieces) and not self._is_plain
        self._pieces, self._is_plain, self._ends_in_mark = [], False, False
        text = _BLANK_LINES.sub("\n\n", "\n".join(line.strip(" \t") for line in raw.split("\n"))).strip("\n")
        if not text:
            self.breaks = max(self.breaks, breaks)
            return False
        one = " ".join(text.split())
        if level:
            self.blocks.append(Block(one, level, 2, one))
        else:
            if mark_bold and is_bold and "\n" not in text and len(text) <= _LONGEST_BOLD and "*" not in text:
                text = f"**{text}**"
            self.blocks.append(Block(indented(text, lead, indent), 0, self.breaks, one))
        self.breaks = breaks
        return True

    def put(self, blocks: Iterable[Block], lead: str = "", indent: str = "") -> None:
        """Blocks that are ready, such as a table."""
        first = True
        for block in blocks:
            if block.level == 0:
                block.text = indented(block.text, lead if first else indent, indent)
                block.breaks = max(block.breaks, self.breaks) if first else block.breaks
                first = False
            self.blocks.append(block)
        if not first:
            self.breaks = 2


def indented(text: str, lead: str, indent: str) -> str:
    """Lines below a sign of a list or a quotation."""
    if not lead and not indent:
        return text
    first, *others = text.split("\n")
    return "\n".join([f"{lead}{first}", *(f"{indent}{line}".rstrip() for line in others)])


def superscript(before: str, text: str) -> str:
    """How a raised text is written after what stands before it: ``12.04^1)``, ``m²``, ``10^-6``, ``5th``."""
    if not before or before[-1].isspace():
        return text
    unit = _UNIT_BEFORE.search(before)
    if text in _POWERS and unit and (len(unit[1]) == 1 or unit[1] in _UNITS):
        return _POWERS[text]
    if text.lower() in _ENDINGS or (text == "e" and before[-1].isdigit()):
        return text
    if text == "o" and before[-1].isdigit():
        return "°"
    return f"^{text}" if text[0].isalnum() or text[0] in "+-−–" else text


def subscript(before: str, text: str) -> str:
    """How a lowered text is written: ``H2O``, ``log_10``, ``x_i``."""
    if not before or not before[-1].isalnum() or (text[0].isdigit() and before[-1].isalpha()):
        return text
    return f"_{text}" if text[0].isalnum() else text
