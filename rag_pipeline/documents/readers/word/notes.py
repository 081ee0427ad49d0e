"""Footnotes, endnotes and comments of a Word document (ECMA-376 part 1, 17.11 and 17.13.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag_pipeline.documents.document import Section
from rag_pipeline.documents.readers.office.package import attribute, child, descendants, name_of
from rag_pipeline.documents.readers.word.blocks import BlockReader
from rag_pipeline.documents.readers.word.story import Reading, Story

if TYPE_CHECKING:
    from lxml.etree import _Element

_PARTS = {"footnote": "footnotes", "endnote": "endnotes", "comment": "comments"}
_SEPARATORS = frozenset({"separator", "continuationSeparator", "continuationNotice"})
_UNMARKED = "Notes"


def note_forms(settings: _Element | None) -> dict[str, str]:
    """In which numbers footnotes and endnotes are counted."""
    usual = {"footnote": "decimal", "endnote": "lowerRoman"}
    return {kind: attribute(child(settings, f"w:{kind}Pr", "w:numFmt"), "val") or form for kind, form in usual.items()}


class Notes:
    """The notes of a document, read when the text refers to them.

    Args:
        reading: of the file.
        place: of the document in it.
    """

    def __init__(self, reading: Reading, place: str) -> None:
        self._reading = reading
        self._notes: dict[tuple[str, str], tuple[str, _Element]] = {}
        for kind, part in _PARTS.items():
            for file in reading.package.related(place, part):
                root = reading.package.optional(file)
                for note in root if root is not None else ():
                    if name_of(note) == f"w:{kind}" and attribute(note, "type") not in _SEPARATORS:
                        self._notes.setdefault((kind, attribute(note, "id")), (file, note))
        self._read: set[tuple[str, str]] = set()

    def text(self, kind: str, key: str) -> str:
        """A note with its mark, in lines; empty where there is none, or it was given before, or is not wanted."""
        if (kind, key) not in self._notes or (kind, key) in self._read:
            return ""
        self._read.add((kind, key))
        file, note = self._notes[kind, key]
        if kind == "comment" and not self._reading.options.comments:
            self._reading.left_out["comment"] += 1
            return ""
        blocks = BlockReader(Story(self._reading, file, note)).blocks(note, in_table=True)
        text = "\n".join(block.text for block in blocks)
        if kind == "comment":
            author = attribute(note, "author").strip()
            return f"Comment{f' ({author})' if author else ''}: {text}" if text else ""
        mark = self._reading.notes.get((kind, key))
        return f"{mark}) {text}" if mark and text else text

    def unmarked(self, root: _Element) -> Iterator[Section]:
        """Notes to which nothing in the text refers; those to which deleted text does are deleted with it."""
        marked = {
            (kind, attribute(mark, "id"))
            for kind in _PARTS
            for local in ("Reference", "RangeStart")
            for mark in descendants(root, f"w:{kind}{local}")
        }
        texts = [self.text(*note) for note in self._notes if note not in marked or note[0] == "comment"]
        body = "\n".join(filter(None, texts))
        if body:
            yield Section((_UNMARKED,), body)
