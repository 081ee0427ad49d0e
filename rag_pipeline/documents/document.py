"""What a reader makes of a file."""

from __future__ import annotations

import datetime
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag_pipeline.errors import DocumentError

MetadataValue = str | int | float | bool
# Stores keep whole numbers in 64 bits.
LARGEST_INTEGER = 2**63 - 1
# Chroma's own key, for texts.
CHROMA_DOCUMENT = "chroma:document"


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

    def as_dict(self) -> dict[str, Any]:
        """Plain values, to hand it from one process to another."""
        sections = [[list(section.headings), section.text, dict(section.place)] for section in self.sections]
        return {"title": self.title, "sections": sections, "metadata": dict(self.metadata)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Document:
        """What :meth:`as_dict` made."""
        sections = tuple(Section(tuple(headings), text, place) for headings, text, place in values["sections"])
        return cls(values["title"], sections, values["metadata"])


def finished(document: Document) -> Document:
    """The document in NFC, with Unix line ends, without empty sections and values that no store takes.

    Raises:
        DocumentError: there is no text in it.
    """
    sections = tuple(
        Section(tuple(clean(heading) for heading in section.headings), clean(section.text), plain_values(section.place))
        for section in document.sections
        if section.text.strip()
    )
    if not sections:
        raise DocumentError("holds no text")
    return Document(clean(document.title), sections, plain_values(document.metadata))


def plain_values(content: Mapping[Any, Any]) -> dict[str, MetadataValue]:
    """What a store takes of keys and values: clean text, finite numbers, true, false.

    Dates become text, lists are joined, whole numbers beyond 64 bits become text. What is nested, empty, infinite or no
    number at all is left out.
    """
    flat: dict[str, MetadataValue] = {}
    for key, value in content.items():
        name, plain = _words(key), _plain(value)
        if plain is not None and plain != "" and name not in ("", CHROMA_DOCUMENT):
            flat[name] = plain
    return flat


def _plain(value: Any) -> MetadataValue | None:
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value if not isinstance(item, dict | list))
    if isinstance(value, datetime.date):  # a time of day on it too
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER else _words(value)
    return clean(value) if isinstance(value, str) else None


def _words(value: Any) -> str:
    """Anything as clean text."""
    try:
        return clean(str(value))
    except ValueError:  # Python writes no more than some thousand digits, unless they are hexadecimal
        return hex(value) if isinstance(value, int) else ""


def clean(text: str) -> str:
    """NFC, Unix line ends, and none of the characters that no store takes: NUL and lone surrogates."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8")
