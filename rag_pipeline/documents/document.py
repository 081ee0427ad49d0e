"""What a reader makes of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rag_pipeline.errors import DocumentError
from rag_pipeline.metadata_values import MetadataValue, storable_metadata
from rag_pipeline.text import clean, one_line


@dataclass(frozen=True)
class Section:
    """A piece of a document below one heading."""

    headings: tuple[str, ...]
    """The headings above the text, outermost first, without the document's title."""
    text: str
    place: Mapping[str, MetadataValue] = field(default_factory=dict)
    """Where it stands, for citations: ``page``, ``slide``, or ``sheet`` and ``rows``."""


@dataclass(frozen=True)
class Document:
    """A file's text."""

    title: str
    sections: tuple[Section, ...]
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    """What the file says of itself, such as the front matter of Markdown."""
    warnings: tuple[str, ...] = ()
    """What was left out or guessed, a line each, such as "2 formulas hold no value": said at an ingest, not stored."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, to hand it from one process to another."""
        sections = [[list(section.headings), section.text, dict(section.place)] for section in self.sections]
        return {
            "title": self.title,
            "sections": sections,
            "metadata": dict(self.metadata),
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Document:
        """What :meth:`as_dict` made."""
        sections = tuple(Section(tuple(headings), text, place) for headings, text, place in values["sections"])
        return cls(values["title"], sections, values["metadata"], tuple(values["warnings"]))


def finished(document: Document) -> Document:
    """The document in NFC, with Unix line ends, without empty sections and values that no store takes.

    Raises:
        DocumentError: there is no text in it.
    """
    sections = tuple(_without_empty([_finished(section) for section in document.sections]))
    if not sections:
        raise DocumentError("holds no text")
    warnings = tuple(one_line(clean(warning)) for warning in document.warnings)
    return Document(clean(document.title), sections, storable_metadata(document.metadata), warnings)


def _finished(section: Section) -> Section:
    headings = (clean(heading) for heading in section.headings)
    return Section(
        tuple(heading for heading in headings if heading.strip()), clean(section.text), storable_metadata(section.place)
    )


def _without_empty(sections: Sequence[Section]) -> Iterator[Section]:
    """Sections with text; a heading that has nothing below it, and no section either, is text itself."""
    for section, after in zip(sections, [*sections[1:], None], strict=False):
        if section.text.strip():
            yield section
        elif section.headings and not _is_above(section.headings, after):
            yield replace(section, headings=section.headings[:-1], text=section.headings[-1])


def _is_above(headings: tuple[str, ...], after: Section | None) -> bool:
    return after is not None and after.headings[: len(headings)] == headings
