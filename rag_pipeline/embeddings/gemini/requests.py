"""What is sent to Gemini's ``batchEmbedContents``, and what must come back.

Request and reply are those of https://ai.google.dev/api/embeddings; how a model wants to be told the task is in
https://ai.google.dev/gemini-api/docs/embeddings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rag_pipeline.embeddings.base import DocumentText, readable
from rag_pipeline.embeddings.token_estimate import estimate_tokens
from rag_pipeline.errors import ConfigurationError
from rag_pipeline.gemini.failures import ReplyError
from rag_pipeline.vectors import unit_vectors

TaskStyle = Literal["prompt", "task_type", "none"]
QUERY_PROMPT = "task: search result | query: {text}"
DOCUMENT_PROMPT = "title: {title} | text: {text}"
_NO_TITLE = "none"
_DOCUMENT_TASK = "RETRIEVAL_DOCUMENT"
_QUERY_TASK = "RETRIEVAL_QUERY"
# Of the numbers around each text in a request.
_BYTES_AROUND = 200
_SMALLEST_NORM = 1e-12
Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KnownModel:
    """What the documentation says of a model."""

    task_style: TaskStyle
    max_tokens: int


KNOWN_MODELS = {
    "gemini-embedding-2": KnownModel("prompt", 8192),
    "gemini-embedding-001": KnownModel("task_type", 2048),
}


def resolve_model(model: str, task_style: TaskStyle | Literal["auto"], max_tokens: int | None) -> tuple[TaskStyle, int]:
    """Task style and token limit of a model: as given, or as documented.

    Raises:
        ConfigurationError: the model is unknown here and the settings do not say.
    """
    known = KNOWN_MODELS.get(model)
    if known is None and (task_style == "auto" or max_tokens is None):
        raise ConfigurationError(
            f"Gemini model {model!r} is not one of those known here ({', '.join(KNOWN_MODELS)}); say for it task_style"
            " (prompt, task_type or none) and max_tokens"
        )
    if known is None:
        assert task_style != "auto"
        assert max_tokens is not None
        return task_style, max_tokens
    return known.task_style if task_style == "auto" else task_style, max_tokens or known.max_tokens


@dataclass(frozen=True)
class Item:
    """One text as it is sent."""

    position: int
    text: str
    title: str
    """For the field of that name; empty: none is sent."""
    task: str
    """For the field ``taskType``; empty: none is sent."""
    tokens: int

    @property
    def size(self) -> int:
        """Bytes it takes in a request: the SDK writes JSON in ASCII, where a Hangul syllable takes six."""
        return len(json.dumps(self.text)) + len(json.dumps(self.title)) + _BYTES_AROUND


def document_item(position: int, document: DocumentText, style: TaskStyle) -> Item:
    """A document as a model of that style wants it."""
    whole, title, body = readable(document.text), readable(document.title), readable(document.body)
    title, body = (title, body) if title and body else ("", whole)
    if style == "prompt":
        text = DOCUMENT_PROMPT.replace("{title}", title or _NO_TITLE).replace("{text}", body)
        return Item(position, text, "", "", estimate_tokens(text))
    if style == "task_type":
        return Item(position, body, title, _DOCUMENT_TASK, estimate_tokens(f"{title} {body}"))
    return Item(position, whole, "", "", estimate_tokens(whole))


def query_item(question: str, style: TaskStyle) -> Item:
    """A question as a model of that style wants it."""
    question = readable(question)
    text = QUERY_PROMPT.replace("{text}", question) if style == "prompt" else question
    return Item(0, text, "", _QUERY_TASK if style == "task_type" else "", estimate_tokens(text))


def batches(items: Iterable[Item], *, texts: int, size: int, tokens: int | None) -> Iterator[list[Item]]:
    """Items in requests, none above a number of texts, of bytes and of tokens; an item too large goes alone."""
    batch: list[Item] = []
    used = used_tokens = 0
    for item in items:
        full = len(batch) >= texts or used + item.size > size
        if batch and (full or (tokens is not None and used_tokens + item.tokens > tokens)):
            yield batch
            batch, used, used_tokens = [], 0, 0
        batch.append(item)
        used += item.size
        used_tokens += item.tokens
    if batch:
        yield batch


def request_body(batch: Sequence[Item], model: str, dimension: int) -> dict[str, Any]:
    """The body of one request. Title and task are per text, which the SDK's own arguments cannot say."""
    name = model if model.startswith("models/") else f"models/{model}"
    requests = []
    for item in batch:
        request: dict[str, Any] = {
            "model": name,
            "content": {"parts": [{"text": item.text}]},
            "outputDimensionality": dimension,
        }
        if item.task:
            request["taskType"] = item.task
        if item.title:
            request["title"] = item.title
        requests.append(request)
    return {"requests": requests}


def read_vectors(reply: Any, count: int, dimension: int) -> Vectors:
    """Vectors of a reply, checked and made unit length: shortened ones are not (FAQ of the documentation).

    Args:
        reply: the SDK's ``EmbedContentResponse``.
        count: how many texts were sent.
        dimension: length of the vectors that was asked for.

    Returns:
        Shape (count, dimension), float64.

    Raises:
        ReplyError: another count, another dimension, or a number that is none.
    """
    rows = [embedding.values or [] for embedding in reply.embeddings or []]
    if len(rows) != count:
        raise ReplyError(f"{len(rows)} vectors for {count} texts")
    other = next((len(row) for row in rows if len(row) != dimension), None)
    if other is not None:
        raise ReplyError(f"a vector of {other} numbers where {dimension} were asked for; set `dimension`", lasting=True)
    vectors = np.asarray(rows, dtype=np.float64)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(norms).all():
        raise ReplyError("a vector holds numbers that are not finite")
    if (norms < _SMALLEST_NORM).any():
        raise ReplyError("a vector of nothing but zeros")
    return unit_vectors(vectors)
