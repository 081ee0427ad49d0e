"""A page's tree becomes blocks, in one walk without recursion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.documents.readers.html_blocks import END, SCOPE, Block
from rag_pipeline.documents.readers.html_inline import InlineElements
from rag_pipeline.documents.readers.html_lists import ListItem, Numbering, prefix
from rag_pipeline.documents.readers.html_state import Closing
from rag_pipeline.documents.readers.html_tables import Table, TableCell, TableRow
from rag_pipeline.documents.readers.html_tree import (
    LeftOut,
    epub_type,
    is_bold,
    name_of,
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
_SHOWN_INPUTS = frozenset({"", "text", "search", "tel", "url", "email", "number", "date", "time", "month", "week"})


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


class _Writer(InlineElements):
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

    def _instead(self, element: _Element) -> None:
        """What a control shows that cannot be changed."""
        if name_of(element) != "input" or (element.get("readonly") is None and element.get("disabled") is None):
            return
        if str(element.get("type") or "").lower() in _SHOWN_INPUTS:
            self._text(element.get("value"))

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


def _drop(stack: list[Any]) -> None:
    stack.pop()


def _aria_level(element: _Element) -> int:
    return min(max(_number(element.get("aria-level"), 2), 1), 6) if element.get("role") == "heading" else 0


def _number(value: str | None, otherwise: int) -> int:
    found = re.match(r"\s*(\d{1,6})", value or "")
    return int(found[1]) if found else otherwise
