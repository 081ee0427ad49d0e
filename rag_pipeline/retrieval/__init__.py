"""Hits become passages."""

from rag_pipeline.passages import Explanation, Passage
from rag_pipeline.retrieval.opening import open_searcher, open_searchers
from rag_pipeline.retrieval.options import SearchOptions
from rag_pipeline.retrieval.searcher import Searcher
from rag_pipeline.retrieval.several import SeveralSearcher

__all__ = [
    "Explanation",
    "Passage",
    "SearchOptions",
    "Searcher",
    "SeveralSearcher",
    "open_searcher",
    "open_searchers",
]
