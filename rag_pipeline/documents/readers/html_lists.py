"""Signs in front of lists and quotations, numbers as a browser counts them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

# Of nested lists and quotations, the innermost; a page may nest them by the thousand.
_DEEPEST = 8
_KOREAN = "가나다라마바사아자차카타파하"
_TYPES = {
    "a": "lower-alpha",
    "A": "upper-alpha",
    "i": "lower-roman",
    "I": "upper-roman",
    "lower-latin": "lower-alpha",
    "upper-latin": "upper-alpha",
}
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_ROMAN_SMALL = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


@dataclass
class ListItem:
    """An item of a list, or a quotation, while it is read."""

    sign: str
    """In front of its first line."""
    indent: str
    """In front of the others."""
    is_quote: bool = False
    is_begun: bool = False


def prefix(items: list[ListItem]) -> tuple[str, str]:
    """What stands before the first line of the next block, and before its others."""
    lead = indent = ""
    for item in items[-_DEEPEST:]:
        lead += item.indent if item.is_begun else item.sign
        indent += item.indent
    for item in reversed(items):
        if item.is_begun and not item.is_quote:
            break
        item.is_begun = True
    return lead, indent


class Numbering:
    """The numbers of one list (HTML standard, "ordinal value")."""

    def __init__(self, element: _Element, is_ordered: bool, style: dict[str, str]) -> None:
        kind = style.get("list-style-type") or style.get("list-style", "").split(" ")[0]
        self._kind = kind or _TYPES.get(str(element.get("type")), "decimal")
        self._is_ordered = is_ordered and self._kind != "none"
        self._step = 1
        start = _integer(element.get("start"))
        if element.get("reversed") is not None:
            self._step = -1
            start = len(element) if start is None else start
        self._next = 1 if start is None else start

    def sign(self, item: _Element) -> str:
        """In front of an item."""
        if not self._is_ordered:
            return "- "
        value = _integer(item.get("value"))
        number = self._next if value is None else value
        self._next = number + self._step
        return f"{_shown(number, _TYPES.get(self._kind, self._kind))}. "


def _integer(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 10 else None


def _shown(number: int, kind: str) -> str:
    write: dict[str, Callable[[int], str]] = {
        "lower-alpha": _letters,
        "upper-alpha": lambda value: _letters(value).upper(),
        "lower-roman": _roman,
        "upper-roman": lambda value: _roman(value).upper(),
        "hangul": lambda value: _KOREAN[value - 1] if value <= len(_KOREAN) else str(value),
    }
    return write[kind](number) if kind in write and 0 < number < 4000 else str(number)


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters


def _roman(number: int) -> str:
    written = ""
    for value, sign in (*_ROMAN, *_ROMAN_SMALL):
        count, number = divmod(number, value)
        written += sign * count
    return written
