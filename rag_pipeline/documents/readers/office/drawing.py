"""Text in drawings (DrawingML, ECMA-376 part 1, chapter 21): shapes of slides, titles of charts, SmartArt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.equations import linear
from rag_pipeline.documents.readers.office.numerals import slide_number
from rag_pipeline.documents.readers.office.package import alternative, attribute, child, children, name_of, whole
from rag_pipeline.documents.readers.office.raised import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lxml.etree import _Element

_UNREAD = frozenset({"a:pPr", "a:rPr", "a:endParaRPr"})


@dataclass(frozen=True)
class Line:
    """A paragraph of a drawing."""

    text: str
    bold: bool
    """Whether all of it is bold."""


def lines(body: _Element | None) -> list[Line]:
    """The paragraphs of a text body that are not empty, with the numbers that the program writes before them."""
    found: list[Line] = []
    counts: dict[int, tuple[str, int]] = {}  # by level: scheme and number of the list that is under way
    for paragraph in _paragraphs(body) if body is not None else ():
        text, bold = _text(paragraph)
        properties = child(paragraph, "a:pPr")
        level = whole(attribute(properties, "lvl"))
        counts = {other: count for other, count in counts.items() if other <= level}
        numbering = child(properties, "a:buAutoNum")
        if not text:
            continue
        if numbering is None:
            counts.pop(level, None)
        else:
            scheme, start = attribute(numbering, "type"), whole(attribute(numbering, "startAt"), 1)
            before = counts.get(level)
            number = before[1] + 1 if before and before[0] == scheme else start
            counts[level] = (scheme, number)
            text = f"{slide_number(number, scheme)} {text}"
        found.append(Line(text, bold))
    return found


def plain(body: _Element | None) -> str:
    """A text body as lines."""
    return "\n".join(line.text for line in lines(body))


def _paragraphs(body: Iterable[_Element]) -> Iterator[_Element]:
    for inner in body:
        if name_of(inner) == "a:p":
            yield inner
        elif name_of(inner) == "mc:AlternateContent":
            yield from _paragraphs(alternative(inner))


def _text(paragraph: _Element) -> tuple[str, bool]:
    runs = list(_runs(paragraph))
    text = joined((text, raised) for text, raised, _ in runs)
    text = "\n".join(line.strip() for line in text.split("\n")).strip()
    return text, all(bold for words, _, bold in runs if words.strip())


def _runs(parts: Iterable[_Element]) -> Iterator[tuple[str, bool, bool]]:
    """Text, whether it is raised, and whether it is bold."""
    for part in parts:
        name = name_of(part)
        if name in ("a:r", "a:fld"):
            properties = child(part, "a:rPr")
            text = "".join(piece.text or "" for piece in children(part, "a:t"))
            raised = whole(attribute(properties, "baseline").rstrip("%")) > 0
            bold = attribute(properties, "b") in ("1", "true")
            # A line break within a text is written as a vertical tab by some programs.
            yield text.replace("\v", "\n").replace("_x000D_", "\n"), raised, bold
        elif name == "a:br":
            yield "\n", False, False
        elif name == "mc:AlternateContent":
            yield from _runs(alternative(part))
        elif name.startswith("m:"):
            yield linear(part), False, False
        elif name and name not in _UNREAD:
            yield from _runs(part)
