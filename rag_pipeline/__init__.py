"""A LangChain RAG pipeline over a Chroma vector store, Korean and English first.

The names below are the public ones. They are imported when first used, so that ``import rag_pipeline`` costs
nothing: torch, transformers and chromadb come in with what needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.lazy_names import lazy_names

if TYPE_CHECKING:
    from rag_pipeline.answering import Answer
    from rag_pipeline.config import Settings, load_settings
    from rag_pipeline.embeddings import (
        GeminiEmbeddings,
        MeanPoolingEmbeddings,
        PipelineEmbeddings,
        TransformerEmbeddings,
        make_embeddings,
    )
    from rag_pipeline.errors import RagPipelineError
    from rag_pipeline.ingestion import IngestReport
    from rag_pipeline.ingestion.run import ingest
    from rag_pipeline.ingestion.targets import IngestTarget
    from rag_pipeline.integration.answer_chain import build_answer_chain
    from rag_pipeline.integration.retriever import PipelineRetriever
    from rag_pipeline.integration.vector_store import PipelineVectorStore
    from rag_pipeline.pipeline import Pipeline
    from rag_pipeline.retrieval import Explanation, Passage, Searcher, SearchOptions, open_searcher, open_searchers
    from rag_pipeline.store import Store

__version__ = "0.1.0"

_HOMES = {
    "Answer": "rag_pipeline.answering",
    "Explanation": "rag_pipeline.retrieval",
    "GeminiEmbeddings": "rag_pipeline.embeddings",
    "IngestReport": "rag_pipeline.ingestion",
    "IngestTarget": "rag_pipeline.ingestion.targets",
    "MeanPoolingEmbeddings": "rag_pipeline.embeddings",
    "Passage": "rag_pipeline.retrieval",
    "Pipeline": "rag_pipeline.pipeline",
    "PipelineEmbeddings": "rag_pipeline.embeddings",
    "PipelineRetriever": "rag_pipeline.integration.retriever",
    "PipelineVectorStore": "rag_pipeline.integration.vector_store",
    "RagPipelineError": "rag_pipeline.errors",
    "SearchOptions": "rag_pipeline.retrieval",
    "Searcher": "rag_pipeline.retrieval",
    "Settings": "rag_pipeline.config",
    "Store": "rag_pipeline.store",
    "TransformerEmbeddings": "rag_pipeline.embeddings",
    "build_answer_chain": "rag_pipeline.integration.answer_chain",
    "ingest": "rag_pipeline.ingestion.run",
    "load_settings": "rag_pipeline.config",
    "make_embeddings": "rag_pipeline.embeddings",
    "open_searcher": "rag_pipeline.retrieval",
    "open_searchers": "rag_pipeline.retrieval",
}

__all__ = [
    "Answer",
    "Explanation",
    "GeminiEmbeddings",
    "IngestReport",
    "IngestTarget",
    "MeanPoolingEmbeddings",
    "Passage",
    "Pipeline",
    "PipelineEmbeddings",
    "PipelineRetriever",
    "PipelineVectorStore",
    "RagPipelineError",
    "SearchOptions",
    "Searcher",
    "Settings",
    "Store",
    "TransformerEmbeddings",
    "build_answer_chain",
    "ingest",
    "load_settings",
    "make_embeddings",
    "open_searcher",
    "open_searchers",
]


__getattr__, __dir__ = lazy_names(__name__, _HOMES)
