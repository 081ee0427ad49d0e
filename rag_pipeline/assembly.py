"""The parts of the lower floor, put together as the configuration says."""

from __future__ import annotations

from collections.abc import Sequence

from rag_pipeline.config import Settings
from rag_pipeline.documents import Reader, Readers, ReadingOptions
from rag_pipeline.documents.apart import LimitedReader
from rag_pipeline.documents.chunking import CHUNKING_VERSION
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.embeddings.factory import make_embeddings
from rag_pipeline.store import Fingerprint, Store

__all__ = ["fingerprint_of", "make_embeddings", "make_reader", "open_store"]


def open_store(settings: Settings) -> Store:
    """The store of a configuration; nothing is made or read yet."""
    path = settings.resolve_path(settings.store.path).resolve()
    if settings.store.mode == "embedded":
        return Store(path, settings.store.hnsw)
    from rag_pipeline.store.remote import RemoteConnection

    return Store(RemoteConnection(settings.store, path), settings.store.hnsw)


def fingerprint_of(embeddings: PipelineEmbeddings, settings: Settings) -> Fingerprint:
    """The fingerprint of collections that an embedding makes under these settings."""
    reading = settings.reading
    fields = f"{reading.json_title} {reading.json_text}" if reading.json_title or reading.json_text else None
    return Fingerprint.of(embeddings.identity.as_dict(), settings.chunking.max_tokens, CHUNKING_VERSION, fields)


def make_reader(settings: Settings, own: Sequence[Reader] = ()) -> LimitedReader:
    """The readers of a configuration, within its limits; close it after use.

    Args:
        settings: the configuration.
        own: readers of the caller's, before all others.
    """
    reading = settings.reading
    readers = Readers(own, ReadingOptions(reading.json_title, reading.json_text))
    return LimitedReader(readers, seconds=reading.seconds_per_file, memory_mb=reading.memory_mb)
