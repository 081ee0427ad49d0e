"""Charts: titles and the values that the chart keeps of its sheet (DrawingML charts, ECMA-376 part 1, section 21.2)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.drawing import plain
from rag_pipeline.documents.readers.office.package import attribute, child, children, descendants, name_of, whole
from rag_pipeline.documents.readers.tables import markdown_table

if TYPE_CHECKING:
    from lxml.etree import _Element

_ONE_NAME = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
# Sheets show this many digits of a number; those beyond are how it is stored.
_DIGITS = 15
_NUMBER = re.compile(r"-?\d+\.\d+(?:[eE][-+]?\d+)?")
_EPOCH = datetime(1899, 12, 30)
_MOST_POINTS = 100_000
_MOST_CELLS = 1_000_000


def chart_text(root: _Element) -> str:
    """A chart's title, its axes' titles, and a table: a row for each category, a column for each series."""
    if not name_of(root).startswith("c:"):
        return _of_any_kind(root)
    parts = [" ".join(_title(element).split()) for element in descendants(root, "c:title")]
    for plot in descendants(root, "c:plotArea"):
        parts.append(_table(list(descendants(plot, "c:ser"))))
    # What the author wrote on single points, and text boxes inside the chart.
    parts += [plain(rich) for label in descendants(root, "c:dLbl") for rich in descendants(label, "c:rich")]
    return "\n\n".join(part for part in parts if part.strip())


def _title(title: _Element) -> str:
    return "\n".join(
        [plain(rich) for rich in descendants(title, "c:rich")]
        + [text for reference in descendants(title, "c:strRef") for text in _points(reference).values()]
    )


def _table(series: list[_Element]) -> str:
    names = [" ".join(_points(child(one, "c:tx")).values()) for one in series]
    columns: list[tuple[str, dict[int, str]]] = []
    categories: dict[int, str] = {}
    for name, one in zip(names, series, strict=True):
        own = _points(child(one, "c:cat") if child(one, "c:cat") is not None else child(one, "c:xVal"))
        if own and own != categories:
            if not categories and not columns:
                categories = own
            else:
                columns.append((f"{name} x".strip(), own))
        columns.append(
            (name, _points(child(one, "c:val") if child(one, "c:val") is not None else child(one, "c:yVal")))
        )
        size = _points(child(one, "c:bubbleSize"))
        columns += [(f"{name} ○".strip(), size)] if size else []
    places = sorted({place for _, values in columns for place in values} | set(categories))
    if len(places) * len(columns) > _MOST_CELLS:
        return "\n".join(f"{name}: {', '.join(values.values())}" for name, values in [("", categories), *columns])
    head = ["", *(name for name, _ in columns)]
    rows = [[categories.get(place, ""), *(values.get(place, "") for _, values in columns)] for place in places]
    if not any(head):
        # Series without names head no columns.
        return "\n".join(f"{row[0]}: {', '.join(row[1:])}" for row in rows)
    return markdown_table([head, *rows])


def _points(data: _Element | None) -> dict[int, str]:
    """Values by their place, from a cache or written out; of several levels of categories the outer ones in front."""
    if data is None:
        return {}
    levels = list(descendants(data, "c:lvl"))
    if levels:
        return _levels([_cache(level, "") for level in levels])
    for kind in ("c:strCache", "c:numCache", "c:strLit", "c:numLit"):
        for cache in descendants(data, kind):
            form = child(cache, "c:formatCode")
            return _cache(cache, (form.text or "") if form is not None else "")
    value = child(data, "c:v")
    return {0: value.text} if value is not None and value.text else {}


def _cache(cache: _Element, form: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for point in children(cache, "c:pt"):
        value = child(point, "c:v")
        place = whole(attribute(point, "idx"), len(found))
        if value is not None and value.text and 0 <= place < _MOST_POINTS:
            found[place] = _shown(value.text, attribute(point, "formatCode") or form)
    return found


def _levels(levels: list[dict[int, str]]) -> dict[int, str]:
    """The innermost level comes first and names every place; an outer name holds until the next."""
    inner, *outer = levels
    above = [""] * len(outer)
    found = {}
    for place in sorted({place for level in levels for place in level}):
        above = [level.get(place, last) for level, last in zip(outer, above, strict=True)]
        found[place] = " ".join(filter(None, [*reversed(above), inner.get(place, "")]))
    return found


def _shown(value: str, form: str) -> str:
    """A value as a reader knows it: a date is a date and not the number of a day."""
    value = " ".join(value.split())
    if len(value) > _DIGITS and _NUMBER.fullmatch(value):
        return f"{float(value):.{_DIGITS}g}"
    bare = _ONE_NAME.sub("", form).lower()
    if "y" in bare or ("d" in bare and "m" in bare):
        try:
            moment = _EPOCH + timedelta(days=round(float(value) * 86_400) / 86_400)
        except (ValueError, OverflowError):
            return value
        return moment.date().isoformat() if moment.time() == moment.min.time() else moment.isoformat(" ", "minutes")
    return value


def _of_any_kind(root: _Element) -> str:
    """Charts of later kinds (funnels, maps, …): their titles, categories and values in the order of the file."""
    parts = [plain(rich) for rich in descendants(root, "cx:rich")]
    parts += [element.text or "" for element in descendants(root, "cx:v")]
    for dimension in [*descendants(root, "cx:strDim"), *descendants(root, "cx:numDim")]:
        values = [element.text or "" for element in descendants(dimension, "cx:pt")]
        parts.append(", ".join(" ".join(value.split()) for value in values if value.strip()))
    return "\n\n".join(dict.fromkeys(part.strip() for part in parts if part.strip()))
