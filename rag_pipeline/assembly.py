"""The parts of the lower floor, put together as the configuration says."""

from __future__ import annotations

from dataclasses import fields

from rag_pipeline.config import Settings
from rag_pipeline.documents.chunking import CHUNKING_VERSION
from rag_pipeline.documents.reading_options import ReadingOptions
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.embeddings.factory import make_embeddings
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.store.embedded.connection import EmbeddedConnection

__all__ = ["embedding_name", "fingerprint_of", "make_embeddings", "open_store"]


def open_store(settings: Settings) -> Store:
    """The store of a configuration; nothing is made or read yet."""
    path = settings.resolve_path(settings.store.path).resolve()
    if settings.store.mode == "embedded":
        return Store(EmbeddedConnection(path, settings.store.queue_timeout), settings.store.hnsw)
    from rag_pipeline.store.server.connection import ServerConnection

    return Store(ServerConnection(settings.store, path), settings.store.hnsw)


def embedding_name(settings: Settings, store: Store, collection: str) -> str:
    """The embedding of a collection, by its name in the configuration.

    The one that the configuration names for it, else the one it was made with, else ``bundled``.
    """
    configured = settings.collections.get(collection)
    if configured is not None and configured.embedding is not None:
        return configured.embedding
    stored = store.find(collection)
    return (stored.embedding if stored else None) or "bundled"


def fingerprint_of(embeddings: PipelineEmbeddings, settings: Settings) -> Fingerprint:
    """The fingerprint of collections that an embedding makes under these settings."""
    reading = reading_options(settings)
    identity = embeddings.identity
    return Fingerprint.of(
        identity.as_dict(),
        settings.chunking.max_tokens,
        CHUNKING_VERSION,
        f"{reading.json_title} {reading.json_text}" if reading.json_title or reading.json_text else None,
        reading.changed or None,
        identity.earlier_revision,
    )


def reading_options(settings: Settings) -> ReadingOptions:
    """How files are read under these settings."""
    return ReadingOptions(**{entry.name: getattr(settings.reading, entry.name) for entry in fields(ReadingOptions)})
