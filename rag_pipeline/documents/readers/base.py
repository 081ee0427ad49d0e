"""What every reader has."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from pathlib import PurePath
from typing import Protocol, runtime_checkable

from rag_pipeline.documents.document import Document
from rag_pipeline.documents.reading_options import ReadingOptions


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


__all__ = ["Reader", "ReadingOptions", "stem_of"]
