"""Hits become passages."""

from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.dense import Searcher, open_searcher

__all__ = ["Passage", "Searcher", "open_searcher"]
