"""What an ingest did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from rag_pipeline.messages import _


@dataclass(frozen=True)
class Failure:
    """A file that did not get in; what was stored of it before stays."""

    source: str
    reason: str


@dataclass(frozen=True)
class FileWarning:
    """What was left out of a file that got in, or of a folder."""

    source: str
    text: str


@dataclass(frozen=True)
class PlannedChange:
    """What a dry run found would be done with one file."""

    action: Literal["add", "update", "rename", "remove"]
    source: str
    earlier: str = ""
    """The name it had, of one that is renamed."""

    def as_dict(self) -> dict[str, str]:
        """The stable machine-readable form."""
        return {"action": self.action, "source": self.source, **({"from": self.earlier} if self.earlier else {})}


@dataclass(frozen=True)
class Outgoing:
    """What a dry run found would be sent to a service."""

    texts: int
    tokens: int
    """Estimated on the high side."""
    cost: float | None
    """By the price in the configuration, in its currency; None: no price is given."""

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return {"texts": self.texts, "tokens": self.tokens, "cost": self.cost}


@dataclass(frozen=True)
class Progress:
    """How far a sync is."""

    files_done: int
    files: int
    bytes_done: int
    bytes: int
    chunks: int
    tokens: int
    embedding_seconds: float
    share: float | None = None
    """Estimated share of the work that is done, from 0 to 1; None while it is not known."""


@dataclass
class IngestReport:
    """Counts of one run over one collection."""

    collection: str
    embedding: str
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    renamed: int = 0
    """Files that have another name than before, with the same content."""
    removed: int = 0
    chunks_written: int = 0
    chunks_reused: int = 0
    """Of those written, how many had a vector already."""
    chunks_removed: int = 0
    chunks_total: int = 0
    seconds: float = 0.0
    tokens: int = 0
    """Tokens embedded."""
    embedding_seconds: float = 0.0
    dry_run: bool = False
    plan: list[PlannedChange] = field(default_factory=list)
    """Of a dry run: file by file."""
    outgoing: Outgoing | None = None
    """Of a dry run with an embedding that sends texts away."""
    failures: list[Failure] = field(default_factory=list)
    warnings: list[FileWarning] = field(default_factory=list)
    """What was left out of files that got in, and of folders."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Files without a reader, by suffix."""
    gone_folders: list[str] = field(default_factory=list)
    """Folders the collection holds documents of that are no longer there."""

    @property
    def tokens_per_second(self) -> float:
        """Tokens embedded in a second of embedding; 0 where nothing was."""
        return self.tokens / self.embedding_seconds if self.embedding_seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        result: dict[str, Any] = {
            "collection": self.collection,
            "embedding": self.embedding,
            "files": {
                "new": self.new,
                "updated": self.updated,
                "unchanged": self.unchanged,
                "renamed": self.renamed,
                "removed": self.removed,
                "failed": len(self.failures),
            },
            "chunks": {
                "written": self.chunks_written,
                "reused": self.chunks_reused,
                "removed": self.chunks_removed,
                "total": self.chunks_total,
            },
            "seconds": round(self.seconds, 3),
            "failures": [{"source": failure.source, "reason": failure.reason} for failure in self.failures],
            "warnings": [{"source": warning.source, "text": warning.text} for warning in self.warnings],
        }
        if self.dry_run:
            result["plan"] = [change.as_dict() for change in self.plan]
        if self.outgoing is not None:
            result["outgoing"] = self.outgoing.as_dict()
        return result

    def summary(self) -> str:
        """One line for a person, in the language of the command line; English for who calls it from Python."""
        counts = [_("{count} new").format(count=self.new), _("{count} updated").format(count=self.updated)]
        counts.append(_("{count} unchanged").format(count=self.unchanged))
        if self.renamed:
            counts.append(_("{count} renamed").format(count=self.renamed))
        counts.append(_("{count} removed").format(count=self.removed))
        counts.append(_("{count} failed").format(count=len(self.failures)))
        said = _("{collection}: would be {counts}") if self.dry_run else _("{collection}: {counts}")
        parts = [
            said.format(collection=self.collection, counts=", ".join(counts)),
            _("{count} chunks").format(count=self.chunks_total),
        ]
        if not self.dry_run:
            parts.append(_("{count:.1f} s").format(count=self.seconds))
            if self.tokens:
                parts.append(_("{count:,.0f} tokens/s").format(count=self.tokens_per_second))
        if self.outgoing is not None:
            said = _("{texts} texts of about {tokens:,} tokens would be sent")
            said = said.format(texts=self.outgoing.texts, tokens=self.outgoing.tokens)
            if self.outgoing.cost is not None:
                said += _(", at a cost of {cost:.4f}").format(cost=self.outgoing.cost)
            parts.append(said)
        return "; ".join(parts)
