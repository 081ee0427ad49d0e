"""Vectors are kept: the Chroma client, one collection, its fingerprint, the writer lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.lazy_names import lazy_names

if TYPE_CHECKING:
    from rag_pipeline.store.collection import Collection, Hit
    from rag_pipeline.store.fingerprint import Fingerprint
    from rag_pipeline.store.records import ChunkRecord
    from rag_pipeline.store.store import Store

_HOMES = {
    "ChunkRecord": "rag_pipeline.store.records",
    "Collection": "rag_pipeline.store.collection",
    "Fingerprint": "rag_pipeline.store.fingerprint",
    "Hit": "rag_pipeline.store.collection",
    "Store": "rag_pipeline.store.store",
}

__all__ = ["ChunkRecord", "Collection", "Fingerprint", "Hit", "Store"]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
