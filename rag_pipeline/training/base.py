"""The model of an embedding as sentence-transformers trains it, and back into a checkpoint folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.errors import ConfigurationError
from rag_pipeline.training.quiet import quiet

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

EXTRA_PACKAGES = ("sentence_transformers", "datasets", "accelerate")
# Vectors of the trained folder by our own code and by sentence-transformers, both in float32.
_LEAST_COSINE = 0.999
_SAMPLES = ["최대 흘수가 12.04 m인 컨테이너선", "the container ship with the largest draft", "짧은 글"]


def check_installed() -> None:
    """Refuse before any work.

    Raises:
        ConfigurationError: the extra ``train`` is not installed.
    """
    missing = [name for name in EXTRA_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(f"this needs {', '.join(missing)}: pip install 'rag-pipeline[train]'")


def check_trainable(embeddings: PipelineEmbeddings, name: str) -> TransformerEmbeddings:
    """The embedding, if its weights are here and can be trained.

    Raises:
        ConfigurationError: it is a service, a model of another provider, or an adapter.
    """
    if not isinstance(embeddings, TransformerEmbeddings):
        provider = embeddings.identity.provider
        raise ConfigurationError(
            f"embedding {name!r} is of provider {provider}, whose weights cannot be trained here; choose one of"
            " provider bundled or mean_pooling with --embedding"
        )
    if embeddings.checkpoint.adapter is not None:
        raise ConfigurationError(
            f"the model of embedding {name!r} is an adapter over another; merge the two into one folder before training"
            " (merge_and_unload() of peft), and name that"
        )
    return embeddings


def trainable_model(embeddings: TransformerEmbeddings, device: str) -> SentenceTransformer:
    """The checkpoint of an embedding as a ``SentenceTransformer``, pooled and prompted as the embedding does it.

    Raises:
        CheckpointError: the checkpoint cannot be loaded.
    """
    from sentence_transformers import SentenceTransformer

    checkpoint, identity = embeddings.checkpoint, embeddings.identity
    with quiet():
        if any(layer.kind != "Normalize" for layer in checkpoint.recipe.layers):
            model = SentenceTransformer(str(checkpoint.root), device=device, local_files_only=True)
        else:
            model = SentenceTransformer(modules=_modules(embeddings), device=device)
    model.prompts = {"query": identity.query_prompt, "document": identity.document_prompt}
    model.default_prompt_name = None
    if identity.max_tokens is not None:
        model.max_seq_length = identity.max_tokens
    return model


def _modules(embeddings: TransformerEmbeddings) -> list[nn.Module]:
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    checkpoint, identity = embeddings.checkpoint, embeddings.identity
    transformer = Transformer(
        str(checkpoint.folder),
        model_kwargs={"local_files_only": True, "dtype": "float32"},
        config_kwargs={"local_files_only": True, **checkpoint.recipe.config_arguments},
        processor_kwargs={"local_files_only": True, **checkpoint.recipe.tokenizer_arguments},
        max_seq_length=identity.max_tokens,
        do_lower_case=checkpoint.recipe.lower_case,
    )
    modes = tuple(identity.pooling.split("+"))
    pooling = Pooling(transformer.get_embedding_dimension(), modes, checkpoint.recipe.include_prompt)
    return [transformer, pooling, *([Normalize()] if identity.normalize else [])]


def check_same_vectors(folder: Path) -> None:
    """Whether our own embedding reads a trained folder as sentence-transformers does.

    Raises:
        ConfigurationError: the vectors differ; a folder of that kind is not to be used.
    """
    from sentence_transformers import SentenceTransformer

    with quiet():
        theirs = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        own = TransformerEmbeddings(folder, device="cpu", dtype="float32")
        wanted = np.asarray(theirs.encode(_SAMPLES, prompt_name="document", normalize_embeddings=True), np.float32)
        found = np.asarray(own.embed_documents(_SAMPLES), np.float32)
    if float((wanted * found).sum(axis=1).min()) < _LEAST_COSINE:
        raise ConfigurationError(
            f"the trained model in {folder} gives other vectors here than in sentence-transformers"
        )


def save(model: SentenceTransformer, folder: Path) -> None:
    """Write an ordinary checkpoint folder: safetensors, tokenizer, modules, prompts."""
    with quiet():
        model.save(str(folder), create_model_card=False, safe_serialization=True)
