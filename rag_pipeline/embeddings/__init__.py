"""A text becomes a vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.lazy_names import lazy_names

if TYPE_CHECKING:
    from rag_pipeline.embeddings.base import DocumentText, EmbeddedBatch, EmbeddingIdentity, PipelineEmbeddings
    from rag_pipeline.embeddings.factory import make_embeddings
    from rag_pipeline.embeddings.gemini.embeddings import GeminiEmbeddings
    from rag_pipeline.embeddings.local.transformer import MeanPoolingEmbeddings, TransformerEmbeddings

__all__ = [
    "DocumentText",
    "EmbeddedBatch",
    "EmbeddingIdentity",
    "GeminiEmbeddings",
    "MeanPoolingEmbeddings",
    "PipelineEmbeddings",
    "TransformerEmbeddings",
    "make_embeddings",
]

# Whoever runs a local model does not load what talks to Gemini, and the other way round.
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "DocumentText": "rag_pipeline.embeddings.base",
        "EmbeddedBatch": "rag_pipeline.embeddings.base",
        "EmbeddingIdentity": "rag_pipeline.embeddings.base",
        "GeminiEmbeddings": "rag_pipeline.embeddings.gemini.embeddings",
        "MeanPoolingEmbeddings": "rag_pipeline.embeddings.local.transformer",
        "PipelineEmbeddings": "rag_pipeline.embeddings.base",
        "TransformerEmbeddings": "rag_pipeline.embeddings.local.transformer",
        "make_embeddings": "rag_pipeline.embeddings.factory",
    },
)
