"""Hits become passages."""

from rag_pipeline.passages import Explanation, Passage
from rag_pipeline.retrieval.factory import open_searcher, open_searchers
from rag_pipeline.retrieval.multi import MultiSearcher
from rag_pipeline.retrieval.options import SearchOptions
from rag_pipeline.retrieval.protocol import AnySearcher
from rag_pipeline.retrieval.searcher import Searcher

SeveralSearcher = MultiSearcher
"""The first name of :class:`MultiSearcher`."""

__all__ = [
    "AnySearcher",
    "Explanation",
    "MultiSearcher",
    "Passage",
    "SearchOptions",
    "Searcher",
    "SeveralSearcher",
    "open_searcher",
    "open_searchers",
]
