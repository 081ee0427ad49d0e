"""Vectors are kept: the Chroma client, one collection, its fingerprint, the writer lock."""

from rag_pipeline.store.collection import Collection, Hit
from rag_pipeline.store.fingerprint import Fingerprint
from rag_pipeline.store.records import ChunkRecord
from rag_pipeline.store.store import Store

__all__ = ["ChunkRecord", "Collection", "Fingerprint", "Hit", "Store"]
