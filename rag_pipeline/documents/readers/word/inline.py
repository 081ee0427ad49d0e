"""The text of a paragraph (ECMA-376 part 1, sections 17.3.2 and 17.3.3), and what hangs on it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.charts import chart_text
from rag_pipeline.documents.readers.office.diagrams import diagram_text
from rag_pipeline.documents.readers.office.drawing import plain
from rag_pipeline.documents.readers.office.equations import linear
from rag_pipeline.documents.readers.office.numerals import written_number
from rag_pipeline.documents.readers.office.package import (
    alternative,
    attribute,
    child,
    children,
    descendants,
    name_of,
    switched,
    whole,
)
from rag_pipeline.documents.readers.office.raised import joined
from rag_pipeline.documents.readers.word.symbols import symbol, with_symbols

if TYPE_CHECKING:
    from lxml.etree import _Element

    from rag_pipeline.documents.readers.word.story import Story
    from rag_pipeline.documents.readers.word.styles import Style

# Properties, what was deleted or moved away, and instructions of fields. Whatever is not named is looked into.
_UNREAD = frozenset(
    {"w:pPr", "w:rPr", "w:del", "w:moveFrom", "w:delText", "w:instrText", "w:delInstrText", "w:sdtPr", "w:sdtEndPr",
     "w:smartTagPr", "w:customXmlPr", "w:rubyPr", "w:sectPr", "w:softHyphen", "w:fldData", "w:ffData"}
)  # fmt: skip
_SIGNS = {"w:tab": "\t", "w:ptab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-"}
_TEXTS = frozenset({"w:t", "w:sym", *_SIGNS})
_DRAWINGS = frozenset({"w:drawing", "w:pict", "w:object"})
_REFERENCES = {"w:footnoteReference": "footnote", "w:endnoteReference": "endnote", "w:commentReference": "comment"}
_SPACES = re.compile(r"[ \t\r\n]*\n[ \t\r\n]*")


class Inline:
    """Reads one paragraph.

    Args:
        story: that it is in.
        chain: the paragraph's style and what it is based on.
    """

    def __init__(self, story: Story, chain: tuple[Style, ...]) -> None:
        self._story = story
        self._reading = story.reading
        self._chain = chain
        self._runs: list[tuple[str, bool]] = []
        self._all_bold = True
        self._after_equation = 0  # how many runs there were when an equation ended
        self.anchored: list[_Element | str] = []
        """Text boxes, whose content is paragraphs again, and texts of charts and diagrams."""

    def read(self, parts: Iterable[_Element]) -> str:
        """The text of what is in the paragraph, with line breaks and tabs, without the space around it."""
        for part in parts:
            self._part(part)
        return "\n".join(line.strip(" ") for line in joined(self._runs).split("\n")).strip()

    @property
    def is_bold(self) -> bool:
        """Whether all that was read is bold."""
        return self._all_bold and any(text.strip() for text, _ in self._runs)

    def _part(self, part: _Element) -> None:
        name = name_of(part)
        if not name or name in _UNREAD:
            return
        if name == "w:r":
            self._run(part)
        elif name.startswith("m:"):
            self._equation(linear(part))
        elif name == "mc:AlternateContent":
            for inner in alternative(part):
                self._part(inner)
        elif name in _TEXTS:  # outside of any run
            self._add(self._words(part, name, None))
            self._all_bold = False
        elif name in _DRAWINGS:
            self._drawing(part)
        elif name == "w:p":  # where no paragraph belongs
            self._add("\n")
            self._inside(part)
        else:
            self._inside(part)

    def _inside(self, element: _Element) -> None:
        for part in element:
            self._part(part)

    def _run(self, run: _Element) -> None:
        properties = child(run, "w:rPr")
        styles = self._reading.styles
        if not self._reading.options.hidden and styles.is_on("w:vanish", properties, self._chain):
            self._reading.left_out["hidden run"] += any((text.text or "").strip() for text in descendants(run, "w:t"))
            for mark in children(run, "w:fldChar"):
                self._story.field_mark(mark)
            return
        before = len(self._runs)
        raised = styles.value("w:vertAlign", "val", properties, self._chain) == "superscript"
        for part in run:
            self._run_part(part, properties, raised)
        words = any(text.strip() and not text.startswith("^") for text, _ in self._runs[before:])
        if words and not styles.is_on("w:b", properties, self._chain):
            self._all_bold = False

    def _run_part(self, part: _Element, properties: _Element | None, raised: bool) -> None:
        name = name_of(part)
        if name in _TEXTS:
            self._add(self._words(part, name, properties), raised)
        elif name == "w:fldChar":
            self._add(_form_field(part))
            self._story.field_mark(part)
        elif name in _REFERENCES:
            self._reference(part, _REFERENCES[name])
        elif name == "w:ruby":
            self._ruby(part)
        elif name in _DRAWINGS:
            if not self._story.in_instruction:
                self._drawing(part)
        elif name == "w:r" or name.startswith("m:"):  # a run where none belongs
            self._part(part)
        elif name and name not in _UNREAD:
            for inner in alternative(part) if name == "mc:AlternateContent" else part:
                self._run_part(inner, properties, raised)

    def _add(self, text: str, raised: bool = False) -> None:
        if text and not self._story.in_instruction:
            self._runs.append((text, raised))

    def _equation(self, text: str) -> None:
        # Two that follow each other are not one.
        apart = self._after_equation == len(self._runs) and bool(self._runs)
        self._add(f"  {text}" if apart and text else text)
        self._after_equation = len(self._runs)
        self._all_bold = False

    def _words(self, part: _Element, name: str, properties: _Element | None) -> str:
        if name in _SIGNS:
            return _SIGNS[name]
        if name == "w:sym":
            code = attribute(part, "char")
            return symbol(int(code, 16), attribute(part, "font")) if re.fullmatch(r"[0-9A-Fa-f]{1,6}", code) else ""
        fonts = child(properties, "w:rFonts")
        font = attribute(fonts, "ascii") or attribute(fonts, "hAnsi")
        return with_symbols(_SPACES.sub(" ", part.text or "").replace("\xad", ""), font)

    def _reference(self, part: _Element, kind: str) -> None:
        if self._story.in_instruction:
            return
        key = (kind, attribute(part, "id"))
        self._story.notes.append(key)
        if kind == "comment":
            return
        notes = self._reading.notes
        own = bool(attribute(part, "customMarkFollows"))
        if key not in notes and own:
            notes[key] = ""  # a mark of the author's own counts with no other, and stands in the note itself too
        elif key not in notes:
            self._reading.note_counts[kind] += 1
            notes[key] = written_number(self._reading.note_counts[kind], self._reading.note_forms[kind])
        if not own:
            # Apart from the figure before it, whatever that is.
            self._runs.append((f"^{notes[key]})", False))

    def _ruby(self, ruby: _Element) -> None:
        """Both the word and how it is read: 漢字(かんじ)."""
        for name, around in (("w:rubyBase", "{}"), ("w:rt", "({})")):
            inner = Inline(self._story, self._chain)
            part = child(ruby, name)
            text = inner.read(part) if part is not None else ""
            self._add(around.format(text) if text else "")
            self._all_bold = self._all_bold and (inner.is_bold or not text or name == "w:rt")

    def _drawing(self, drawing: _Element) -> None:
        """Text boxes wait until the paragraph is done; of pictures nothing is read."""
        name = name_of(drawing)
        if name in _UNREAD or not name:
            return
        if name == "w:txbxContent":
            self.anchored.append(drawing)
        elif name == "mc:AlternateContent":
            for inner in alternative(drawing):
                self._drawing(inner)
        elif name.endswith(":chart"):
            named = self._reading.package.named(self._story.place, drawing)
            root = self._reading.package.optional(named.target) if named else None
            self.anchored.append(chart_text(root) if root is not None else "")
        elif name == "dgm:relIds":
            self.anchored.append(diagram_text(self._reading.package, self._story.place, drawing))
        elif name == "v:textpath":
            self.anchored.append(attribute(drawing, "string"))
        elif name == "?:OLEObject":
            self._reading.left_out["embedded object"] += 1
        elif name.endswith(":txBody"):
            self.anchored.append(plain(drawing))
        else:
            for inner in drawing:
                self._drawing(inner)


def _form_field(mark: _Element) -> str:
    """What a field of an old form shows that is no text: a box that is ticked, a choice of a list (17.16)."""
    data = child(mark, "w:ffData")
    box = child(data, "w:checkBox")
    if box is not None:
        ticked = switched(box, "w:checked")
        return "☒" if ticked or (ticked is None and switched(box, "w:default")) else "☐"
    choices = child(data, "w:ddList")
    if choices is not None:
        entries = [attribute(entry, "val") for entry in children(choices, "w:listEntry")]
        said = child(choices, "w:result") if child(choices, "w:result") is not None else child(choices, "w:default")
        place = whole(attribute(said, "val"))
        return entries[place] if 0 <= place < len(entries) else ""
    return ""
