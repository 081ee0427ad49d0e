"""Elements that change how text is written: raised figures, readings of ideographs, pictures, formulas, code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rag_pipeline.documents.readers.html_blocks import END, SCOPE, Block, Flow
from rag_pipeline.documents.readers.html_lists import prefix
from rag_pipeline.documents.readers.html_state import Closing, State
from rag_pipeline.documents.readers.html_tree import name_of, parse

if TYPE_CHECKING:
    from lxml.etree import _Element

_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|webp|bmp|ico|tiff?)", re.IGNORECASE)
_MOST_FRAMES = 3


class InlineElements(State):
    """A method for each element; it is handed the element, its style, and what is to be done at its end."""

    def _at_br(self, *_: Any) -> None:
        if self._in_code:
            self.flow.line_break()
        elif self._heading:
            self.flow.add(" ")
        elif self.flow.ends_line:
            self._border(2)  # two are the border of a paragraph
        else:
            self.flow.line_break()

    def _at_sup(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        self._mark(closings, raised=True)

    def _at_sub(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        self._mark(closings, raised=False)

    def _mark(self, closings: list[Closing], *, raised: bool) -> None:
        flow, buffer, place = self.flow, self.flow.buffer, self.flow.place
        closings.append(lambda: flow.mark(place, raised=raised) if flow.buffer == buffer else None)

    def _wrap(self, closings: list[Closing], before: str, after: str) -> None:
        flow, buffer, place = self.flow, self.flow.buffer, self.flow.place
        closings.append(lambda: flow.wrap(place, before, after) if flow.buffer == buffer else None)

    def _at_del(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        if not self._is_flat:
            self._wrap(closings, "~~", "~~")

    _at_s = _at_strike = _at_del

    def _at_q(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        self._wrap(closings, "“", "”")

    def _at_ruby(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        self._rubies.append([])

        def end() -> None:
            reading = "".join(self._rubies.pop())
            if reading:
                self._text(f"({reading})")

        closings.append(end)

    def _at_rt(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        if not self._rubies:
            return
        flow, buffer, place, readings = self.flow, self.flow.buffer, self.flow.place, self._rubies[-1]
        closings.append(lambda: readings.append(flow.take(place).strip()) if flow.buffer == buffer else None)

    def _at_rp(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        flow, buffer, place = self.flow, self.flow.buffer, self.flow.place
        closings.append(lambda: _taken(flow, place) if flow.buffer == buffer else None)

    def _at_img(self, element: _Element, *_: Any) -> None:
        said = " ".join(str(element.get("alt") or "").split())
        if said and not _FILE_NAME.fullmatch(said):
            self._text(f"[{said}]" if any(letter.isalnum() for letter in said) else said)

    def _at_iframe(self, element: _Element, _style: Any, _closings: list[Closing]) -> None:
        """A frame's own document, where the page holds it; what else is in the tag no browser shows."""
        source = element.get("srcdoc")
        element.text = None
        for child in list(element):
            element.remove(child)
        if source and self._frames < _MOST_FRAMES:
            inner = type(self)(self._options, {}, self._frames + 1)
            inner.walk(parse(source))
            self._border(2)
            self.flow.put([Block("", SCOPE), *inner.flow.blocks, Block("", END)])

    def _at_math(self, element: _Element, *_: Any) -> None:
        """A formula in TeX, where that is given, rather than in both notations."""
        tex = [one for one in element.iter() if name_of(one) == "annotation" and "tex" in str(one.get("encoding"))]
        tex_text = " ".join("".join(tex[0].itertext()).split()) if tex else ""
        annotations = [one for one in element.iter() if name_of(one).startswith("annotation")]
        for one in annotations:
            one.text = None
            for child in list(one):
                one.remove(child)
        if tex_text:
            for child in list(element):
                element.remove(child)
            element.text = f"${tex_text}$"

    def _at_text(self, element: _Element, _style: Any, closings: list[Closing]) -> None:
        """A label in a drawing."""
        if any(name_of(above) == "svg" for above in element.iterancestors()):
            self._border(1)
            closings.append(lambda: self._border(1))

    def _open_code(self, closings: list[Closing]) -> None:
        outer, self.flow = self.flow, Flow()
        keep, self._keep = self._keep, "all"
        self._in_code = True

        def end() -> None:
            lines = self.flow.raw.split("\n")
            self.flow, self._keep, self._in_code = outer, keep, False
            code = "\n".join(line.rstrip() for line in lines).strip("\n")
            if code.strip():
                longest = max((len(run) for run in re.findall("`+", code)), default=0)
                fence = "`" * max(3, longest + 1)
                lead, indent = prefix(self._items)
                block = Block(f"{fence}\n{code}\n{fence}", cell=" ".join(code.split()), is_structure=True)
                self.flow.put([block], lead, indent)

        closings.append(end)


def _taken(flow: Flow, place: int) -> None:
    flow.take(place)
