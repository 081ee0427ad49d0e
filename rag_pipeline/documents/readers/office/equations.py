"""Equations (Office Math, ECMA-376 part 1, section 22.1) as a line of text: ``(a+b)/2``, ``x^2``, ``√(x+1)``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.package import alternative, attribute, child, children, name_of

if TYPE_CHECKING:
    from lxml.etree import _Element

# What needs no brackets below a fraction line or in an index: a name, a number, or what has brackets.
_SIMPLE = re.compile(r"[\w\u0300-\u036f.,°%′'∞]*|√?\(.*\)|\|[^|]*\|", re.DOTALL)
_APART = frozenset({"m:f", "m:sSub", "m:sSup", "m:sSubSup", "m:func", "m:oMath", "m:limLow", "m:limUpp"})
_UNREAD = frozenset({"w:rPr", "w:del", "w:moveFrom", "w:delText", "w:instrText", "m:ctrlPr", "a:rPr"})


def linear(element: _Element) -> str:
    """An equation, or a part of one, in one line."""
    name = name_of(element)
    if name in ("m:t", "w:t", "a:t"):
        return element.text or ""
    if name in _UNREAD or (name.endswith("Pr") and name.startswith("m:")):
        return ""
    if name == "mc:AlternateContent":
        return _inside(alternative(element))
    written = _WRITTEN.get(name)
    return written(element) if written else _inside(element)


def _inside(element: Iterable[_Element] | None) -> str:
    text, apart = "", False
    for inner in element if element is not None else ():
        piece = linear(inner)
        if not piece:
            continue
        # a_n cos x, 1/z dz: what follows an index or a fraction line is no part of it.
        own = name_of(inner) in _APART
        if (apart or name_of(inner) == "m:func") and text[-1:].isalnum() and piece[0].isalnum():
            text += " "
        text += piece
        apart = own
    return text


def _part(element: _Element, name: str) -> str:
    return _inside(child(element, name)).strip()


def _grouped(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) and _is_one_group(text) else f"({text})"


def _is_one_group(text: str) -> bool:
    """Whether a bracket that opens a text is closed at its end."""
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == ")" and depth == 0 and place < len(text) - 1:
            return False
    return True


def _setting(element: _Element, properties: str, name: str, default: str) -> str:
    found = child(element, properties, name)
    return default if found is None else attribute(found, "val")


def _fraction(element: _Element) -> str:
    line = "¦" if _setting(element, "m:fPr", "m:type", "bar") == "noBar" else "/"
    return f"{_grouped(_part(element, 'm:num'))}{line}{_grouped(_part(element, 'm:den'))}"


def _scripts(element: _Element) -> str:
    lower, upper = _part(element, "m:sub"), _part(element, "m:sup")
    base = _part(element, "m:e")
    marks = (f"_{_grouped(lower)}" if lower else "") + (f"^{_grouped(upper)}" if upper else "")
    if name_of(element) == "m:sPre":
        return f"{marks}{base}"
    return f"{_grouped(base)}{marks}"


def _root(element: _Element) -> str:
    degree = _part(element, "m:deg")
    return f"√{f'[{degree}]' if degree else ''}({_part(element, 'm:e')})"


def _large_operator(element: _Element) -> str:
    lower, upper = _part(element, "m:sub"), _part(element, "m:sup")
    sign = _setting(element, "m:naryPr", "m:chr", "∫")
    marks = (f"_{_grouped(lower)}" if lower else "") + (f"^{_grouped(upper)}" if upper else "")
    return f"{sign}{marks} {_part(element, 'm:e')}"


def _delimited(element: _Element) -> str:
    begin = _setting(element, "m:dPr", "m:begChr", "(")
    end = _setting(element, "m:dPr", "m:endChr", ")")
    between = _setting(element, "m:dPr", "m:sepChr", "|")
    return f"{begin}{between.join(_inside(part).strip() for part in children(element, 'm:e'))}{end}"


def _function(element: _Element) -> str:
    name, argument = _part(element, "m:fName"), _part(element, "m:e")
    return f"{name}{argument}" if argument.startswith(("(", "[", "{", "|")) else f"{name} {argument}"


def _limit(element: _Element) -> str:
    mark = "_" if name_of(element) == "m:limLow" else "^"
    return f"{_part(element, 'm:e')}{mark}{_grouped(_part(element, 'm:lim'))}"


def _matrix(element: _Element) -> str:
    return f"[{'; '.join(_row([_inside(cell) for cell in children(row, 'm:e')]) for row in children(element, 'm:mr'))}]"


def _row(cells: Sequence[str]) -> str:
    return ", ".join(cell.strip() for cell in cells)


def _lines(element: _Element) -> str:
    return "; ".join(_inside(line).replace("&", "").strip() for line in children(element, "m:e"))


def _accent(element: _Element) -> str:
    base = _part(element, "m:e")
    return base + _setting(element, "m:accPr", "m:chr", "\u0302") if len(base) == 1 else base


def _paragraph(element: _Element) -> str:
    return "; ".join(filter(None, (_inside(part).strip() for part in children(element, "m:oMath"))))


_WRITTEN = {
    "m:f": _fraction,
    "m:sSup": _scripts,
    "m:sSub": _scripts,
    "m:sSubSup": _scripts,
    "m:sPre": _scripts,
    "m:rad": _root,
    "m:nary": _large_operator,
    "m:d": _delimited,
    "m:func": _function,
    "m:limLow": _limit,
    "m:limUpp": _limit,
    "m:m": _matrix,
    "m:eqArr": _lines,
    "m:acc": _accent,
    "m:oMathPara": _paragraph,
}
