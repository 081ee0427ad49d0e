"""A text becomes a vector."""

from rag_pipeline.embeddings.base import DocumentText, EmbeddedBatch, EmbeddingIdentity, PipelineEmbeddings
from rag_pipeline.embeddings.factory import make_embeddings
from rag_pipeline.embeddings.gemini import GeminiEmbeddings
from rag_pipeline.embeddings.mean_pooling import MeanPoolingEmbeddings

__all__ = [
    "DocumentText",
    "EmbeddedBatch",
    "EmbeddingIdentity",
    "GeminiEmbeddings",
    "MeanPoolingEmbeddings",
    "PipelineEmbeddings",
    "make_embeddings",
]
