"""Styles of a Word document: what a paragraph or a run inherits (ECMA-376 part 1, section 17.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.package import attribute, child, children, switched, whole

if TYPE_CHECKING:
    from lxml.etree import _Element

# Names of the styles in the languages of Office; files of Word itself have the English ones.
_HEADING = re.compile(
    r"(?:heading|제목|개요|überschrift|berschrift|titre|título|titulo|titolo|ttulo|rubrik|kop|overskrift|otsikko|nagłówek"
    r"|nadpis|заголовок|标题|標題|見出し|başlık|judul)\s*([1-9])",
    re.IGNORECASE,
)
_TITLES = frozenset({"title", "제목", "titel", "titre", "título", "titolo", "表題", "표제"})
_BODY_LEVEL = 9  # outline levels are 0 to 8; 9 is text
_MOST_STEPS = 50


@dataclass(frozen=True)
class Style:
    """A style as written; what it is based on has its own."""

    id: str
    name: str
    based_on: str
    paragraph: _Element | None
    run: _Element | None

    @property
    def outline_level(self) -> int | None:
        """The level that the style itself sets, from 1; 0 if it says that it is text; None if it says nothing."""
        said = outline_level(self.paragraph)
        if said is not None:
            return said
        match = _HEADING.fullmatch(self.name) or _HEADING.fullmatch(self.id)
        return int(match[1]) if match else None


def outline_level(properties: _Element | None) -> int | None:
    """The level that a paragraph's properties set, from 1; 0 for text; None where they set none."""
    found = child(properties, "w:outlineLvl")
    if found is None:
        return None
    level = whole(attribute(found, "val"), _BODY_LEVEL)
    return level + 1 if 0 <= level < _BODY_LEVEL else 0


class Styles:
    """All styles of a document.

    Args:
        root: ``w:styles``; None where the file has none.
    """

    def __init__(self, root: _Element | None) -> None:
        self._styles: dict[str, Style] = {}
        self._default = ""
        self._chains: dict[str, tuple[Style, ...]] = {}
        self._switched: dict[tuple[str, str], bool] = {}
        self._base = child(root, "w:docDefaults", "w:rPrDefault", "w:rPr")
        for element in children(root, "w:style") if root is not None else ():
            key = attribute(element, "styleId")
            name = attribute(child(element, "w:name"), "val") or key
            self._styles[key] = Style(
                key,
                name,
                attribute(child(element, "w:basedOn"), "val"),
                child(element, "w:pPr"),
                child(element, "w:rPr"),
            )
            if attribute(element, "type") == "paragraph" and attribute(element, "default").lower() in (
                "1",
                "true",
                "on",
            ):
                self._default = key

    def of_paragraph(self, properties: _Element | None) -> tuple[Style, ...]:
        """A paragraph's style and what it is based on, nearest first."""
        return self.chain(attribute(child(properties, "w:pStyle"), "val") or self._default)

    def chain(self, key: str) -> tuple[Style, ...]:
        """A style and what it is based on, nearest first; empty where there is no such style."""
        if key not in self._chains:
            self._chains[key] = tuple(self._steps(key))
        return self._chains[key]

    def _steps(self, key: str) -> Iterator[Style]:
        seen: set[str] = set()
        while key in self._styles and key not in seen and len(seen) < _MOST_STEPS:
            seen.add(key)
            yield self._styles[key]
            key = self._styles[key].based_on

    def is_title(self, chain: tuple[Style, ...]) -> bool:
        """Whether a paragraph is the document's title."""
        return any(style.name.lower() in _TITLES or style.id.lower() == "title" for style in chain[:1])

    def heading_level(self, properties: _Element | None) -> int | None:
        """A paragraph's level as a heading, from 1; None for text."""
        own = outline_level(properties)
        for said in (own, *(style.outline_level for style in self.of_paragraph(properties))):
            if said is not None:
                return said or None
        return None

    def is_on(self, name: str, run: _Element | None, paragraph_chain: tuple[Style, ...]) -> bool:
        """Whether a run has a property that is on or off, such as ``w:vanish`` (17.7.3, toggle properties)."""
        own = switched(run, name)
        if own is not None:
            return own
        base = bool(switched(self._base, name))
        in_paragraph = self._inherited(name, paragraph_chain)
        in_run = self._inherited(name, self.chain(attribute(child(run, "w:rStyle"), "val")))
        return base or in_paragraph != in_run

    def _inherited(self, name: str, chain: tuple[Style, ...]) -> bool:
        if not chain:
            return False
        key = (name, chain[0].id)
        if key not in self._switched:
            said = (switched(style.run, name) for style in chain)
            self._switched[key] = next((value for value in said if value is not None), False)
        return self._switched[key]

    def value(self, name: str, local: str, run: _Element | None, paragraph_chain: tuple[Style, ...]) -> str:
        """A run's property with a value, such as ``w:vertAlign``; empty where nothing sets it."""
        by_style = self.chain(attribute(child(run, "w:rStyle"), "val"))
        for properties in (run, *(style.run for style in (*by_style, *paragraph_chain))):
            found = child(properties, name)
            if found is not None:
                return attribute(found, local)
        return ""
