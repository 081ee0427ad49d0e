"""Which prompt goes before a text: the one that was asked for, or the one the model was trained with."""

from __future__ import annotations

import warnings


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
