"""Brings folders into a collection, so that it may be cut off anywhere and run again.

The order makes it safe: a file's new chunks are written, all of them, before its old ones are removed, and a
file counts as stored only when every chunk of its present content is there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rag_pipeline.documents import Chunk, chunk_document, read_document
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import DocumentError
from rag_pipeline.ingestion.plan import Pending, Plan, plan_sync
from rag_pipeline.ingestion.report import Failure, IngestReport
from rag_pipeline.store import Collection
from rag_pipeline.store.records import ChunkRecord, FileVersion, StoredFiles

# Chunks are embedded and written in groups: large enough that sorting by length leaves little padding, small
# enough that a run cut off loses seconds of work.
_GROUP_TOKENS = 65_536
_GROUP_CHUNKS = 512


@dataclass(frozen=True)
class Progress:
    """How far a sync is."""

    files_done: int
    files: int
    chunks: int
    tokens: int
    embedding_seconds: float


@dataclass
class _Group:
    """Chunks waiting to be embedded, and the files that end with them."""

    chunks: list[ChunkRecord] = field(default_factory=list)
    tokens: int = 0
    finished: list[tuple[Pending, FileVersion]] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return self.tokens >= _GROUP_TOKENS or len(self.chunks) >= _GROUP_CHUNKS


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
        on_progress: called after each group that was written.

    Raises:
        UsageError: a folder is missing, unreadable or without documents; nothing was changed.
        StoreError: the store cannot be written; what was written before is kept.
        EmbeddingError: a text cannot be embedded; what was written before is kept.
    """
    started = time.monotonic()
    stored = collection.stored_files()
    plan = plan_sync(folders, base_dir, stored, exclusive=exclusive)
    start_report(report, plan)
    sync = _Sync(collection, embeddings, report, stored, len(plan.pending), on_progress)
    try:
        for group in sync.groups(plan.pending, chunk_tokens):
            sync.store(group)
        stale = plan.stale_ids + [chunk for key in plan.removed for chunk in stored.ids(key)]
        sync.remove(stale)
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

    def groups(self, pending: list[Pending], chunk_tokens: int | None) -> Iterator[_Group]:
        """Chunks of the files, in groups; a file that cannot be read is reported and left out."""
        group = _Group()
        for file in pending:
            try:
                version, chunks = self._read(file, chunk_tokens)
            except DocumentError as error:
                self._report.failures.append(Failure(file.key.source, str(error)))
                self._done += 1
                continue
            for index, chunk in enumerate(chunks):
                if group.full:
                    yield group
                    group = _Group()
                group.chunks.append(ChunkRecord(version, index, len(chunks), chunk.text, chunk.title, chunk.section))
                group.tokens += chunk.tokens
            group.finished.append((file, version))
        if group.chunks or group.finished:
            yield group

    def store(self, group: _Group) -> None:
        """Embed and write one group; then drop what its finished files had before."""
        self._embeddings.load()  # so that its time is not counted as embedding
        started = time.monotonic()
        vectors = self._embeddings.embed_documents([chunk.text for chunk in group.chunks])
        self._report.embedding_seconds += time.monotonic() - started
        self._collection.write(group.chunks, vectors)
        self._report.tokens += group.tokens
        self._report.chunks_written += len(group.chunks)
        for file, version in group.finished:
            self.remove(self._stored.ids(file.key, except_sha256=version.sha256))
            self._done += 1
            if file.is_new:
                self._report.new += 1
            else:
                self._report.updated += 1
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

    def _read(self, file: Pending, chunk_tokens: int | None) -> tuple[FileVersion, list[Chunk]]:
        try:
            content = file.path.read_bytes()
        except OSError as error:
            raise DocumentError(f"cannot be read: {error.strerror}") from None
        document = read_document(file.path.name, content)
        # Of the bytes that were read: the file may have changed since it was compared.
        version = FileVersion(file.key, hashlib.sha256(content).hexdigest())
        return version, chunk_document(document, self._embeddings, chunk_tokens)
