"""One ingest from the configuration: the collection, its lock, its fingerprint, and the sync."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rag_pipeline.assembly import fingerprint_of, make_embeddings, make_reader, open_store
from rag_pipeline.config import MetadataRule, Settings
from rag_pipeline.documents import Reader, Readers, scan_folder
from rag_pipeline.documents.apart import LimitedReader
from rag_pipeline.documents.selection import Selection
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import UsageError
from rag_pipeline.ingestion.engine import Engine, LocalEngine
from rag_pipeline.ingestion.plan import FolderOptions, Plan, plan_sync
from rag_pipeline.ingestion.reading import read_files
from rag_pipeline.ingestion.report import IngestReport, Outgoing, PlannedChange, Progress
from rag_pipeline.ingestion.sync import SyncOptions, start_report, sync_folders
from rag_pipeline.places import Folder, lies_inside
from rag_pipeline.store.records import StoredFiles


@dataclass(frozen=True)
class IngestTarget:
    """Which folders go into which collection with which embedding."""

    collection: str
    folders: Sequence[Folder]
    """Paths, or folders behind URLs: ``rag_pipeline.places.as_folder("s3://bucket/docs")``."""
    embedding: str
    include: tuple[str, ...] = ()
    """Only files that match one of these patterns; empty: all."""
    exclude: tuple[str, ...] = ()
    metadata: tuple[MetadataRule, ...] = ()
    """Metadata for files by pattern."""

    def options(self, settings: Settings, readers: Readers) -> FolderOptions:
        """What is taken of the folders, and what is known of their files beforehand."""
        store = settings.resolve_path(settings.store.path).resolve()
        return FolderOptions(
            Selection(self.include, self.exclude, settings.reading.max_file_mb, frozenset({store})),
            [(rule.files, rule.values) for rule in self.metadata],
            readers.suffixes,
        )


def check_folders(folders: Sequence[Folder], options: FolderOptions) -> None:
    """Refuse bad folders before a model is looked for or a store made.

    Raises:
        UsageError: one is missing, unreadable or without documents, or lies inside another.
        ServiceError: one is behind a URL that cannot be reached.
    """
    for folder in folders:
        scan_folder(folder, options.selection, options.suffixes)
        outer = [other for other in folders if lies_inside(folder, other)]
        if outer:
            raise UsageError(f"folder {folder} lies inside {outer[0]}, which brings it in already; leave it out")


def ingest(
    settings: Settings,
    target: IngestTarget,
    *,
    rebuild: bool = False,
    delete: bool = True,
    confirm_removal: Callable[[int, int], bool] | None = None,
    report: IngestReport | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    embeddings: PipelineEmbeddings | None = None,
    readers: Sequence[Reader] = (),
) -> IngestReport:
    """Bring folders into a collection; make it if it is new.

    Args:
        settings: the configuration.
        target: what goes where.
        rebuild: make the collection anew beside the old one, which is replaced only when the new is whole.
        delete: remove documents that are gone from the folders.
        confirm_removal: asked with the documents to remove and those stored, before more than half of a collection
            goes; None: refuse.
        report: filled as the work goes on; None makes one.
        on_progress: called after each group of chunks that was written.
        embeddings: an embedding of the caller's own; None makes the one the target names. With the engine of Ray it
            is pickled.
        readers: readers of the caller's own, before the built-in ones; they run in this process (with the engine of
            Ray, pickled, in others), without limits.

    Raises:
        CollectionMismatchError: the collection was made in another way; nothing was written.
        StoreLockedError: another process is writing.
        ConfigurationError: the embedding lacks something, such as a key; nothing was written.
        UsageError, StoreError, EmbeddingError, ServiceError: see :func:`sync_folders`.
    """
    report = report or IngestReport(target.collection, target.embedding)
    reader = make_reader(settings, readers)
    options = target.options(settings, reader.readers)
    check_folders(target.folders, options)
    own = embeddings
    embeddings = own or make_embeddings(settings, target.embedding)
    fingerprint = fingerprint_of(embeddings, settings)
    embeddings.check_ready()
    engine: Engine
    if settings.engine.kind == "ray":
        engine = _ray_engine(settings, target, own, readers)
    else:
        engine = LocalEngine(embeddings, reader, settings.chunking.max_tokens)
    store = open_store(settings)
    try:
        with store.writer():
            if rebuild:
                collection = store.staging(target.collection, fingerprint, target.embedding)
            elif target.collection in store.names():
                collection = store.get(target.collection)
                if collection.count == 0:
                    # Left by a run that ended before its first chunk: there is nothing to mix with.
                    collection = store.recreate(target.collection, fingerprint, target.embedding)
                collection.require(fingerprint, target.embedding)
            else:
                collection = store.create(target.collection, fingerprint, target.embedding)
            sync_folders(
                target.folders,
                collection,
                engine,
                report,
                SyncOptions(
                    settings.base_dir,
                    options,
                    exclusive=rebuild,
                    delete=delete,
                    # What is made anew has nothing to lose but what a run before it left.
                    confirm_removal=(lambda *_: True) if rebuild else confirm_removal,
                ),
                on_progress=on_progress,
            )
            if rebuild:
                store.replace(target.collection, collection)
    finally:
        store.close()
    return report


def _ray_engine(
    settings: Settings, target: IngestTarget, own: PipelineEmbeddings | None, readers: Sequence[Reader]
) -> Engine:
    from rag_pipeline.ingestion.ray_engine import RayEngine

    return RayEngine.of(settings, target.embedding, own, readers)


def dry_run(
    settings: Settings,
    target: IngestTarget,
    *,
    rebuild: bool = False,
    delete: bool = True,
    readers: Sequence[Reader] = (),
) -> IngestReport:
    """What :func:`ingest` would do, from what is stored and what the folders hold; nothing is embedded or written.

    Raises:
        CollectionMismatchError, UsageError, StoreError: as :func:`ingest` would.
    """
    started = time.monotonic()
    reader = make_reader(settings, readers)
    options = target.options(settings, reader.readers)
    check_folders(target.folders, options)
    report = IngestReport(target.collection, target.embedding, dry_run=True)
    embeddings = make_embeddings(settings, target.embedding)
    store = open_store(settings)
    try:
        stored = StoredFiles()
        if not rebuild and target.collection in store.names():
            collection = store.get(target.collection)
            collection.require(fingerprint_of(embeddings, settings), target.embedding)
            stored = collection.stored_files()
        plan = plan_sync(target.folders, settings.base_dir, stored, options)
        if embeddings.sends_texts_away:
            with reader:
                report.outgoing = _outgoing(settings, target, embeddings, plan, stored, reader)
    finally:
        store.close()
    start_report(report, plan)
    report.renamed = sum(file.renamed_from is not None for file in plan.pending)
    report.new = sum(file.is_new for file in plan.pending) - report.renamed
    report.updated = len(plan.pending) - report.new - report.renamed
    report.removed = len(plan.lost) if delete else 0
    report.plan = list(_describe(plan, delete))
    report.chunks_total = stored.chunks
    report.seconds = time.monotonic() - started
    return report


def _describe(plan: Plan, delete: bool) -> Iterator[PlannedChange]:
    for file in plan.pending:
        if file.renamed_from is not None:
            yield PlannedChange("rename", file.key.source, file.renamed_from.source)
        else:
            yield PlannedChange("add" if file.is_new else "update", file.key.source)
    if delete:
        yield from (PlannedChange("remove", key.source) for key in plan.lost)


def _outgoing(
    settings: Settings,
    target: IngestTarget,
    embeddings: PipelineEmbeddings,
    plan: Plan,
    stored: StoredFiles,
    reader: LimitedReader,
) -> Outgoing:
    """Read and cut what would be embedded, and count; a file that cannot be read is the ingest's to report."""
    texts = tokens = 0
    for read in read_files(plan.pending, reader, embeddings, settings.chunking.max_tokens):
        present = stored.chunk_ids(read.version) if read.version else {}
        missing = [chunk for index, chunk in enumerate(read.chunks) if index not in present]
        known = stored.texts([chunk.text_sha256 for chunk in missing])
        sent = [chunk for chunk in missing if chunk.text_sha256 not in known]
        texts += len(sent)
        tokens += sum(chunk.tokens for chunk in sent)
    price = getattr(settings.embedding(target.embedding), "price_per_million_tokens", None)
    return Outgoing(texts, tokens, None if price is None else round(price * tokens / 1_000_000, 6))
