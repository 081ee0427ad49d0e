"""Hits become passages."""

from rag_pipeline.retrieval.dense import Searcher, open_searcher
from rag_pipeline.retrieval.passages import Passage

__all__ = ["Passage", "Searcher", "open_searcher"]
