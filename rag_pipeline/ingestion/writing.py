"""The one writer of a sync: takes chunks as an engine has them ready, and keeps count of their files.

The order makes a sync safe to cut off: a file's new chunks are written, all of them, before its old ones are removed,
and a file counts as stored only when every chunk of its present content is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rag_pipeline.embeddings.base import DocumentText, Vector
from rag_pipeline.ingestion.estimate import WorkEstimate
from rag_pipeline.ingestion.plan import Plan, PlannedFile
from rag_pipeline.ingestion.report import Failure, FileWarning, IngestReport, Progress
from rag_pipeline.store import Collection
from rag_pipeline.store.records import ChunkRecord, FileKey, FileVersion, StoredFiles

# Chunks whose vectors are known already are written in batches of this size.
_REUSED = 256


@dataclass
class FileInProgress:
    """A file whose chunks are on their way."""

    pending: PlannedFile
    version: FileVersion
    missing: set[int]
    """Chunks that are neither in the collection nor refused, by their place in the file."""
    written: list[str] = field(default_factory=list)
    """Ids of its chunks in the collection, those of an earlier run that was cut off counted."""
    refused: str = ""
    """Why one of its chunks could not be embedded."""
    tokens: int = 0
    """Tokens of it that were embedded."""


@dataclass(frozen=True)
class ChunkInProgress:
    """A chunk that is to be written."""

    file: FileInProgress
    record: ChunkRecord
    text: DocumentText


class ChunkWriter:
    """Writes what an engine embeds, and what needs no embedding.

    Args:
        collection: where to.
        report: filled as the work goes on.
        stored: what the collection held before.
        plan: what is to be done.
        on_progress: called after each batch that was written.
    """

    def __init__(
        self,
        collection: Collection,
        report: IngestReport,
        stored: StoredFiles,
        plan: Plan,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self.renamed: set[FileKey] = set()
        """Files that were deleted and have got in under another name."""
        self._collection = collection
        self._report = report
        self._stored = stored
        self._files = len(plan.pending)
        self._bytes = sum(file.size for file in plan.pending)
        self._done = 0
        self._bytes_done = 0
        self._work = WorkEstimate(plan.pending)
        self._on_progress = on_progress
        self._reusable: list[ChunkInProgress] = []
        self._holders: dict[str, str] = {}

    def known_texts(self) -> set[str]:
        """Hashes of all texts that have a vector in the collection, whose metadata are read for it."""
        return self._collection.text_hashes() if self._stored.chunks else set()

    def split(self, chunks: Sequence[ChunkInProgress]) -> tuple[list[ChunkInProgress], list[ChunkInProgress]]:
        """Chunks that must be embedded, and those whose text has a vector in the collection, for :meth:`reuse`."""
        known = self._stored.texts([chunk.record.text_sha256 for chunk in chunks])
        self._holders.update(known)
        return (
            [chunk for chunk in chunks if chunk.record.text_sha256 not in known],
            [chunk for chunk in chunks if chunk.record.text_sha256 in known],
        )

    def open(
        self, pending: PlannedFile, version: FileVersion, count: int, warnings: Sequence[str] = ()
    ) -> FileInProgress:
        """Take in a file that was read and has that many chunks; one that lacks none is finished at once.

        Args:
            pending: the file.
            version: what was read of it.
            count: its chunks.
            warnings: what was left out of it, to be reported.
        """
        self._report.warnings += [FileWarning(pending.key.source, warning) for warning in warnings]
        present = self._stored.chunk_ids(version)
        file = FileInProgress(pending, version, set(range(count)) - set(present), list(present.values()))
        if not file.missing:
            self._finish([file])
        return file

    def fail(self, pending: PlannedFile, reason: str, tokens: int = 0) -> None:
        """Report a file that cannot get in; what was stored of it before stays.

        Args:
            pending: the file.
            reason: why.
            tokens: what was embedded of it in vain.
        """
        self._report.failures.append(Failure(pending.key.source, reason))
        self._count(pending, tokens)

    def reuse(self, chunk: ChunkInProgress) -> list[ChunkInProgress]:
        """Write a chunk with the vector its text has already, some time until :meth:`flush`.

        Returns:
            chunks handed over so far whose vector was deleted meanwhile: they must be embedded after all.
        """
        self._reusable.append(chunk)
        return self.flush() if len(self._reusable) >= _REUSED else []

    def flush(self) -> list[ChunkInProgress]:
        """Write what :meth:`reuse` still holds, and return what must be embedded after all."""
        chunks, self._reusable = self._reusable, []
        unknown = {chunk.record.text_sha256 for chunk in chunks} - self._holders.keys()
        holders = {**self._holders, **self._stored.texts(sorted(unknown))}
        self._holders.clear()
        waiting = [(chunk, holders.get(chunk.record.text_sha256, "")) for chunk in chunks]
        vectors = self._collection.vectors_of([known for _, known in waiting if known])
        ready = [(chunk, vectors[known]) for chunk, known in waiting if known in vectors]
        self._write([chunk for chunk, _ in ready], [vector for _, vector in ready])
        self._report.chunks_reused += len(ready)
        self._settle([chunk for chunk, _ in ready])
        return [chunk for chunk, known in waiting if known not in vectors]

    def store(
        self,
        chunks: Sequence[ChunkInProgress],
        vectors: Sequence[Vector],
        refused: Sequence[tuple[ChunkInProgress, str]] = (),
        seconds: float = 0.0,
    ) -> None:
        """Write one batch; then drop what its finished files had before.

        Args:
            chunks: those that were embedded.
            vectors: shape (len(chunks), dimension).
            refused: those that the model cannot embed, with the reason.
            seconds: what embedding took.
        """
        self._report.embedding_seconds += seconds
        self._report.tokens += sum(chunk.text.tokens for chunk in chunks)
        for chunk in chunks:
            chunk.file.tokens += chunk.text.tokens
            self._work.embedded(chunk.file.pending, chunk.text.tokens)
            if reason := self._collection.rejection_reason(chunk.record.text, chunk.record.metadata):
                self._refuse(chunk, reason)
        self._write(chunks, vectors)
        for chunk, reason in refused:
            self._refuse(chunk, reason)
        self._settle([*chunks, *(chunk for chunk, _ in refused)])

    def remove(self, ids: list[str]) -> None:
        """Remove chunks."""
        if ids:
            self._collection.delete(ids)
            self._report.chunks_removed += len(ids)

    def _write(self, chunks: Sequence[ChunkInProgress], vectors: Sequence[Vector]) -> None:
        # Of a file that has failed nothing new is kept, so that it is never half there.
        good = [(chunk, vector) for chunk, vector in zip(chunks, vectors, strict=True) if not chunk.file.refused]
        if not good:
            return
        self._collection.write([chunk.record for chunk, _ in good], [vector for _, vector in good])
        for chunk, _ in good:
            chunk.file.written.append(chunk.record.id)
        self._report.chunks_written += len(good)

    def _settle(self, chunks: Sequence[ChunkInProgress]) -> None:
        finished: list[FileInProgress] = []
        for chunk in chunks:
            chunk.file.missing.discard(chunk.record.index)
            if not chunk.file.missing:
                finished.append(chunk.file)
        self._finish(finished)
        if chunks:
            self._tell()

    def _refuse(self, chunk: ChunkInProgress, reason: str) -> None:
        file = chunk.file
        if not file.refused:
            place = f"section {chunk.record.section!r}: " if chunk.record.section else ""
            file.refused = f"{place}{reason}"
        self.remove(file.written)
        file.written = []

    def _finish(self, files: Sequence[FileInProgress]) -> None:
        whole = [file for file in files if not file.refused]
        # At once: a request to remove costs far more than a chunk that it removes.
        self.remove(
            [old for file in whole for old in self._stored.ids(file.pending.key, except_sha256=file.version.sha256)]
        )
        for file in files:
            if file.refused:
                self.fail(file.pending, file.refused, file.tokens)
            else:
                self._count(file.pending, file.tokens)
                self._report_whole(file.pending)

    def _report_whole(self, file: PlannedFile) -> None:
        if file.renamed_from is not None:
            self.renamed.add(file.renamed_from)
            self._report.renamed += 1
        elif file.is_new:
            self._report.new += 1
        else:
            self._report.updated += 1

    def _count(self, file: PlannedFile, tokens: int) -> None:
        self._done += 1
        self._bytes_done += file.size
        self._work.finished(file, tokens)

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(
                Progress(
                    self._done,
                    self._files,
                    self._bytes_done,
                    self._bytes,
                    self._report.chunks_written,
                    self._report.tokens,
                    self._report.embedding_seconds,
                    self._work.share(),
                )
            )
