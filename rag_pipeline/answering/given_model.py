"""Chat models as callers give them: plain, or with fallbacks, retries, bound arguments or a config around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from langchain_core.language_models import BaseLanguageModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import Runnable
from langchain_core.runnables.retry import RunnableRetry

from rag_pipeline.errors import ServiceError

ChatModel: TypeAlias = Runnable[LanguageModelInput, Any]
"""A chat model, or what its ``with_fallbacks``, ``with_retry``, ``bind`` and ``with_config`` make of it."""

# Where LangChain's runnables keep what they are made of, in the order in which it is asked.
_PARTS = ("bound", "runnable", "default", "first", "middle", "last", "fallbacks", "alternatives")
_GEMINI_CLASS = "ChatGoogleGenerativeAI"


def layers(model: object) -> Iterator[object]:
    """A runnable and all that it is made of, from the outside in; of several models the one that is asked first."""
    yield model
    # Not by getattr, which some of these answer for what they hold.
    held = vars(model) if isinstance(model, Runnable) and hasattr(model, "__dict__") else {}
    for part in filter(None, map(held.get, _PARTS)):
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list | tuple) else [part]
        for one in parts:
            if isinstance(one, Runnable):
                yield from layers(one)


def models_in(model: object) -> list[object]:
    """The models in a runnable, the one that is asked first at the beginning; itself where it holds none."""
    return [layer for layer in layers(model) if isinstance(layer, BaseLanguageModel)] or [model]


def model_name(model: object) -> str:
    """What a model calls itself; empty where it does not tell."""
    names = (getattr(model, name, None) for name in ("model", "model_name", "model_id"))
    return next((name.removeprefix("models/") for name in names if isinstance(name, str) and name), "")


def is_gemini_model(model: object) -> bool:
    """Whether it is LangChain's class for Gemini and Vertex AI, or one made of it."""
    return any(base.__name__ == _GEMINI_CLASS for base in type(model).__mro__)


def tries_again(model: object) -> bool:
    """Whether a retry of LangChain's is in it, which holds for whole calls and not for streams."""
    return any(isinstance(layer, RunnableRetry) for layer in layers(model))


def as_chunk(said: Any, name: str) -> AIMessageChunk:
    """A reply, or a piece of one, as a piece of a message; what is text alone is one as well.

    Args:
        said: what the model gave.
        name: of the model, for the error.

    Raises:
        ServiceError: it is neither.
    """
    if isinstance(said, AIMessageChunk):
        return said
    if isinstance(said, str):
        return AIMessageChunk(content=said)
    if isinstance(said, AIMessage):
        return AIMessageChunk(
            content=said.content,
            additional_kwargs=said.additional_kwargs,
            response_metadata=said.response_metadata,
            usage_metadata=said.usage_metadata,
            tool_calls=said.tool_calls,
            id=said.id,
        )
    raise ServiceError(
        f"{name} gave {type(said).__name__} in place of a message; give the chat model without its parser"
    )
