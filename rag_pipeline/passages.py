"""A chunk returned for a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLACES = ("page", "slide", "sheet", "rows")
_SHOWN = frozenset({"title", "section", "source"})


@dataclass(frozen=True)
class Passage:
    """A chunk with its place in the answer to a question."""

    rank: int
    """From 1, best first."""
    score: float
    """Inner product of question and passage; higher is better."""
    id: str
    title: str
    section: str
    source: str
    text: str
    """As it was embedded: the title path, a blank line, the passage."""
    metadata: Mapping[str, Any]

    @property
    def body(self) -> str:
        """The text without the title path in front."""
        head, separator, body = self.text.partition("\n\n")
        return body if separator and head.startswith(self.title) else self.text

    @property
    def place(self) -> str:
        """Where in the source it stands, for citations: ``page 3``; empty where the format has no places."""
        return ", ".join(f"{name} {self.metadata[name]}" for name in _PLACES if name in self.metadata)

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return {
            "rank": self.rank,
            "score": round(self.score, 6),
            "title": self.title,
            "section": self.section,
            "source": self.source,
            "text": self.text,
            "metadata": {key: value for key, value in self.metadata.items() if key not in _SHOWN},
        }
