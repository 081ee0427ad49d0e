"""SmartArt: a part with the data, and mostly one with the drawing that a program made of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.drawing import plain
from rag_pipeline.documents.readers.office.package import Package, attribute, children, descendants

if TYPE_CHECKING:
    from lxml.etree import _Element


def diagram_text(package: Package, place: str, frame: _Element) -> str:
    """The texts of a diagram, once each, in the order of its drawing where that holds the same.

    Args:
        package: the file.
        place: of the part that shows the diagram.
        frame: the element that names the diagram's parts.
    """
    named = package.named(place, frame, "dm")
    data = package.optional(named.target) if named else None
    if data is None:
        return ""
    texts = [plain(body) for point in descendants(data, "dgm:pt") for body in children(point, "dgm:t")]
    texts = [text for text in texts if text]
    drawn = _drawn(package, place, data)
    # What a drawing lays out twice, or leaves out, is told from the data.
    return "\n".join(drawn if Counter(drawn) == Counter(texts) else texts)


def _drawn(package: Package, place: str, data: _Element) -> list[str]:
    relations = package.relations(place)
    for extension in data.iter("{*}dataModelExt"):
        named = relations.get(attribute(extension, "relId"))
        root = package.optional(named.target) if named else None
        if root is not None:
            return [text for body in descendants(root, "dsp:txBody") if (text := plain(body))]
    return []
