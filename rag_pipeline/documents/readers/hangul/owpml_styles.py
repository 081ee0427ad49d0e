"""The header of HWPX: what it defines for paragraphs and letters.

Names are taken without their namespace, of which there are three: of 2011, 2016 and 2024.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.hangul.numbering import MOST_LEVELS, ListLevel, NumberedList
from rag_pipeline.documents.readers.hangul.styles import BULLET, NUMBER, OUTLINE, ParagraphShape, Styles

if TYPE_CHECKING:
    from lxml.etree import _Element

_KINDS = {"OUTLINE": OUTLINE, "NUMBER": NUMBER, "BULLET": BULLET}


def name_of(element: _Element) -> str:
    """An element's name without its namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: _Element) -> Iterator[_Element]:
    """Its child elements, without comments and the like."""
    return (child for child in element if isinstance(child.tag, str))


def number_in(element: _Element, attribute: str, default: int = 0) -> int:
    """A whole number in an attribute; the default where there is none."""
    try:
        return int(element.get(attribute, default))
    except ValueError:
        return default


def read_styles(header: _Element) -> Styles:
    """What a header defines."""
    shapes, names, lists, bullets, bold = {}, {}, {}, {}, set()
    for element in header.iter("{*}paraPr", "{*}style", "{*}numbering", "{*}bullet", "{*}charPr"):
        identifier = number_in(element, "id")
        match name_of(element):
            case "paraPr":
                for child in element.iterchildren("{*}heading"):
                    shapes[identifier] = ParagraphShape(
                        _KINDS.get(child.get("type", ""), ""), number_in(child, "level"), number_in(child, "idRef")
                    )
            case "style":
                names[identifier] = element.get("name") or element.get("engName") or ""
            case "numbering":
                lists[identifier] = _list(element)
            case "bullet":
                bullets[identifier] = element.get("char", "")
            case _:
                if any(True for _ in element.iterchildren("{*}bold")):
                    bold.add(identifier)
    return Styles(shapes, names, lists, bullets, frozenset(bold))


def _list(element: _Element) -> NumberedList:
    levels = [
        ListLevel("".join(head.itertext()), head.get("numFormat", "DIGIT"), number_in(head, "start", 1))
        for head in element.iterchildren("{*}paraHead")
    ]
    return NumberedList(tuple(levels[:MOST_LEVELS]))
