"""The sync: what is new, changed or deleted in a folder; embed it; write it; report."""

from rag_pipeline.ingestion.plan import Plan, plan_sync
from rag_pipeline.ingestion.report import Failure, IngestReport, Progress
from rag_pipeline.ingestion.sync import sync_folders

__all__ = ["Failure", "IngestReport", "Plan", "Progress", "plan_sync", "sync_folders"]
