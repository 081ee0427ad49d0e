"""Any LangChain ``Embeddings`` in the pipeline."""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from langchain_core.embeddings import Embeddings

from rag_pipeline import forking
from rag_pipeline.embeddings.base import EmbeddingIdentity, PipelineEmbeddings
from rag_pipeline.embeddings.token_estimate import estimate_tokens
from rag_pipeline.errors import EmbeddingError, RagPipelineError
from rag_pipeline.masking import mask_keys, secrets_in
from rag_pipeline.text import one_line
from rag_pipeline.vectors import unit_vectors

# Where classes of LangChain keep what they call. A deployment is a name of the user's own, which may run any model; so
# both are told.
_NAMES = ("model_name", "model", "model_id", "repo_id")
_DEPLOYMENTS = ("azure_deployment", "deployment", "deployment_name", "endpoint_name", "endpoint_url")
# Where an embedding that hands over to another keeps it: CacheBackedEmbeddings and its like.
_INNER = ("underlying_embeddings", "embeddings", "base_embeddings")
_LONGEST = 300
_logger = logging.getLogger("rag_pipeline")
# Kinds of which it has been said that they do not tell their model.
_told: set[str] = set()

T = TypeVar("T")


class WrappedEmbeddings(PipelineEmbeddings):
    """A LangChain ``Embeddings`` of someone else's, its vectors brought to length one.

    Args:
        embeddings: the embedding.
        name: what it is called in the fingerprint of collections; None: its class, and its model where it tells.
        max_tokens: tokens it reads of one text, as they are estimated here; None: no limit.
    """

    def __init__(self, embeddings: Embeddings, name: str | None = None, max_tokens: int | None = None) -> None:
        self.embeddings = embeddings
        self._name = name or _name_of(embeddings)
        if name is None and " " not in self._name and self._name not in _told:
            # No warning of Python's: an app that makes errors of those would fail for what is no fault of its own.
            _told.add(self._name)
            _logger.warning(
                "%s does not tell which model it runs, so that another one of its kind is known by its vectors only;"
                " give WrappedEmbeddings(…, name=…) to name it",
                self._name,
            )
        self._max_tokens = max_tokens
        self._dimension: int | None = None
        self._lock = threading.Lock()
        forking.renew_locks(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return WrappedEmbeddings, (self.embeddings, self._name, self._max_tokens)

    @property
    def identity(self) -> EmbeddingIdentity:
        """What the vectors depend on, as far as it can be told from outside; the dimension is asked for once."""
        with self._lock:
            if self._dimension is None:
                self._dimension = len(self.embed_query("dimension"))
        return EmbeddingIdentity(
            provider="langchain",
            model=self._name,
            revision="",
            pooling="",
            normalize=True,
            query_prompt="",
            document_prompt="",
            dimension=self._dimension,
            max_tokens=self._max_tokens,
        )

    @property
    def max_tokens(self) -> int | None:
        """Tokens it reads of one text."""
        return self._max_tokens

    def count_document_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, estimated on the high side: LangChain's interface does not tell."""
        return [estimate_tokens(text) for text in texts]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of documents, in the order of the texts."""
        return self._unit(self._asked(lambda: self.embeddings.embed_documents(texts)), len(texts))

    def embed_query(self, text: str) -> list[float]:
        """Vector of a question."""
        return self._unit([self._asked(lambda: self.embeddings.embed_query(text))], 1)[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of documents, as the embedding itself does it without holding up the event loop."""
        return self._unit(await self._awaited(self.embeddings.aembed_documents(texts)), len(texts))

    async def aembed_query(self, text: str) -> list[float]:
        """Vector of a question, as the embedding itself does it without holding up the event loop."""
        return self._unit([await self._awaited(self.embeddings.aembed_query(text))], 1)[0]

    def _asked(self, call: Callable[[], T]) -> T:
        """What a call of the embedding gives; whatever it raises becomes an error in one line."""
        try:
            return forking.on_own_threads(call)
        except RagPipelineError:
            raise
        except Exception as error:
            failure = self._failure(error)
        # Outside of the handler: what libraries raise may hold the request, headers and all.
        raise failure

    async def _awaited(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except RagPipelineError:
            raise
        except Exception as error:
            failure = self._failure(error)
        raise failure

    def _failure(self, error: Exception) -> EmbeddingError:
        # Masked before it is cut: half a key would no longer be known as one.
        problem = mask_keys(f"{type(error).__name__}: {one_line(error)}", secrets_in(self.embeddings))
        return EmbeddingError(f"{self._name} failed: {problem[:_LONGEST]}")

    def _unit(self, vectors: Any, count: int) -> list[list[float]]:
        if count == 0:
            return []
        try:
            rows = np.asarray(vectors, dtype=np.float32)
        except (TypeError, ValueError):  # rows that differ in length, or are none
            rows = np.empty(0, np.float32)
        if rows.ndim != 2 or len(rows) != count or not rows.shape[1] or not np.isfinite(rows).all():
            raise EmbeddingError(f"{self._name} gave vectors that are not {count} rows of finite numbers")
        result: list[list[float]] = unit_vectors(rows).tolist()
        return result


def as_pipeline_embeddings(embeddings: Embeddings) -> PipelineEmbeddings:
    """The embedding itself if it is one of the pipeline's, else wrapped."""
    return embeddings if isinstance(embeddings, PipelineEmbeddings) else WrappedEmbeddings(embeddings)


def _name_of(embeddings: Embeddings) -> str:
    embeddings = _innermost(embeddings)
    kind = f"{type(embeddings).__module__.partition('.')[0]}.{type(embeddings).__qualname__}"
    told = [
        next((str(found) for name in names if (found := getattr(embeddings, name, None))), None)
        for names in (_NAMES, _DEPLOYMENTS)
    ]
    # Each once: some keep the deployment as the model too.
    return " ".join(dict.fromkeys([kind, *filter(None, told)]))


def _innermost(embeddings: Embeddings) -> Embeddings:
    """The embedding behind those that hand texts over to it."""
    seen: list[Embeddings] = []
    while embeddings not in seen:
        seen.append(embeddings)
        inner = (getattr(embeddings, name, None) for name in _INNER)
        embeddings = next((found for found in inner if isinstance(found, Embeddings)), embeddings)
    return embeddings
