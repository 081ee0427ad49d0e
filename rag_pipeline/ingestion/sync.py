"""Brings folders into a collection, so that it may be cut off anywhere and run again.

The order makes it safe: a file's new chunks are written, all of them, before its old ones are removed, and a
file counts as stored only when every chunk of its present content is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from rag_pipeline.embeddings.base import DocumentText, EmbeddedBatch, PipelineEmbeddings
from rag_pipeline.errors import DocumentError
from rag_pipeline.ingestion.plan import Pending, Plan, plan_sync
from rag_pipeline.ingestion.reading import read_file
from rag_pipeline.ingestion.report import Failure, IngestReport
from rag_pipeline.store import Collection
from rag_pipeline.store.records import ChunkRecord, FileVersion, StoredFiles


@dataclass(frozen=True)
class Progress:
    """How far a sync is."""

    files_done: int
    files: int
    chunks: int
    tokens: int
    embedding_seconds: float


@dataclass
class _OpenFile:
    """A file whose chunks are on their way."""

    pending: Pending
    version: FileVersion
    waiting: int
    """Chunks that have no vector yet."""
    written: list[str] = field(default_factory=list)
    """Ids of its chunks in the collection, those of an earlier run that was cut off counted."""
    refused: str = ""
    """Why one of its chunks could not be embedded."""


@dataclass(frozen=True)
class _Sent:
    """A chunk that has been handed to the embedding."""

    file: _OpenFile
    record: ChunkRecord
    tokens: int


def sync_folders(
    folders: list[Path],
    collection: Collection,
    embeddings: PipelineEmbeddings,
    report: IngestReport,
    *,
    base_dir: Path,
    chunk_tokens: int | None = None,
    exclusive: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Make a collection hold what the folders hold.

    The caller holds the store's writer lock and has checked the collection's fingerprint.

    Args:
        folders: the folders.
        collection: where to.
        embeddings: turns chunks into vectors.
        report: filled as the work goes on, so that it is true also when the work is cut off.
        base_dir: where folder names in the collection are relative to.
        chunk_tokens: a limit of a chunk below the model's own.
        exclusive: remove documents of other folders too.
        on_progress: called after each batch that was written.

    Raises:
        UsageError: a folder is missing, unreadable or without documents; nothing was changed.
        StoreError: the store cannot be written; what was written before is kept.
        EmbeddingError, ServiceError: texts cannot be embedded; what was embedded before is written and kept.
    """
    started = time.monotonic()
    stored = collection.stored_files()
    plan = plan_sync(folders, base_dir, stored, exclusive=exclusive)
    start_report(report, plan)
    sync = _Sync(collection, embeddings, report, stored, len(plan.pending), on_progress)
    try:
        with closing(sync.texts(plan.pending, chunk_tokens)) as texts:
            for batch in embeddings.embed_stream(texts):
                sync.store(batch)
        sync.remove(plan.stale_ids + [chunk for key in plan.removed for chunk in stored.ids(key)])
        report.removed = len(plan.removed)
    finally:
        report.chunks_total = stored.chunks + report.chunks_written - report.chunks_removed
        report.seconds = time.monotonic() - started
    report.chunks_total = collection.count
    return report


def start_report(report: IngestReport, plan: Plan) -> None:
    """Put into a report what is known before any work."""
    report.unchanged = plan.unchanged
    report.failures += plan.failures
    report.skipped = dict(plan.skipped)
    report.gone_folders = plan.gone_folders


class _Sync:
    def __init__(
        self,
        collection: Collection,
        embeddings: PipelineEmbeddings,
        report: IngestReport,
        stored: StoredFiles,
        files: int,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._collection = collection
        self._embeddings = embeddings
        self._report = report
        self._stored = stored
        self._files = files
        self._done = 0
        self._on_progress = on_progress
        self._sent: dict[int, _Sent] = {}

    def texts(self, pending: list[Pending], chunk_tokens: int | None) -> Generator[DocumentText]:
        """Chunks of the files that are not stored yet; a file that cannot be read is reported and left out."""
        position = 0
        for waiting in pending:
            try:
                version, chunks = read_file(waiting, self._embeddings, chunk_tokens)
            except DocumentError as error:
                self._fail(waiting, str(error))
                continue
            present = self._stored.chunk_ids(version)
            missing = [index for index in range(len(chunks)) if index not in present]
            file = _OpenFile(waiting, version, len(missing), written=list(present.values()))
            if not missing:
                self._finish(file)
            for index in missing:
                chunk = chunks[index]
                record = ChunkRecord(version, index, len(chunks), chunk.text, chunk.title, chunk.section)
                self._sent[position] = _Sent(file, record, chunk.tokens)
                position += 1
                yield DocumentText(chunk.text, chunk.head, chunk.body, chunk.tokens)

    def store(self, batch: EmbeddedBatch) -> None:
        """Write one batch; then drop what its finished files had before."""
        self._report.embedding_seconds += batch.seconds
        sent = [self._sent.pop(position) for position in batch.positions]
        # Of a file that has failed nothing new is kept, so that it is never half there.
        good = [(chunk, vector) for chunk, vector in zip(sent, batch.vectors, strict=True) if not chunk.file.refused]
        if good:
            self._collection.write([chunk.record for chunk, _ in good], [vector for _, vector in good])
        for chunk, _ in good:
            chunk.file.written.append(chunk.record.id)
        self._report.chunks_written += len(good)
        self._report.tokens += sum(chunk.tokens for chunk in sent)
        for position, reason in batch.refused.items():
            chunk = self._sent.pop(position)
            sent.append(chunk)
            self._refuse(chunk, reason)
        for chunk in sent:
            chunk.file.waiting -= 1
            if chunk.file.waiting == 0:
                self._finish(chunk.file)
        if self._on_progress is not None:
            self._on_progress(
                Progress(
                    self._done,
                    self._files,
                    self._report.chunks_written,
                    self._report.tokens,
                    self._report.embedding_seconds,
                )
            )

    def remove(self, ids: list[str]) -> None:
        if ids:
            self._collection.delete(ids)
            self._report.chunks_removed += len(ids)

    def _refuse(self, chunk: _Sent, reason: str) -> None:
        file = chunk.file
        if not file.refused:
            place = f"section {chunk.record.section!r}: " if chunk.record.section else ""
            file.refused = f"{place}{reason}"
        self.remove(file.written)
        file.written = []

    def _finish(self, file: _OpenFile) -> None:
        if file.refused:
            self._fail(file.pending, file.refused)
            return
        self.remove(self._stored.ids(file.pending.key, except_sha256=file.version.sha256))
        self._done += 1
        if file.pending.is_new:
            self._report.new += 1
        else:
            self._report.updated += 1

    def _fail(self, file: Pending, reason: str) -> None:
        self._report.failures.append(Failure(file.key.source, reason))
        self._done += 1
