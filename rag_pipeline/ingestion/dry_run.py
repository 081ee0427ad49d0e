"""What an ingest would do, file by file; nothing is embedded or written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from rag_pipeline.config import Settings
from rag_pipeline.documents import Reader
from rag_pipeline.documents.sandbox import LimitedReader
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.ingestion.plan import Plan, plan_sync
from rag_pipeline.ingestion.preparation import prepared
from rag_pipeline.ingestion.reading import read_files
from rag_pipeline.ingestion.report import IngestReport, Outgoing, PlannedChange
from rag_pipeline.ingestion.sync import start_report
from rag_pipeline.ingestion.targets import IngestTarget
from rag_pipeline.store.records import StoredFiles


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
    with prepared(settings, target, readers=readers) as parts:
        scans = parts.scan()
        report = IngestReport(target.collection, parts.embedding, dry_run=True)
        stored = StoredFiles()
        if not rebuild and (collection := parts.existing_collection()) is not None:
            stored = collection.stored_files()
        plan = plan_sync(scans, settings.base_dir, stored, parts.options)
        if parts.embeddings.sends_texts_away:
            report.outgoing = _outgoing(settings, parts.embedding, parts.embeddings, plan, stored, parts.reader)
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
    embedding: str,
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
    price = getattr(settings.embedding(embedding), "price_per_million_tokens", None)
    return Outgoing(texts, tokens, None if price is None else round(price * tokens / 1_000_000, 6))
