"""Brings folders into a collection, so that it may be cut off anywhere and run again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag_pipeline.documents import FolderScan
from rag_pipeline.errors import UsageError
from rag_pipeline.ingestion.engine import Engine
from rag_pipeline.ingestion.plan import FolderOptions, Plan, plan_sync
from rag_pipeline.ingestion.report import IngestReport, Progress
from rag_pipeline.ingestion.writing import ChunkWriter
from rag_pipeline.store import Collection
from rag_pipeline.store.records import StoredFiles

_MOST_REMOVED = 0.5


@dataclass(frozen=True)
class SyncOptions:
    """How a sync is to go about it."""

    base_dir: Path
    """Where folder names in the collection are relative to."""
    folders: FolderOptions = field(default_factory=FolderOptions)
    """What is taken of the folders."""
    exclusive: bool = False
    """Remove documents of other folders too."""
    delete: bool = True
    """Remove what was deleted from the folders."""
    confirm_removal: Callable[[int, int], bool] | None = None
    """Asked with the documents to remove and those stored, before more than half of a collection goes; None: no."""


def sync_folders(
    scans: Sequence[FolderScan],
    collection: Collection,
    engine: Engine,
    report: IngestReport,
    options: SyncOptions,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Make a collection hold what the folders hold.

    The caller holds the store's writer lock and has checked the collection's fingerprint.

    Args:
        scans: the folders, as they were listed.
        collection: where to.
        engine: reads the files and turns their chunks into vectors.
        report: filled as the work goes on, so that it is true also when the work is cut off.
        options: how to go about it.
        on_progress: called after each batch that was written.

    Raises:
        UsageError: more than half of the collection would be removed and that was not confirmed; nothing was changed.
        StoreError: the store cannot be written; what was written before is kept.
        EmbeddingError, ServiceError: texts cannot be embedded; what was embedded before is written and kept.
    """
    started = time.monotonic()
    stored = collection.stored_files()
    plan = plan_sync(scans, options.base_dir, stored, options.folders, exclusive=options.exclusive)
    start_report(report, plan)
    check_removal(plan, stored, options)
    writer = ChunkWriter(collection, report, stored, plan, on_progress)
    try:
        with collection.indexing(stored.all_ids()):
            engine.run(plan.pending, writer)
            writer.remove(plan.stale_ids)
            # What is kept unless it came back under another name is kept until it is there.
            deleted = plan.removed if options.delete else [key for key in plan.removed if key in writer.renamed]
            writer.remove([chunk for key in deleted for chunk in stored.ids(key)])
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
    report.warnings += plan.warnings
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
            f"{lost} of {known} documents in the collection are no longer in the folder; nothing was changed. If that"
            " is meant, run again with --yes; to keep them, with --no-delete"
        )
