"""The configuration of an embedding becomes the embedding."""

from __future__ import annotations

from rag_pipeline.config import BundledEmbedding, GeminiEmbedding, HuggingFaceEmbedding, MeanPoolingEmbedding, Settings
from rag_pipeline.embeddings.base import PipelineEmbeddings


def make_embeddings(settings: Settings, name: str) -> PipelineEmbeddings:
    """The embedding of a name in the configuration; its model is loaded at the first text.

    Raises:
        ConfigurationError: no embedding has that name, or its settings do not fit its model.
        CheckpointError: its model folder is incomplete.
        ServiceError: its model has to be downloaded and cannot be.
    """
    chosen = settings.embedding(name)
    if isinstance(chosen, BundledEmbedding):
        from rag_pipeline.embeddings.bundled.embeddings import bundled_embeddings

        cache_dir = settings.resolve_path(settings.cache_dir) if settings.cache_dir else None
        return bundled_embeddings(chosen, cache_dir)
    if isinstance(chosen, MeanPoolingEmbedding):
        from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings

        return TransformerEmbeddings(**chosen.model_dump(exclude={"provider"}), base_dir=settings.base_dir)
    if isinstance(chosen, GeminiEmbedding):
        from rag_pipeline.embeddings.gemini.embeddings import GeminiEmbeddings

        return GeminiEmbeddings(**chosen.model_dump(exclude={"provider", "price_per_million_tokens"}))
    assert isinstance(chosen, HuggingFaceEmbedding)
    from rag_pipeline.embeddings.local.huggingface import StockHuggingFaceEmbeddings

    return StockHuggingFaceEmbeddings(**chosen.model_dump(exclude={"provider"}), base_dir=settings.base_dir)
