"""One ingest from the configuration: the collection, its lock, its fingerprint, and the sync."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag_pipeline.config import Settings
from rag_pipeline.documents import Reader
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.ingestion.engine import Engine, LocalEngine
from rag_pipeline.ingestion.preparation import Preparation, prepared
from rag_pipeline.ingestion.report import IngestReport, Progress
from rag_pipeline.ingestion.sync import SyncOptions, sync_folders
from rag_pipeline.ingestion.targets import IngestTarget
from rag_pipeline.probe import ModelCheck
from rag_pipeline.store import Collection

__all__ = ["IngestTarget", "ingest"]


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
        rebuild: recreate the collection alongside the old one, which is replaced only when the new one is whole.
        delete: remove documents that are no longer in the folders.
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
    report = report or IngestReport(target.collection, target.embedding or "")
    with prepared(settings, target, embeddings, readers) as parts:
        # A bad folder, or a model without a key, must leave no empty store behind. Where there is a store, folders are
        # listed under its lock: what another process brings in meanwhile must not look as if it had been deleted.
        scans = None
        if not parts.store.exists:
            scans = parts.scan()
            parts.embeddings.check_ready()
        with parts.store.writer():
            report.embedding = parts.embedding
            parts.embeddings.check_ready()
            if scans is None or parts.store.names():
                scans = parts.scan()
            collection = _collection(parts, target.collection, rebuild=rebuild)
            engine = _engine(settings, parts, collection, embeddings, readers)
            sync_folders(
                scans,
                collection,
                engine,
                report,
                SyncOptions(
                    settings.base_dir,
                    parts.options,
                    exclusive=rebuild,
                    delete=delete,
                    # What is recreated has nothing to lose but what a run before it left.
                    confirm_removal=(lambda *_: True) if rebuild else confirm_removal,
                ),
                on_progress=on_progress,
            )
            if rebuild:
                parts.store.replace(target.collection, collection)
    return report


def _collection(parts: Preparation, name: str, *, rebuild: bool) -> Collection:
    """The collection to write to: the one that is there, a new one, or one that will replace it."""
    if rebuild:
        return parts.store.staging(name, parts.fingerprint, parts.embedding, "rebuild")
    existing = parts.existing_collection()
    if existing is not None:
        return existing
    # One that is empty was left by a run that ended before its first chunk: there is nothing to mix with.
    make = parts.store.recreate if name in parts.store.names() else parts.store.create
    return make(name, parts.fingerprint, parts.embedding)


def _engine(
    settings: Settings,
    parts: Preparation,
    collection: Collection,
    own: PipelineEmbeddings | None,
    readers: Sequence[Reader],
) -> Engine:
    if settings.engine.kind != "ray":
        model = ModelCheck(collection, parts.embeddings)
        return LocalEngine(
            parts.embeddings,
            parts.reader,
            settings.chunking.max_tokens,
            lambda: model.compare_or_keep(parts.fingerprint),
        )
    from rag_pipeline.ingestion.ray.engine import RayEngine

    return RayEngine.of(settings, parts.embedding, own, readers)
