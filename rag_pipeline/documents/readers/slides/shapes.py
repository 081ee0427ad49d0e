"""The shapes of a slide in reading order (ECMA-376 part 1: PresentationML, chapter 19)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.charts import chart_text
from rag_pipeline.documents.readers.office.diagrams import diagram_text
from rag_pipeline.documents.readers.office.drawing import lines, plain
from rag_pipeline.documents.readers.office.equations import linear
from rag_pipeline.documents.readers.office.grid import GOES_ON, GridCell, table_text
from rag_pipeline.documents.readers.office.package import (
    Package,
    alternative,
    attribute,
    child,
    children,
    descendants,
    name_of,
    whole,
)
from rag_pipeline.documents.readers.slides.positions import Positions

if TYPE_CHECKING:
    from lxml.etree import _Element

    from rag_pipeline.documents.readers.base import ReadingOptions

_SHAPES = frozenset({"p:sp", "p:grpSp", "p:graphicFrame", "p:pic", "p:cxnSp", "p:contentPart"})
_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"dt", "ftr", "sldNum", "hdr"})
_LONGEST_BOLD = 80


class Shapes:
    """Reads the shapes of one part: a slide, or the page with its notes.

    Args:
        package: the file.
        place: of the part.
        options: what is wanted.
        left_out: counts what is not read, by what it is.
    """

    def __init__(self, package: Package, place: str, options: ReadingOptions, left_out: Counter[str]) -> None:
        self._package = package
        self._place = place
        self._options = options
        self._left_out = left_out
        self._positions = Positions(package, place)
        self.title = ""
        self.texts: list[str] = []
        """The texts of the shapes besides the title, from top to bottom and left to right."""
        self.furniture: list[str] = []
        """Date, footer and number of the slide."""

    def read(self, root: _Element) -> None:
        """Read what is on the slide."""
        for tree in descendants(root, "p:spTree"):
            self._group(tree)
            return

    def _group(self, group: _Element) -> None:
        for shape in self._positions.in_order(list(_shapes(group))):
            self._shape(shape)

    def _shape(self, shape: _Element) -> None:
        settings, placeholder = _settings(shape)
        if attribute(settings, "hidden").lower() in ("1", "true") and not self._options.hidden:
            self._left_out["hidden shape"] += any((text.text or "").strip() for text in descendants(shape, "a:t"))
            return
        name = name_of(shape)
        if name == "p:grpSp":
            self._group(shape)
            return
        kind = attribute(placeholder, "type", "obj") if placeholder is not None else ""
        if kind in _FURNITURE:
            self._take(plain(child(shape, "p:txBody")), self.furniture)
        elif kind in _TITLES and not self.title:
            self.title = " ".join(plain(child(shape, "p:txBody")).split())
        elif name == "p:graphicFrame":
            for data in descendants(shape, "a:graphicData"):
                self._graphic(data)
                break
        else:
            self._take(self._text(child(shape, "p:txBody")), self.texts)
            for equation in (part for part in shape if name_of(part).startswith("m:")):
                self._take(linear(equation), self.texts)

    def _graphic(self, element: Iterable[_Element]) -> None:
        """A table, a chart, a diagram, or an object of another program."""
        for inner in element:
            name = name_of(inner)
            if name == "a:tbl":
                self._take(_table(inner), self.texts)
            elif name.endswith(":chart"):
                named = self._package.named(self._place, inner)
                root = self._package.optional(named.target) if named else None
                self._take(chart_text(root) if root is not None else "", self.texts)
            elif name == "dgm:relIds":
                self._take(diagram_text(self._package, self._place, inner), self.texts)
            elif name == "p:oleObj":
                self._left_out["embedded object"] += 1
            elif name == "mc:AlternateContent":
                self._graphic(alternative(inner))
            elif name.endswith(":txBody"):
                self._take(plain(inner), self.texts)
            elif name:
                self._graphic(inner)

    def _text(self, body: _Element | None) -> str:
        """The lines of a shape; one in bold above others that are not is marked, as it heads them."""
        found = lines(body)
        below = [index for index, line in enumerate(found) if not line.bold]
        last = below[-1] if below else -1
        return "\n".join(
            f"**{line.text}**"
            if self._options.outline
            and line.bold
            and index < last
            and len(line.text) <= _LONGEST_BOLD
            and "\n" not in line.text
            else line.text
            for index, line in enumerate(found)
        )

    @staticmethod
    def _take(text: str, into: list[str]) -> None:
        if text.strip():
            into.append(text.strip())


def _shapes(group: Iterable[_Element]) -> Iterator[_Element]:
    for inner in group:
        name = name_of(inner)
        if name in _SHAPES:
            yield inner
        elif name == "mc:AlternateContent":
            yield from _shapes(alternative(inner))


def _settings(shape: _Element) -> tuple[_Element | None, _Element | None]:
    """A shape's name and visibility, and what it stands for on the layout."""
    for inner in shape:
        name = name_of(inner)
        if name.startswith("p:nv") and name.endswith("Pr"):
            return child(inner, "p:cNvPr"), child(inner, "p:nvPr", "p:ph")
    return None, None


def _table(table: _Element) -> str:
    """A table with merged cells laid out (21.1.3)."""
    rows: list[list[GridCell]] = []
    for row in children(table, "a:tr"):
        cells: list[GridCell] = []
        for column, cell in enumerate(children(row, "a:tc")):
            text = plain(child(cell, "a:txBody"))
            if attribute(cell, "hMerge") in ("1", "true") and cells:
                cells[-1].text = f"{cells[-1].text} {text}".strip()
                continue
            vertical = GOES_ON if attribute(cell, "vMerge") in ("1", "true") else ""
            if whole(attribute(cell, "rowSpan"), 1) > 1:
                vertical = "restart"
            cells.append(GridCell(cell, column, max(whole(attribute(cell, "gridSpan"), 1), 1), vertical, text))
        rows.append(cells)
    return table_text(rows)
