"""Where shapes stand on a slide; placeholders that do not say stand where their layout or master puts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.package import Package, attribute, child, descendants, name_of, whole

if TYPE_CHECKING:
    from lxml.etree import _Element

# English Metric Units, 914,400 to the inch: shapes whose tops differ by less stand side by side.
_SAME_HEIGHT = 180_000
# What a kind of placeholder is called on the master.
_ON_MASTER = {"ctrTitle": "title", "subTitle": "body", "obj": "body"}


class Positions:
    """Orders the shapes of a part.

    Args:
        package: the file.
        place: of the part.
    """

    def __init__(self, package: Package, place: str) -> None:
        self._layouts: list[dict[str, tuple[int, int]]] = []
        for kind in ("slideLayout", "slideMaster"):
            place = next(iter(package.related(place, kind)), "")
            root = package.optional(place) if place else None
            self._layouts.append(_placeholders(root) if root is not None else {})

    def in_order(self, shapes: list[_Element]) -> list[_Element]:
        """Shapes from top to bottom, and those of like height from left to right."""
        placed: list[tuple[int, int, int]] = []
        top = left = 0
        for index, shape in enumerate(shapes):
            # One of which nothing is known stays with the one that it follows in the file.
            top, left = self._of(shape) or (top, left)
            placed.append((top, left, index))
        rows: list[list[tuple[int, int, int]]] = []
        for position in sorted(placed):
            if rows and position[0] - rows[-1][0][0] < _SAME_HEIGHT:
                rows[-1].append(position)
            else:
                rows.append([position])
        return [shapes[index] for row in rows for _, _, index in sorted(row, key=lambda entry: entry[1:])]

    def _of(self, shape: _Element) -> tuple[int, int] | None:
        own = _offset(shape)
        if own is not None:
            return own
        for key in _keys(shape):
            for layout in self._layouts:
                if key in layout:
                    return layout[key]
        return None


def _offset(shape: _Element) -> tuple[int, int] | None:
    for properties in shape:
        name = name_of(properties)
        if name in ("p:spPr", "p:grpSpPr", "p:xfrm"):
            frame = properties if name == "p:xfrm" else child(properties, "a:xfrm")
            offset = child(frame, "a:off")
            if offset is not None:
                return whole(attribute(offset, "y")), whole(attribute(offset, "x"))
    return None


def _placeholders(root: _Element) -> dict[str, tuple[int, int]]:
    """Places of a layout's placeholders, by number and by kind."""
    found: dict[str, tuple[int, int]] = {}
    for shape in descendants(root, "p:sp"):
        position = _offset(shape)
        if position is not None:
            for key in _keys(shape):
                found.setdefault(key, position)
    return found


def _keys(shape: _Element) -> list[str]:
    mark = next(iter(descendants(shape, "p:ph")), None) if name_of(shape) != "p:grpSp" else None
    if mark is None:
        return []
    kind = attribute(mark, "type", "obj")
    number = attribute(mark, "idx")
    keys = [f"#{number}"] if number else []
    return [*keys, kind, _ON_MASTER.get(kind, kind)]
