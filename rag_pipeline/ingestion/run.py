"""One ingest from the configuration: the collection, its lock, its fingerprint, and the sync."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rag_pipeline.assembly import fingerprint_of, make_embeddings, open_store
from rag_pipeline.config import Settings
from rag_pipeline.documents import scan_folder
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import DocumentError, UsageError
from rag_pipeline.ingestion.plan import Plan, plan_sync
from rag_pipeline.ingestion.reading import read_file
from rag_pipeline.ingestion.report import IngestReport, Outgoing
from rag_pipeline.ingestion.sync import Progress, start_report, sync_folders
from rag_pipeline.store.records import StoredFiles


@dataclass(frozen=True)
class IngestTarget:
    """Which folders go into which collection with which embedding."""

    collection: str
    folders: list[Path]
    embedding: str


def check_folders(folders: list[Path]) -> None:
    """Refuse bad folders before a model is looked for or a store made.

    Raises:
        UsageError: one is missing, unreadable or without documents, or lies inside another.
    """
    for folder in folders:
        scan_folder(folder)
        outer = [other for other in folders if other.resolve() in folder.resolve().parents]
        if outer:
            raise UsageError(f"folder {folder} lies inside {outer[0]}, which brings it in already; leave it out")


def ingest(
    settings: Settings,
    target: IngestTarget,
    *,
    rebuild: bool = False,
    report: IngestReport | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    embeddings: PipelineEmbeddings | None = None,
) -> IngestReport:
    """Bring folders into a collection; make it if it is new.

    Args:
        settings: the configuration.
        target: what goes where.
        rebuild: make the collection anew beside the old one, which is replaced only when the new is whole.
        report: filled as the work goes on; None makes one.
        on_progress: called after each group of chunks that was written.
        embeddings: an embedding of the caller's own; None makes the one the target names.

    Raises:
        CollectionMismatchError: the collection was made in another way; nothing was written.
        StoreLockedError: another process is writing.
        ConfigurationError: the embedding lacks something, such as a key; nothing was written.
        UsageError, StoreError, EmbeddingError, ServiceError: see :func:`sync_folders`.
    """
    report = report or IngestReport(target.collection, target.embedding)
    check_folders(target.folders)
    embeddings = embeddings or make_embeddings(settings, target.embedding)
    fingerprint = fingerprint_of(embeddings, settings)
    embeddings.check_ready()
    store = open_store(settings)
    try:
        with store.writer():
            if rebuild:
                collection = store.staging(target.collection, fingerprint, target.embedding)
            elif target.collection in store.names():
                collection = store.get(target.collection)
                collection.require(fingerprint, target.embedding)
            else:
                collection = store.create(target.collection, fingerprint, target.embedding)
            sync_folders(
                target.folders,
                collection,
                embeddings,
                report,
                base_dir=settings.base_dir,
                chunk_tokens=settings.chunking.max_tokens,
                exclusive=rebuild,
                on_progress=on_progress,
            )
            if rebuild:
                store.replace(target.collection, collection)
    finally:
        store.close()
    return report


def dry_run(settings: Settings, target: IngestTarget, *, rebuild: bool = False) -> IngestReport:
    """What :func:`ingest` would do, from what is stored and what the folders hold; nothing is embedded or written.

    Raises:
        CollectionMismatchError, UsageError, StoreError: as :func:`ingest` would.
    """
    started = time.monotonic()
    check_folders(target.folders)
    report = IngestReport(target.collection, target.embedding, dry_run=True)
    embeddings = make_embeddings(settings, target.embedding)
    store = open_store(settings)
    try:
        stored = StoredFiles()
        if not rebuild and target.collection in store.names():
            collection = store.get(target.collection)
            collection.require(fingerprint_of(embeddings, settings), target.embedding)
            stored = collection.stored_files()
        plan = plan_sync(target.folders, settings.base_dir, stored)
    finally:
        store.close()
    start_report(report, plan)
    report.new = sum(file.is_new for file in plan.pending)
    report.updated = len(plan.pending) - report.new
    report.removed = len(plan.removed)
    if embeddings.sends_texts_away:
        report.outgoing = _outgoing(settings, target, embeddings, plan, stored)
    report.chunks_total = stored.chunks
    report.seconds = time.monotonic() - started
    return report


def _outgoing(
    settings: Settings, target: IngestTarget, embeddings: PipelineEmbeddings, plan: Plan, stored: StoredFiles
) -> Outgoing:
    """Read and cut what would be embedded, and count."""
    texts = tokens = 0
    for file in plan.pending:
        with contextlib.suppress(DocumentError):  # the ingest itself reports it
            version, chunks = read_file(file, embeddings, settings.chunking.max_tokens)
            present = stored.chunk_ids(version)
            missing = [chunk.tokens for index, chunk in enumerate(chunks) if index not in present]
            texts += len(missing)
            tokens += sum(missing)
    price = getattr(settings.embedding(target.embedding), "price_per_million_tokens", None)
    return Outgoing(texts, tokens, None if price is None else round(price * tokens / 1_000_000, 6))
