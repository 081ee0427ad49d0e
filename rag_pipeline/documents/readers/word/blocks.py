"""A story becomes blocks: paragraphs, headings, items of lists, and tables (ECMA-376 part 1, 17.2 to 17.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.grid import is_one_column, table_line, table_text
from rag_pipeline.documents.readers.office.package import alternative, attribute, child, name_of
from rag_pipeline.documents.readers.word.inline import Inline
from rag_pipeline.documents.readers.word.rows import rows_of

if TYPE_CHECKING:
    from lxml.etree import _Element

    from rag_pipeline.documents.readers.word.story import Story
    from rag_pipeline.documents.readers.word.styles import Style

_UNREAD = frozenset(
    {"w:sectPr", "w:sdtPr", "w:sdtEndPr", "w:customXmlPr", "w:del", "w:moveFrom", "w:tblPr", "w:tblGrid"}
)
_INLINE = frozenset({"w:r", "w:hyperlink", "w:fldSimple", "w:smartTag", "m:oMath", "m:oMathPara"})


class Kind(Enum):
    """What a block is."""

    TEXT = auto()
    HEADING = auto()
    TITLE = auto()
    ITEM = auto()
    TABLE = auto()


@dataclass(frozen=True)
class Block:
    """A paragraph or a table."""

    kind: Kind
    text: str
    level: int = 0
    """Of a heading, from 1."""
    bold: bool = False
    notes: tuple[tuple[str, str], ...] = ()
    """Notes and comments whose marks are in it, by kind and id."""


class BlockReader:
    """Reads the blocks of one story, or of one place in it.

    Args:
        story: that they are in.
        in_cell: whether they are in a cell, where a table is written in one line.
    """

    def __init__(self, story: Story, in_cell: bool = False) -> None:
        self._story = story
        self._in_cell = in_cell
        self._reading = story.reading
        self._held = ""  # text whose paragraph goes on in the next one

    def blocks(self, parts: Iterable[_Element], *, in_table: bool = False) -> Iterator[Block]:
        """The blocks of what stands in a body, a cell, a text box or a note.

        Args:
            parts: paragraphs, tables, and whatever is around them.
            in_table: whether they are in a table or a text box, where nothing is a heading.
        """
        yield from self._walk(parts, in_table)
        if self._held:
            yield self._finished(Kind.TEXT, "")

    def _walk(self, parts: Iterable[_Element], in_table: bool) -> Iterator[Block]:
        for part in parts:
            name = name_of(part)
            if name == "w:p":
                yield from self._paragraph(part, child(part, "w:pPr"), in_table)
            elif name == "w:tbl":
                if self._held:
                    yield self._finished(Kind.TEXT, "")
                yield from self._table(part, in_table)
            elif name == "w:altChunk":
                self._embedded(part)
            elif name == "w:subDoc":
                self._reading.left_out["subdocument"] += 1
            elif name == "mc:AlternateContent":
                yield from self._walk(alternative(part), in_table)
            elif name in _INLINE:  # where only paragraphs belong
                yield from self._paragraph((part,), None, in_table)
            elif name and name not in _UNREAD:
                yield from self._walk(part, in_table)

    def _paragraph(self, parts: Iterable[_Element], properties: _Element | None, in_table: bool) -> Iterator[Block]:
        chain = self._reading.styles.of_paragraph(properties)
        inline = Inline(self._story, chain)
        text = inline.read(parts)
        if _goes_on(properties):
            self._held += text
        else:
            number = self._reading.numbering.next(properties, chain)
            is_item = number is not None
            bold = inline.is_bold
            if self._held:
                text, self._held, bold = self._held + text, "", False
            if text:
                kind, level = self._kind(properties, chain, is_item, in_table)
                if number is not None:
                    bullet = "  " * number.level + "- " if kind is Kind.ITEM else ""
                    text = (bullet if number.is_bullet else number.text) + text
                yield self._finished(kind, text, level, bold and not (number is not None and number.is_bullet))
        for anchored in inline.anchored:
            if isinstance(anchored, str):
                if anchored.strip():
                    yield self._finished(Kind.TEXT, anchored.strip())
            else:
                inside = BlockReader(self._story, self._in_cell).blocks(anchored, in_table=True)
                yield from (replace(block, bold=False) for block in inside)

    def _kind(
        self, properties: _Element | None, chain: tuple[Style, ...], is_item: bool, in_table: bool
    ) -> tuple[Kind, int]:
        if not in_table:
            level = self._reading.styles.heading_level(properties)
            if level is not None:
                return Kind.HEADING, level
            if self._reading.styles.is_title(chain):
                return Kind.TITLE, 0
        return (Kind.ITEM if is_item else Kind.TEXT), 0

    def _finished(self, kind: Kind, text: str, level: int = 0, bold: bool = False) -> Block:
        if self._held:
            text, self._held = self._held + text, ""
        notes, self._story.notes = tuple(self._story.notes), []
        return Block(kind, text, level, bold, notes)

    def _table(self, table: _Element, in_table: bool) -> Iterator[Block]:
        rows = list(rows_of(table, hidden=self._reading.options.hidden))
        if is_one_column(rows):
            # A box around text rather than a table: what is in it reads on as text.
            yield from self._box([cell.content for row in rows for cell in row], in_table)
            return
        notes: list[tuple[str, str]] = []
        for row in rows:
            for cell in row:
                blocks = list(BlockReader(self._story, in_cell=True).blocks(cell.content, in_table=True))
                cell.text = "\n".join(block.text for block in blocks)
                notes += [note for block in blocks for note in block.notes]
        self._story.notes = [*notes, *self._story.notes]
        text = table_line(rows) if self._in_cell else table_text(rows)
        if text:
            yield self._finished(Kind.TABLE, text)

    def _box(self, cells: Iterable[_Element], in_table: bool) -> Iterator[Block]:
        parts = [list(BlockReader(self._story, self._in_cell).blocks(cell, in_table=in_table)) for cell in cells]
        if any(len(blocks) > 1 for blocks in parts) or any(
            block.kind is Kind.HEADING for part in parts for block in part
        ):
            yield from (replace(block, bold=False) for blocks in parts for block in blocks)
        elif any(parts):
            lines = [block for blocks in parts for block in blocks]
            notes = tuple(note for line in lines for note in line.notes)
            yield Block(Kind.TABLE, "\n".join(line.text for line in lines), notes=notes)

    def _embedded(self, part: _Element) -> None:
        named = self._reading.package.named(self._story.place, part)
        file = named.target.rpartition("/")[2] if named else "without a name"
        self._reading.left_out[f"embedded file {file}"] += 1


def _goes_on(properties: _Element | None) -> bool:
    """Whether a paragraph runs into the next one: its end was deleted, or it is a large first letter (17.3.1.11)."""
    mark = child(properties, "w:rPr")
    deleted = child(mark, "w:del") is not None or child(mark, "w:moveFrom") is not None
    return deleted or attribute(child(properties, "w:framePr"), "dropCap") in ("drop", "margin")
