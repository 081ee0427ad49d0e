"""The configuration: read, checked, frozen."""

from rag_pipeline.config.names import COLLECTION_NAME, CONFIG_FILE, ENV_PREFIX
from rag_pipeline.config.sections import (
    AnswerSettings,
    BundledEmbedding,
    ChunkingSettings,
    CollectionSettings,
    EmbeddingSettings,
    EngineSettings,
    GeminiEmbedding,
    HnswSettings,
    HuggingFaceEmbedding,
    MeanPoolingEmbedding,
    MetadataRule,
    ReadingSettings,
    RerankMethod,
    RerankSettings,
    RetrievalMode,
    RetrievalSettings,
    StoreSettings,
)
from rag_pipeline.config.settings import Settings, load_settings

__all__ = [
    "COLLECTION_NAME",
    "CONFIG_FILE",
    "ENV_PREFIX",
    "AnswerSettings",
    "BundledEmbedding",
    "ChunkingSettings",
    "CollectionSettings",
    "EmbeddingSettings",
    "EngineSettings",
    "GeminiEmbedding",
    "HnswSettings",
    "HuggingFaceEmbedding",
    "MeanPoolingEmbedding",
    "MetadataRule",
    "ReadingSettings",
    "RerankMethod",
    "RerankSettings",
    "RetrievalMode",
    "RetrievalSettings",
    "Settings",
    "StoreSettings",
    "load_settings",
]
