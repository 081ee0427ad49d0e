"""A page's tree becomes blocks, in one walk without recursion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.documents.readers.html_blocks import END, SCOPE, Block, Flow
from rag_pipeline.documents.readers.html_lists import ListItem, Numbering, prefix
from rag_pipeline.documents.readers.html_tables import Table, TableCell, TableRow
from rag_pipeline.documents.readers.html_tree import (
    LeftOut,
    epub_type,
    is_bold,
    name_of,
    parse,
    style_of,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# How browsers show elements (HTML standard, "rendering"): paragraphs with a blank line around them, and plain blocks.
_PARAGRAPHS = frozenset(
    {"p", "ul", "ol", "menu", "dir", "dl", "blockquote", "figure", "table", "hr", "fieldset", "listing", "xmp", "pre"}
)
_BLOCKS = frozenset(
    {"address", "article", "aside", "body", "caption", "center", "dd", "details", "dialog", "div", "dt", "figcaption"}
    | {"footer", "form", "frameset", "header", "hgroup", "html", "legend", "li", "main", "optgroup", "option", "search"}
    | {"section", "summary", "tbody", "td", "tfoot", "th", "thead", "tr", "textarea", "plaintext", "noframes"}
    | {"foreignobject", "svg", "template"}
)
_SHOWN_AS_BLOCKS = frozenset({"block", "flex", "grid", "list-item", "table", "flow-root"})
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_CODE = frozenset({"pre", "listing", "xmp", "plaintext"})
_SCOPES = frozenset({"aside", "details", "figure", "dialog", "fieldset"})
_ENDS_A_HEADING = _PARAGRAPHS | {"section", "article", "main", *_HEADINGS}
_LONGEST_HEADING = 200
_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|webp|bmp|ico|tiff?)", re.IGNORECASE)
_SHOWN_INPUTS = frozenset({"", "text", "search", "tel", "url", "email", "number", "date", "time", "month", "week"})
_MOST_FRAMES = 3

Closing = Callable[[], None]


def write(root: _Element, options: ReadingOptions, anchors: Mapping[str, tuple[int, str]] | None = None) -> list[Block]:
    """What is to be read of a page.

    Args:
        root: of its tree.
        options: what is read besides, and whether paragraphs in bold are marked as such.
        anchors: headings that stand elsewhere, such as in a book's table of contents: level and words, by ``id``.
    """
    writer = _Writer(options, anchors or {})
    writer.walk(root)
    return writer.flow.blocks


class _Writer:
    def __init__(self, options: ReadingOptions, anchors: Mapping[str, tuple[int, str]], frames: int = 0) -> None:
        self.flow = Flow()
        self._options = options
        self._anchors = anchors
        self._frames = frames
        self._left_out: LeftOut
        self._bold = False
        self._keep = ""
        self._heading = 0
        self._in_code = False
        self._items: list[ListItem] = []
        self._lists: list[Numbering] = []
        self._tables: list[Table] = []
        self._groups = 0
        self._part = "tbody"
        self._rubies: list[list[str]] = []

    def walk(self, root: _Element) -> None:
        """Go through the tree from top to bottom, and end the last block."""
        self._left_out = LeftOut(root, self._options)
        stack: list[tuple[_Element, Iterator[_Element], list[Closing]]] = []
        found: _Element | None = root
        while found is not None or stack:
            if found is None:
                element, _, closings = stack.pop()
                for closing in reversed(closings):
                    closing()
                if stack:
                    self._text(element.tail)
            elif not isinstance(found.tag, str) or found in self._left_out:
                self._instead(found)
                if stack:
                    self._text(found.tail)
            else:
                closings = self._open(found)
                self._text(found.text)
                stack.append((found, iter(found), closings))
            found = next(stack[-1][1], None) if stack else None
        self._border(1)

    def _text(self, text: str | None) -> None:
        if text:
            self.flow.add(text, bold=self._bold, keep=self._keep)

    def _instead(self, element: _Element) -> None:
        """What a control shows that cannot be changed."""
        if name_of(element) != "input" or (element.get("readonly") is None and element.get("disabled") is None):
            return
        if str(element.get("type") or "").lower() in _SHOWN_INPUTS:
            self._text(element.get("value"))

    def _border(self, breaks: int) -> None:
        if self._in_code:
            if not self.flow.ends_line:
                self.flow.line_break()
            return
        if self._heading:
            self.flow.add(" ")
            return
        lead, indent = ("", "") if self.flow.is_empty else prefix(self._items)
        mark_bold = self._options.outline and not self._items and not self._tables
        self.flow.border(breaks, lead=lead, indent=indent, mark_bold=mark_bold)

    def _open(self, element: _Element) -> list[Closing]:
        """Begin an element; what is to be done at its end, last first."""
        name = name_of(element)
        style = style_of(element)
        if self._heading and name in _ENDS_A_HEADING and not self.flow.is_empty:
            self._end_heading()  # no end tag was written
        breaks = 2 if name in _PARAGRAPHS or name in _HEADINGS else int(name in _BLOCKS)
        breaks = breaks or int(style.get("display", "") in _SHOWN_AS_BLOCKS)
        if name in _LISTS and self._lists:
            breaks = 1  # a list within a list
        closings: list[Closing] = []
        if breaks:
            self._border(breaks)
            closings.append(lambda: self._border(breaks))
        self._open_anchor(element)
        self._open_style(name, style, closings)
        level = _HEADINGS.get(name) or _aria_level(element)
        if level and not self._is_flat and not any(item.is_quote for item in self._items):
            self._heading = level
            closings.append(self._end_heading)
        if name in _SCOPES and not self._is_flat:
            self.flow.blocks.append(Block("", SCOPE))
            closings.insert(0, lambda: self.flow.blocks.append(Block("", END)))
        handler = getattr(self, f"_at_{name}", None)
        if handler is not None:
            handler(element, style, closings)
        elif name in _CODE and not self._is_flat:
            self._open_code(closings)
        elif name == "a" and "noteref" in epub_type(element):
            self._at_sup(element, style, closings)
        return closings

    @property
    def _is_flat(self) -> bool:
        """Whether borders of blocks are no more than white space here."""
        return bool(self._heading) or self._in_code

    def _end_heading(self) -> None:
        level, self._heading = self._heading, 0
        if not level:
            return
        if len(self.flow.raw) > _LONGEST_HEADING:
            self._border(2)  # a paragraph in large letters
        elif self.flow.border(2, level=level):
            for item in self._items:
                item.sign = item.indent = ""

    def _open_anchor(self, element: _Element) -> None:
        named = self._anchors.get(str(element.get("id") or "")) if self._anchors else None
        if named and not self._is_flat:
            self._border(2)
            self.flow.blocks.append(Block(named[1], named[0], 2, named[1]))

    def _open_style(self, name: str, style: dict[str, str], closings: list[Closing]) -> None:
        bold = is_bold(name, style)
        if bold is not None:
            closings.append(self._restoring("_bold", self._bold))
            self._bold = bold
        space = style.get("white-space", "")
        if name == "textarea" or space.startswith("pre") or space == "break-spaces":
            if self._keep != "all":
                closings.append(self._restoring("_keep", self._keep))
                self._keep = "lines"
        elif space == "normal" and self._keep == "lines":
            closings.append(self._restoring("_keep", self._keep))
            self._keep = ""

    def _restoring(self, attribute: str, value: Any) -> Closing:
        return lambda: setattr(self, attribute, value)

    # Text that stands in another way.

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
        closings.append(lambda: _drop([flow.take(place)]) if flow.buffer == buffer else None)

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
            inner = _Writer(self._options, {}, self._frames + 1)
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

    # Lists and quotations.

    def _at_ul(self, element: _Element, style: Any, closings: list[Closing]) -> None:
        self._lists.append(Numbering(element, name_of(element) == "ol", style))
        closings.append(lambda: _drop(self._lists))

    _at_ol = _at_menu = _at_dir = _at_ul

    def _at_li(self, element: _Element, _style: Any, closings: list[Closing]) -> None:
        if self._is_flat:
            return
        sign = self._lists[-1].sign(element) if self._lists else "- "
        self._items.append(ListItem(sign, " " * len(sign)))
        closings.insert(0, lambda: _drop(self._items))

    def _at_dd(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        if self._is_flat:
            return
        self._items.append(ListItem(": ", "  "))
        closings.insert(0, lambda: _drop(self._items))

    def _at_blockquote(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        if self._is_flat:
            return
        self._items.append(ListItem("> ", "> ", is_quote=True))
        closings.insert(0, lambda: _drop(self._items))

    # Tables.

    def _at_table(self, element: _Element, _style: Any, closings: list[Closing]) -> None:
        if self._is_flat:
            return
        table = Table(str(element.get("role") or "").lower() in ("presentation", "none"))
        self._tables.append(table)
        items, part = self._items, self._part

        def end() -> None:
            self._tables.pop()
            self._part = part
            lead, indent = prefix(items) if items else ("", "")
            self.flow.put(table.blocks(), lead, indent)

        closings.append(end)

    def _at_tbody(self, element: _Element, *_: Any) -> None:
        self._groups += 1
        self._part = name_of(element)

    _at_thead = _at_tfoot = _at_tbody

    def _at_tr(self, element: _Element, *_: Any) -> None:
        if not self._tables or self._is_flat:
            return
        parent = element.getparent()
        if parent is not None and name_of(parent) == "table":
            self._part = "tbody"
        self._tables[-1].rows.append(TableRow(self._part, self._groups))

    def _at_td(self, element: _Element, _style: Any, closings: list[Closing]) -> None:
        if not self._tables or self._is_flat:
            return
        table = self._tables[-1]
        if not table.rows:
            table.rows.append(TableRow(self._part, self._groups))
        row = table.rows[-1]
        blocks = self._apart(closings)
        columns = min(_number(element.get("colspan"), 1) or 1, 1000)
        rows = _number(element.get("rowspan"), 1)
        row.cells.append(TableCell(blocks, name_of(element) == "th", rows, columns))

    _at_th = _at_td

    def _at_caption(self, _element: _Element, _style: Any, closings: list[Closing]) -> None:
        if self._tables and not self._is_flat:
            self._tables[-1].caption = self._apart(closings)

    def _apart(self, closings: list[Closing]) -> list[Block]:
        """Read on into blocks of their own."""
        outer, self.flow = self.flow, Flow()
        items, lists, bold = self._items, self._lists, self._bold
        self._items, self._lists = [], []
        part, blocks = self._part, self.flow.blocks

        def end() -> None:
            if self._heading:
                self._end_heading()
            self._border(1)
            self.flow, self._items, self._lists, self._bold, self._part = outer, items, lists, bold, part

        closings.append(end)
        return blocks


def _drop(stack: list[Any]) -> None:
    stack.pop()


def _aria_level(element: _Element) -> int:
    return min(max(_number(element.get("aria-level"), 2), 1), 6) if element.get("role") == "heading" else 0


def _number(value: str | None, otherwise: int) -> int:
    found = re.match(r"\s*(\d{1,6})", value or "")
    return int(found[1]) if found else otherwise
