"""What both formats of Hangul say of paragraphs and letters apart from the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rag_pipeline.documents.readers.hangul.numbering import NumberedList

OUTLINE, NUMBER, BULLET = "outline", "number", "bullet"
_NAME = re.compile(r"(?:개요|제목|outline|heading)\s*(\d{1,2})?", re.IGNORECASE)
_SIZES = re.compile(r"(?:(큰|대)|(중)|(소|작은))\s*제목")
# These are bullets of Markdown in other clothes; the others (□, ○, ※) are levels of official documents.
_PLAIN_BULLETS = frozenset("-•●·∙‧◦▪*")


@dataclass(frozen=True)
class ParagraphShape:
    """A shape of paragraphs ("문단 모양")."""

    kind: str = ""
    """``outline``, ``number``, ``bullet``, or empty."""
    level: int = 0
    """From 0."""
    identifier: int = 0
    """Of the list of numbers or bullets that it follows; 0: the section's, for an outline."""


@dataclass(frozen=True)
class Styles:
    """What a document defines for its text, by the identifiers that the text names."""

    shapes: Mapping[int, ParagraphShape] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    """Of the styles."""
    lists: Mapping[int, NumberedList] = field(default_factory=dict)
    bullets: Mapping[int, str] = field(default_factory=dict)
    bold: frozenset[int] = frozenset()
    """Shapes of letters that are bold."""

    def heading_level(self, shape: ParagraphShape, style: int) -> int | None:
        """The level of a heading, from 1; None for other text."""
        if shape.kind == OUTLINE:
            return shape.level + 1
        name = self.names.get(style, "").strip()
        match = _NAME.fullmatch(name)
        if match:
            return int(match[1] or 1) or None
        match = _SIZES.match(name)
        return match.lastindex if match else None

    def bullet(self, identifier: int) -> str:
        """What stands in front of an item of a list without numbers."""
        sign = self.bullets.get(identifier, "").strip()
        is_private = any(0xE000 <= ord(letter) <= 0xF8FF or ord(letter) >= 0xF0000 for letter in sign)
        return "-" if not sign or is_private or sign in _PLAIN_BULLETS else sign
