"""A story of a Word document: the body, a note, a comment, a header; and what all of them share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.office.package import Package, attribute, descendants

if TYPE_CHECKING:
    from lxml.etree import _Element

    from rag_pipeline.documents.readers.base import ReadingOptions
    from rag_pipeline.documents.readers.word.numbering import Numbering
    from rag_pipeline.documents.readers.word.styles import Styles


@dataclass
class Reading:
    """What is known while a file is read."""

    package: Package
    styles: Styles
    numbering: Numbering
    options: ReadingOptions
    note_forms: dict[str, str]
    """In which numbers notes are counted, by kind."""
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    """Marks of the notes that the text refers to, by kind (``footnote``, ``endnote``) and id, in their order."""
    note_counts: Counter[str] = field(default_factory=Counter)
    """How many notes of each kind have a number."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How often something was left out, by what it is."""


class Story:
    """One part's text on its way: what fields are open goes on from one paragraph to the next.

    Args:
        reading: of the file.
        place: of the part.
        root: its XML, or that of one note in it.
    """

    def __init__(self, reading: Reading, place: str, root: _Element) -> None:
        self.reading = reading
        self.place = place
        self.notes: list[tuple[str, str]] = []
        """Notes and comments whose marks were met since they were last taken, by kind and id."""
        self._paired = _paired(root)
        self._fields: list[bool] = []

    @property
    def in_instruction(self) -> bool:
        """Whether this is what a field is made from, which is not shown, rather than its result."""
        return not all(self._fields)

    def field_mark(self, mark: _Element) -> None:
        """Follow the marks at which a field begins, gives its result, and ends (17.16.18)."""
        if mark not in self._paired:
            return
        kind = attribute(mark, "fldCharType")
        if kind == "begin":
            self._fields.append(False)
        elif kind == "separate" and self._fields:
            self._fields[-1] = True
        elif kind == "end" and self._fields:
            self._fields.pop()


def _paired(root: _Element) -> set[_Element]:
    """The marks of fields that have both ends: one that never ends must not swallow the rest of the text."""
    found: set[_Element] = set()
    open_marks: list[list[_Element]] = []
    for mark in descendants(root, "w:fldChar"):
        kind = attribute(mark, "fldCharType")
        if kind == "begin":
            open_marks.append([mark])
        elif kind == "separate" and open_marks:
            open_marks[-1].append(mark)
        elif kind == "end" and open_marks:
            found.update([*open_marks.pop(), mark])
    return found
