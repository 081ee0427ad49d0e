"""The numbers that Word writes before paragraphs (ECMA-376 part 1, section 17.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.numerals import written_number
from rag_pipeline.documents.readers.office.package import (
    attribute,
    child,
    children,
    descendants,
    name_of,
    switched,
    whole,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

    from rag_pipeline.documents.readers.word.styles import Style, Styles

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_MOST_LINKS = 10


@dataclass(frozen=True)
class Level:
    """How a level of a list is numbered."""

    start: int = 1
    form: str = "decimal"
    text: str = ""
    suffix: str = "tab"
    restart: int | None = None
    """The level, from 1, after which it begins anew; 0: never; None: after any above it."""
    in_digits: bool = False
    style: str = ""
    """The paragraph style that this level belongs to."""


@dataclass(frozen=True)
class Number:
    """What stands before a paragraph of a list."""

    text: str
    """With the space after it; empty for a bullet and where nothing is shown."""
    level: int
    is_bullet: bool


class Numbering:
    """Counts the lists of a document; paragraphs are handed over in their order.

    Args:
        root: ``w:numbering``; None where the file has none.
        styles: which may name lists.
    """

    def __init__(self, root: _Element | None, styles: Styles) -> None:
        self._styles = styles
        self._abstract: dict[str, _Element] = {}
        self._lists: dict[str, _Element] = {}
        self._levels: dict[str, tuple[str, dict[int, Level]]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()
        for element in root if root is not None else ():
            if name_of(element) == "w:abstractNum":
                self._abstract[attribute(element, "abstractNumId")] = element
            elif name_of(element) == "w:num":
                self._lists[attribute(element, "numId")] = element

    def next(self, properties: _Element | None, chain: tuple[Style, ...]) -> Number | None:
        """The number of the next paragraph; None where it is in no list.

        Args:
            properties: ``w:pPr`` of the paragraph.
            chain: its style and what it is based on.
        """
        key, level = self._place(properties, chain)
        if key in ("", "0") or key not in self._lists:
            return None
        counted, levels = self._of(key)
        setting = levels.get(level)
        if setting is None:
            return None
        self._count(key, counted, level, levels)
        if setting.form == "bullet":
            return Number("", level, is_bullet=True)
        return Number(self._written(level, levels, self._counts[counted]), level, is_bullet=False)

    def _place(self, properties: _Element | None, chain: tuple[Style, ...]) -> tuple[str, int]:
        """Id of the list and level in it."""
        own = child(properties, "w:numPr")
        level = attribute(child(own, "w:ilvl"), "val")
        key = attribute(child(own, "w:numId"), "val")
        if key:
            return key, min(max(whole(level), 0), _LEVELS - 1)
        for style in chain:
            inherited = child(style.paragraph, "w:numPr")
            key = attribute(child(inherited, "w:numId"), "val")
            if key:
                said = level or attribute(child(inherited, "w:ilvl"), "val")
                return key, min(max(whole(said) if said else self._linked(key, style.id), 0), _LEVELS - 1)
        return "", 0

    def _linked(self, key: str, style: str) -> int:
        """The level of a list that a style belongs to."""
        levels = self._of(key)[1] if key in self._lists else {}
        return next((level for level, setting in levels.items() if setting.style == style), 0)

    def _of(self, key: str) -> tuple[str, dict[int, Level]]:
        """What a list is counted with, and its levels."""
        if key not in self._levels:
            element = self._lists[key]
            abstract_key = attribute(child(element, "w:abstractNumId"), "val")
            abstract_key = self._without_link(abstract_key)
            abstract = self._abstract.get(abstract_key)
            levels = {
                whole(attribute(level, "ilvl")): _level(level)
                for level in (children(abstract, "w:lvl") if abstract is not None else ())
            }
            for override in children(element, "w:lvlOverride"):
                place = whole(attribute(override, "ilvl"))
                own = child(override, "w:lvl")
                if own is not None:
                    levels[place] = _level(own)
                start = child(override, "w:startOverride")
                if start is not None:
                    levels[place] = replace(levels.get(place, Level()), start=whole(attribute(start, "val"), 1))
            self._levels[key] = (abstract_key, levels)
        return self._levels[key]

    def _without_link(self, key: str) -> str:
        """A list may be that of a style for lists, which names another."""
        for _ in range(_MOST_LINKS):
            link = child(self._abstract.get(key), "w:numStyleLink")
            if link is None:
                break
            chain = self._styles.chain(attribute(link, "val"))
            named = attribute(child(chain[0].paragraph, "w:numPr", "w:numId"), "val") if chain else ""
            if named not in self._lists:
                break
            key = attribute(child(self._lists[named], "w:abstractNumId"), "val")
        return key

    def _count(self, key: str, counted: str, level: int, levels: dict[int, Level]) -> None:
        counts = self._counts.setdefault(counted, {})
        # A list that says where a level starts begins anew at its first paragraph there.
        first = (key, level) not in self._begun
        self._begun.add((key, level))
        overridden = any(
            whole(attribute(override, "ilvl")) == level and child(override, "w:startOverride") is not None
            for override in children(self._lists[key], "w:lvlOverride")
        )
        if level not in counts or (first and overridden):
            counts[level] = levels[level].start
        else:
            counts[level] += 1
        for deeper in [other for other in counts if other > level]:
            restart = levels[deeper].restart if deeper in levels else None
            if restart is None or level < restart:
                del counts[deeper]

    def _written(self, level: int, levels: dict[int, Level], counts: dict[int, int]) -> str:
        setting = levels[level]

        def number(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            of = levels.get(place, Level())
            if of.form == "none" or place > level:
                return ""
            form = "decimal" if setting.in_digits else of.form
            return written_number(counts.get(place, of.start), form)

        text = _PLACE.sub(number, setting.text).strip()
        return text if not text or setting.suffix == "nothing" else f"{text} "


def _level(element: _Element) -> Level:
    def value(name: str, default: str = "") -> str:
        found = child(element, name)
        return default if found is None else attribute(found, "val", default)

    form = child(element, "w:numFmt")
    if form is None:  # a format of one's own, such as 001, with one of the usual for older programs
        for wrapped in children(element, "mc:AlternateContent"):
            form = next(descendants(wrapped, "w:numFmt"), None)
    name = attribute(form, "val", "decimal")
    if name == "custom":
        name = "decimalZero" if attribute(form, "format").startswith("01") else "decimal"
    return Level(
        start=whole(value("w:start"), 0 if child(element, "w:start") is None else 1),
        form=name,
        text=value("w:lvlText"),
        suffix=value("w:suff", "tab"),
        restart=whole(value("w:lvlRestart")) if child(element, "w:lvlRestart") is not None else None,
        in_digits=bool(switched(element, "w:isLgl")),
        style=value("w:pStyle"),
    )
