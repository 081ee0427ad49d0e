"""HWPX (OWPML, KS X 6101): an archive of XML."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.archive import check_archive, parse_xml
from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.documents.readers.hangul.body import Body, Paragraph, Placed
from rag_pipeline.documents.readers.hangul.numbering import numeral
from rag_pipeline.documents.readers.hangul.owpml_styles import children, name_of, number_in, read_styles
from rag_pipeline.documents.readers.hangul.styles import Styles
from rag_pipeline.errors import DocumentError

if TYPE_CHECKING:
    from lxml.etree import _Element

_SECTION = re.compile(r"contents/section(\d+)\.xml", re.IGNORECASE)
_MASTER_PAGE = re.compile(r"contents/masterpage(\d+)\.xml", re.IGNORECASE)
_LETTERS = {"tab": "\t", "lineBreak": "\n", "hyphen": "-", "nbSpace": " ", "fwSpace": " "}
# They describe, and hold nothing that is seen: the description of a shape is written by Hangul itself.
_SILENT = frozenset(
    {"bookmark", "colPr", "fieldEnd", "indexmark", "linesegarray", "metaTag", "newNum", "pageHiding", "pageNum"}
    | {"pageNumCtrl", "parameters", "shapeComment", "titleMark", "markpenBegin", "markpenEnd", "insertBegin"}
    | {"insertEnd", "secPr"}
)


def read(content: bytes, options: ReadingOptions) -> tuple[str, Body]:
    """The title that the file gives itself, and what was read.

    Raises:
        DocumentError: it is locked or damaged.
    """
    with check_archive(content) as archive:
        names = archive.namelist()
        if b"encryption-data" in _part(archive, "META-INF/manifest.xml"):
            raise DocumentError("is locked with a password, or for distribution; save it without")
        header = next((name for name in names if name.lower() == "contents/header.xml"), None)
        body = Body(Styles() if header is None else read_styles(parse_xml(archive.read(header))), options)
        walk = _Walk(body)
        sections = _numbered(names, _SECTION)
        if not sections:
            raise DocumentError("is damaged, or no HWPX file: it has no sections")
        for name in sections:
            walk.section(parse_xml(archive.read(name)))
        if options.page_headers:
            for name in _numbered(names, _MASTER_PAGE):
                body.page_furniture(walk.within(parse_xml(archive.read(name))))
        return _title(archive), body


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except KeyError:
        return b""


def _numbered(names: list[str], pattern: re.Pattern[str]) -> list[str]:
    found = {name: int(match[1]) for name in names if (match := pattern.fullmatch(name))}
    return sorted(found, key=lambda name: (found[name], name))


def _title(archive: zipfile.ZipFile) -> str:
    try:
        package = parse_xml(_part(archive, "Contents/content.hpf"))
    except (SyntaxError, ValueError):
        return ""
    return next((" ".join((el.text or "").split()) for el in package.iter("{*}title")), "")


class _Walk:
    """Goes through sections, and tells the body what it meets."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._deleted: set[str] = set()
        self._known: dict[str, Callable[[_Element, Paragraph, bool], None]] = {
            "t": self._text,
            "ctrl": self._each,
            "switch": self._switch,
            "case": self._each,
            "default": self._each,
            "tbl": self._table,
            "equation": self._equation,
            "header": self._page_furniture,
            "footer": self._page_furniture,
            "footNote": self._note,
            "endNote": self._note,
            "hiddenComment": self._comment,
            "fieldBegin": self._field,
            "autoNum": self._automatic_number,
            "compose": lambda element, into, bold: into.write(element.get("composeText", ""), bold=bold),
            "dutmal": self._ruby,
            "textart": self._text_art,
            "btn": self._button,
            "checkBtn": self._button,
            "radioBtn": self._button,
            "comboBox": self._choice,
            "listBox": self._choice,
            "edit": self._edit,
            "chart": self._chart,
        }

    def section(self, root: _Element) -> None:
        """Read a section of the document."""
        for element in children(root):
            if name_of(element) == "p":
                # The first paragraph of a section holds what is said of the section, and is numbered by it.
                for properties in element.iterfind("{*}run/{*}secPr"):
                    self._body.outline = number_in(properties, "outlineShapeIDRef")
                self._body.add(self._paragraph(element))

    def within(self, element: _Element) -> list[str]:
        """The blocks of text in a box, cell or note: those of all its paragraphs, in order."""
        with self._body.deeper():
            return list(self._within(element))

    def _within(self, element: _Element) -> Iterator[str]:
        for child in children(element):
            name = name_of(child)
            if name == "p":
                yield from self._paragraph(child).blocks()
            elif name not in _SILENT:
                yield from self.within(child)

    def _paragraph(self, element: _Element) -> Paragraph:
        # What was deleted ends with its paragraph; a mark of its end that is missing takes no more than that.
        outer, self._deleted = self._deleted, set()
        into = self._body.begin(number_in(element, "paraPrIDRef"), number_in(element, "styleIDRef"))
        for child in children(element):
            if name_of(child) == "run":
                bold = number_in(child, "charPrIDRef") in self._body.styles.bold
                for part in children(child):
                    self._meet(part, into, bold)
            else:
                self._meet(child, into, False)
        self._deleted = outer
        return into

    def _meet(self, element: _Element, into: Paragraph, bold: bool) -> None:
        name = name_of(element)
        if name in _SILENT or (self._deleted and name != "t"):
            return
        self._known.get(name, self._shape)(element, into, bold)

    def _each(self, element: _Element, into: Paragraph, bold: bool) -> None:
        for child in children(element):
            self._meet(child, into, bold)

    def _switch(self, element: _Element, into: Paragraph, bold: bool) -> None:
        """One of its children is for a newer program and one for an older: they say the same."""
        for child in list(children(element))[:1]:
            self._meet(child, into, bold)

    def _text(self, element: _Element, into: Paragraph, bold: bool) -> None:
        self._write(element.text, into, bold)
        for child in element:
            name = name_of(child)
            if name in _LETTERS:
                self._write(_LETTERS[name], into, bold, as_it_is=True)
            elif name == "deleteBegin":
                self._deleted.add(child.get("Id", ""))
            elif name == "deleteEnd":
                self._deleted.discard(child.get("Id", ""))
            elif name:
                self._meet(child, into, bold)
            self._write(child.tail, into, bold)

    def _write(self, text: str | None, into: Paragraph, bold: bool, *, as_it_is: bool = False) -> None:
        if text and not self._deleted:
            into.write(text if as_it_is else text.replace("\n", " "), bold=bold)

    def _shape(self, element: _Element, into: Paragraph, _bold: bool) -> None:
        """Anything drawn, with text in it or a caption to it."""
        into.put(self.within(element), in_line=_is_in_line(element))

    def _table(self, element: _Element, into: Paragraph, _bold: bool) -> None:
        caption = [child for child in children(element) if name_of(child) == "caption"]
        above = [child for child in caption if child.get("side") in ("TOP", "LEFT")]
        blocks = [block for child in above for block in self.within(child)]
        lines = [child for child in children(element) if name_of(child) == "tr"]
        in_columns = any(sum(name_of(cell) == "tc" for cell in line) > 1 for line in lines)
        rows: list[list[Placed]] = []
        with self._body.deeper(in_columns=in_columns):
            for line in lines:
                rows.append([self._cell(cell) for cell in children(line) if name_of(cell) == "tc"])
        blocks += self._body.table(rows)
        blocks += [block for child in caption if child not in above for block in self.within(child)]
        into.put(blocks, in_line=_is_in_line(element), whole=True)

    def _cell(self, element: _Element) -> Placed:
        span = next((child for child in children(element) if name_of(child) == "cellSpan"), None)
        down, across = (1, 1) if span is None else (number_in(span, "rowSpan", 1), number_in(span, "colSpan", 1))
        return self.within(element), down, across

    def _equation(self, element: _Element, into: Paragraph, _bold: bool) -> None:
        for child in children(element):
            if name_of(child) == "script":
                into.write(f" {' '.join((child.text or '').split())} ")
            elif name_of(child) == "caption":
                into.put(self.within(child), in_line=False)

    def _page_furniture(self, element: _Element, _into: Paragraph, _bold: bool) -> None:
        blocks = self.within(element)
        if self._body.options.page_headers:
            self._body.page_furniture(blocks)

    def _note(self, element: _Element, into: Paragraph, _bold: bool) -> None:
        into.write(self._body.note(self.within(element), at_end=name_of(element) == "endNote"))

    def _comment(self, element: _Element, into: Paragraph, _bold: bool) -> None:
        if self._body.options.comments:
            into.put(self.within(element), in_line=False)

    def _field(self, element: _Element, into: Paragraph, bold: bool) -> None:
        """A field's result stands in the text behind its beginning; only a memo has its text in here."""
        if element.get("type") == "MEMO":
            self._comment(element, into, bold)
        else:
            into.put(self.within(element), in_line=True)

    def _automatic_number(self, element: _Element, into: Paragraph, bold: bool) -> None:
        if element.get("numType") in ("FOOTNOTE", "ENDNOTE"):
            return  # written at its note
        form = next((child for child in children(element) if name_of(child) == "autoNumFormat"), None)
        kind = "" if form is None else form.get("type", "")
        around = ("", "") if form is None else (form.get("prefixChar", ""), form.get("suffixChar", ""))
        into.write(f"{around[0]}{numeral(number_in(element, 'num'), kind)}{around[1]}", bold=bold)

    def _ruby(self, element: _Element, into: Paragraph, bold: bool) -> None:
        texts = {name_of(child): "".join(child.itertext()) for child in children(element)}
        above = texts.get("subText", "")
        into.write(texts.get("mainText", "") + (f"({above})" if above else ""), bold=bold)

    def _text_art(self, element: _Element, into: Paragraph, _bold: bool) -> None:
        # Its line ends are written as the signs for CR and LF.
        text = element.get("text", "").replace("␍", "").replace("␊", "\n")
        into.put([text, *self.within(element)], in_line=_is_in_line(element))

    def _button(self, element: _Element, into: Paragraph, _bold: bool) -> None:
        box = ""
        if name_of(element) != "btn":
            box = "☑ " if element.get("value") == "CHECKED" else "☐ "
        into.write(f" {box}{element.get('caption', '')} ")

    def _choice(self, element: _Element, into: Paragraph, _bold: bool) -> None:
        into.write(f" {element.get('selectedValue', '')} ")

    def _edit(self, element: _Element, into: Paragraph, _bold: bool) -> None:
        for child in children(element):
            if name_of(child) == "text":
                into.write(f" {''.join(child.itertext())} ")

    def _chart(self, _element: _Element, _into: Paragraph, _bold: bool) -> None:
        self._body.unread["chart"] += 1


def _is_in_line(element: _Element) -> bool:
    place = next((child for child in children(element) if name_of(child) == "pos"), None)
    return place is None or place.get("treatAsChar") in ("1", "true")
