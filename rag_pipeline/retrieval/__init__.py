"""Hits become passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.lazy_names import lazy_names

if TYPE_CHECKING:
    from rag_pipeline.passages import Explanation, Passage
    from rag_pipeline.retrieval.factory import open_searcher, open_searchers
    from rag_pipeline.retrieval.multi import MultiSearcher, SeveralSearcher
    from rag_pipeline.retrieval.options import SearchOptions
    from rag_pipeline.retrieval.protocol import AnySearcher
    from rag_pipeline.retrieval.searcher import Searcher

_HOMES = {
    "AnySearcher": "rag_pipeline.retrieval.protocol",
    "Explanation": "rag_pipeline.passages",
    "MultiSearcher": "rag_pipeline.retrieval.multi",
    "Passage": "rag_pipeline.passages",
    "SearchOptions": "rag_pipeline.retrieval.options",
    "Searcher": "rag_pipeline.retrieval.searcher",
    "SeveralSearcher": "rag_pipeline.retrieval.multi",
    "open_searcher": "rag_pipeline.retrieval.factory",
    "open_searchers": "rag_pipeline.retrieval.factory",
}

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

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
