"""Pooling, prompts and limit: what was asked for, or what the model was trained with."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from rag_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from rag_pipeline.config import Pooling
    from rag_pipeline.embeddings.local.checkpoint import Checkpoint


def resolve_prompt(option: str, asked: str, trained: str, name: str) -> str:
    """The prompt to use; one that differs from what the checkpoint says is warned of.

    Args:
        option: what it is called, ``query_prompt`` or ``document_prompt``.
        asked: the prompt, or ``auto``.
        trained: what the checkpoint says; empty: nothing.
        name: the model.
    """
    if asked == "auto":
        return trained
    if trained and asked != trained:
        warnings.warn(
            f"model {name} was trained with {option} {trained!r} (config_sentence_transformers.json) and is used with"
            f" {asked!r}; set {option}: auto to follow it",
            stacklevel=3,
        )
    return asked


def resolve_pooling(pooling: Pooling, checkpoint: Checkpoint) -> tuple[str, ...]:
    """The ways of pooling whose vectors are joined; one that differs from what the checkpoint says is warned of."""
    trained = checkpoint.recipe.pooling
    if pooling == "auto":
        return trained or ("mean",)
    if trained is not None and trained != (pooling,):
        warnings.warn(
            f"model {checkpoint.name} was trained with {checkpoint.trained_pooling} pooling"
            f" and is used with {pooling}; set pooling: auto to follow it",
            stacklevel=3,
        )
    return (pooling,)


def resolve_limit(asked: int | None, checkpoint: Checkpoint) -> int | None:
    """The most tokens of a text; None: no limit.

    Raises:
        ConfigurationError: more is asked for than the model reads.
    """
    limit = checkpoint.max_tokens
    if asked is not None and limit is not None and asked > limit:
        raise ConfigurationError(f"max_tokens {asked} is more than the {limit} that model {checkpoint.name} reads")
    return asked or limit
