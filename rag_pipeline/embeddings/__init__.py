"""A text becomes a vector."""

from rag_pipeline.embeddings.base import EmbeddingIdentity, PipelineEmbeddings
from rag_pipeline.embeddings.factory import make_embeddings
from rag_pipeline.embeddings.mean_pooling import MeanPoolingEmbeddings

__all__ = ["EmbeddingIdentity", "MeanPoolingEmbeddings", "PipelineEmbeddings", "make_embeddings"]
