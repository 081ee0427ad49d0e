"""Brings folders into a collection, so that it may be cut off anywhere and run again.

The order makes it safe: a file's new chunks are written, all of them, before its old ones are removed, and a
file counts as stored only when every chunk of its present content is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from rag_pipeline.documents.apart import LimitedReader
from rag_pipeline.embeddings.base import DocumentText, EmbeddedBatch, PipelineEmbeddings, Vector
from rag_pipeline.errors import UsageError
from rag_pipeline.ingestion.plan import FolderOptions, Pending, Plan, plan_sync
from rag_pipeline.ingestion.reading import ReadAhead, ReadFile
from rag_pipeline.ingestion.report import Failure, IngestReport
from rag_pipeline.store import Collection
from rag_pipeline.store.records import ChunkRecord, FileVersion, StoredFiles

# Chunks whose vectors are known already are written in batches of this size.
_REUSED = 256
_MOST_REMOVED = 0.5


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


@dataclass(frozen=True)
class SyncOptions:
    """How a sync is to go about it."""

    base_dir: Path
    """Where folder names in the collection are relative to."""
    folders: FolderOptions = field(default_factory=FolderOptions)
    """What is taken of the folders."""
    chunk_tokens: int | None = None
    """A limit of a chunk below the model's own."""
    exclusive: bool = False
    """Remove documents of other folders too."""
    delete: bool = True
    """Remove what is gone from the folders."""
    confirm_removal: Callable[[int, int], bool] | None = None
    """Asked with the documents to remove and those stored, before more than half of a collection goes; None: no."""


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
    """A chunk that is to be embedded."""

    file: _OpenFile
    record: ChunkRecord
    text: DocumentText


def sync_folders(
    folders: list[Path],
    collection: Collection,
    embeddings: PipelineEmbeddings,
    report: IngestReport,
    options: SyncOptions,
    *,
    reader: LimitedReader | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Make a collection hold what the folders hold.

    The caller holds the store's writer lock and has checked the collection's fingerprint.

    Args:
        folders: the folders.
        collection: where to.
        embeddings: turns chunks into vectors.
        report: filled as the work goes on, so that it is true also when the work is cut off.
        options: how to go about it.
        reader: reads the files, and is closed at the end; None: the built-in readers.
        on_progress: called after each batch that was written.

    Raises:
        UsageError: a folder is missing, unreadable or without documents, or more than half of the collection would be
            removed and that was not confirmed; nothing was changed.
        StoreError: the store cannot be written; what was written before is kept.
        EmbeddingError, ServiceError: texts cannot be embedded; what was embedded before is written and kept.
    """
    started = time.monotonic()
    stored = collection.stored_files()
    plan = plan_sync(folders, options.base_dir, stored, options.folders, exclusive=options.exclusive)
    start_report(report, plan)
    check_removal(plan, stored, options)
    sync = _Sync(collection, report, stored, plan, on_progress)
    reader = reader or LimitedReader()
    try:
        with (
            collection.indexing(stored.all_ids()),
            ReadAhead(plan.pending, reader, embeddings, options.chunk_tokens) as files,
            closing(sync.texts(files)) as texts,
        ):
            for batch in embeddings.embed_stream(texts):
                sync.store(batch)
            sync.remove(plan.stale_ids)
            gone = plan.removed if options.delete else [key for key in plan.removed if key not in plan.lost]
            sync.remove([chunk for key in gone for chunk in stored.ids(key)])
        report.removed = len(plan.lost) if options.delete else 0
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


def check_removal(plan: Plan, stored: StoredFiles, options: SyncOptions) -> None:
    """Ask before more than half of a collection is removed: a folder may be half mounted, or the wrong one.

    Raises:
        UsageError: it was not confirmed.
    """
    lost, known = len(plan.lost), len(stored.versions)
    if not options.delete or lost <= _MOST_REMOVED * known:
        return
    if options.confirm_removal is None or not options.confirm_removal(lost, known):
        raise UsageError(
            f"{lost} of {known} documents in the collection are gone from the folder; nothing was changed. If that is"
            " meant, run again with --yes; to keep them, with --no-delete"
        )


class _Sync:
    def __init__(
        self,
        collection: Collection,
        report: IngestReport,
        stored: StoredFiles,
        plan: Plan,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._collection = collection
        self._report = report
        self._stored = stored
        self._files = len(plan.pending)
        self._bytes = sum(file.size for file in plan.pending)
        self._done = 0
        self._bytes_done = 0
        self._on_progress = on_progress
        self._sent: dict[int, _Sent] = {}
        self._position = 0
        self._reusable: list[tuple[_Sent, str]] = []

    def texts(self, files: Iterator[ReadFile]) -> Generator[DocumentText]:
        """Texts of the files that have no vector yet; a file that cannot be read is reported and left out.

        A text that is stored already, in this file as it was before or in another, is not embedded again.
        """
        for read in files:
            if read.version is None:
                self._fail(read.pending, read.failure)
                continue
            refused = next(filter(None, (self._collection.refused(chunk.text) for chunk in read.chunks)), "")
            if refused:
                self._fail(read.pending, refused)
                continue
            present = self._stored.chunk_ids(read.version)
            missing = [index for index in range(len(read.chunks)) if index not in present]
            file = _OpenFile(read.pending, read.version, len(missing), written=list(present.values()))
            if not missing:
                self._finish(file)
            for index in missing:
                chunk = read.chunks[index]
                sent = _Sent(file, read.record(index), DocumentText(chunk.text, chunk.head, chunk.body, chunk.tokens))
                known = self._stored.texts.get(chunk.text_sha256)
                if known is None:
                    yield self._send(sent)
                    continue
                self._reusable.append((sent, known))
                if len(self._reusable) >= _REUSED:
                    yield from map(self._send, self._reuse())
        yield from map(self._send, self._reuse())

    def store(self, batch: EmbeddedBatch) -> None:
        """Write one batch; then drop what its finished files had before."""
        self._report.embedding_seconds += batch.seconds
        sent = [self._sent.pop(position) for position in batch.positions]
        self._report.tokens += sum(chunk.text.tokens for chunk in sent)
        refused = [(self._sent.pop(position), reason) for position, reason in batch.refused.items()]
        self._write(sent, batch.vectors)
        for chunk, reason in refused:
            self._refuse(chunk, reason)
        self._settle([*sent, *(chunk for chunk, _ in refused)])

    def remove(self, ids: list[str]) -> None:
        if ids:
            self._collection.delete(ids)
            self._report.chunks_removed += len(ids)

    def _send(self, chunk: _Sent) -> DocumentText:
        self._sent[self._position] = chunk
        self._position += 1
        return chunk.text

    def _reuse(self) -> list[_Sent]:
        """Write chunks with the vectors their texts have already; return those whose vector is gone meanwhile."""
        waiting, self._reusable = self._reusable, []
        vectors = self._collection.vectors_of([known for _, known in waiting])
        ready = [(chunk, vectors[known]) for chunk, known in waiting if known in vectors]
        self._write([chunk for chunk, _ in ready], [vector for _, vector in ready])
        self._report.chunks_reused += len(ready)
        self._settle([chunk for chunk, _ in ready])
        return [chunk for chunk, known in waiting if known not in vectors]

    def _write(self, chunks: list[_Sent], vectors: Sequence[Vector]) -> None:
        # Of a file that has failed nothing new is kept, so that it is never half there.
        good = [(chunk, vector) for chunk, vector in zip(chunks, vectors, strict=True) if not chunk.file.refused]
        if not good:
            return
        self._collection.write([chunk.record for chunk, _ in good], [vector for _, vector in good])
        for chunk, _ in good:
            chunk.file.written.append(chunk.record.id)
        self._report.chunks_written += len(good)

    def _settle(self, chunks: list[_Sent]) -> None:
        for chunk in chunks:
            chunk.file.waiting -= 1
            if chunk.file.waiting == 0:
                self._finish(chunk.file)
        if chunks:
            self._tell()

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
        self._count(file.pending)
        if file.pending.renamed_from is not None:
            self._report.renamed += 1
        elif file.pending.is_new:
            self._report.new += 1
        else:
            self._report.updated += 1

    def _fail(self, file: Pending, reason: str) -> None:
        self._report.failures.append(Failure(file.key.source, reason))
        self._count(file)

    def _count(self, file: Pending) -> None:
        self._done += 1
        self._bytes_done += file.size

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
                )
            )
