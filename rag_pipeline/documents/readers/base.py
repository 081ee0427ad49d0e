"""What every reader has, and what it can be told."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol, runtime_checkable

from rag_pipeline.documents.document import Document


@dataclass(frozen=True)
class ReadingOptions:
    """What readers can be told."""

    json_title: str | None = None
    """Field of a JSON record that is its title; None: ``title``, ``name`` and the like."""
    json_text: str | None = None
    """Field of a JSON record that is its text; None: ``text``, ``content`` and the like, or all fields."""


@runtime_checkable
class Reader(Protocol):
    """What a reader of your own must have."""

    @property
    def suffixes(self) -> Collection[str]:
        """In lower case, with the full stop: ``{".log"}``."""

    def read(self, name: str, content: bytes) -> Document:
        """Make a document of a file's bytes.

        Raises:
            DocumentError: it cannot be read; the message is the reason, without the file's name.
        """


def stem_of(name: str) -> str:
    """A file's name without folder and suffix, NFC."""
    return unicodedata.normalize("NFC", PurePath(name).stem)
