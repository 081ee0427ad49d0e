"""What a chat model raised, in words, without the keys that it was asked with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from rag_pipeline.answering.chat_model import is_gemini
from rag_pipeline.answering.given_model import is_gemini_model, layers, model_name, models_in
from rag_pipeline.errors import RagPipelineError, ServiceError
from rag_pipeline.gemini.api_key import KEY_VARIABLES, ApiKey
from rag_pipeline.gemini.failures import GeminiCall, read_call_failure
from rag_pipeline.masking import mask_keys, secrets_in
from rag_pipeline.text import one_line

_LONGEST = 500


def describe_failure(error: Exception, model: object, name: str, base_url: str | None = None) -> RagPipelineError:
    """Any error of a chat model in one line.

    It is told with the key that the model itself was made with; the environment may hold another, or none.

    Args:
        error: what was raised.
        model: the chat model, with whatever is around it.
        name: what it is called in the configuration.
        base_url: where it is called, where that is not said by the model itself.
    """
    if isinstance(error, RagPipelineError):
        return error
    secrets = {secret for layer in layers(model) for secret in secrets_in(layer)}
    inner = models_in(model)
    theirs = [one for one in inner if is_gemini_model(one)]
    # Time limits and lost connections are raised alike for all services: they are Gemini's where no other is in it.
    alone = len(theirs) == len(inner) or (not theirs and is_gemini(name))
    if alone or "google.genai.errors" in sys.modules:
        call = _call_of(theirs[0] if theirs else None, name, base_url, secrets)
        for cause in _causes(error):
            failure = read_call_failure(cause, call) if alone or _is_of_google(cause) else None
            if failure is not None:
                return failure
    return ServiceError(f"{name} failed: {one_line(mask_keys(_said(error), secrets), _LONGEST)}")


def _call_of(model: Any, name: str, base_url: str | None, secrets: set[str]) -> GeminiCall:
    is_vertex = bool(getattr(model, "_use_vertexai", False))
    place = getattr(model, "base_url", None)
    return GeminiCall(
        model=model_name(model) or name.rpartition(":")[2],
        key=_key_of(model, is_vertex=is_vertex, is_ours=model is None and is_gemini(name)),
        base_url=base_url or (place if isinstance(place, str) else None),
        paced=False,
        service="Vertex AI" if is_vertex else "Gemini",
        secrets=secrets,
    )


def _key_of(model: Any, *, is_vertex: bool, is_ours: bool) -> ApiKey | None:
    """The key that a model of Gemini's goes by, and where it is from; None: it goes by other credentials.

    Args:
        model: of LangChain's class; None: one that Gemini failed in, and that is of another class.
        is_vertex: whether it asks Vertex AI.
        is_ours: whether the configuration names it, so that it goes by the environment's key.
    """
    given = getattr(model, "google_api_key", None)
    value = given.get_secret_value() if isinstance(given, SecretStr) else str(given or "")
    if is_vertex and (not value or getattr(model, "project", None)):
        return None
    held = {variable: os.environ.get(variable, "").strip() for variable in KEY_VARIABLES}
    origin = next((variable for variable, key in held.items() if key and (is_ours or key == value)), None)
    return ApiKey(SecretStr(held[origin] if origin else value), origin or "the chat model that was given")


def _is_of_google(error: BaseException) -> bool:
    from google.genai.errors import APIError

    return isinstance(error, APIError)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _said(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")
