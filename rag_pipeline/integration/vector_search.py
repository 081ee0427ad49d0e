"""Dense search of one collection behind LangChain's interface for vector stores."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import UsageError
from rag_pipeline.integration.validation import check_query, check_vector
from rag_pipeline.retrieval.questions import check_k
from rag_pipeline.store import Collection, Hit


class CollectionVectorSearch(VectorStore, abc.ABC):
    """The half of a vector store that searches. Scores are inner products, higher is better."""

    _embeddings: PipelineEmbeddings
    _name: str

    @abc.abstractmethod
    def _opened(self) -> Collection:
        """The collection, opened if it has to be."""

    def similarity_search(
        self,
        query: str,
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> list[Document]:
        """The k documents of highest inner product, best first."""
        return [document for document, _ in self.similarity_search_with_score(query, k, filter)]

    async def asimilarity_search(
        self,
        query: str,
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> list[Document]:
        """As :meth:`similarity_search`, without holding up the event loop."""
        return [document for document, _ in await self.asimilarity_search_with_score(query, k, filter)]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> list[tuple[Document, float]]:
        """The k documents of highest inner product with it, best first."""
        return self._nearest(self._embeddings.embed_query(check_query(query)), k, filter)

    async def asimilarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> list[tuple[Document, float]]:
        """As :meth:`similarity_search_with_score`, without holding up the event loop."""
        vector = await self._embeddings.aembed_query(check_query(query))
        return await asyncio.to_thread(self._nearest, vector, k, filter)

    def similarity_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> list[Document]:
        """The k documents of highest inner product with a vector, best first."""
        return [document for document, _ in self._nearest(embedding, k, filter)]

    async def asimilarity_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> list[Document]:
        """As :meth:`similarity_search_by_vector`, in a thread."""
        return await asyncio.to_thread(self.similarity_search_by_vector, embedding, k, filter)

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> list[Document]:
        """Documents near the question and unlike each other, in the order they were chosen (Carbonell 1998)."""
        return self.max_marginal_relevance_search_by_vector(
            self._embeddings.embed_query(check_query(query)), k, fetch_k, lambda_mult, filter
        )

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> list[Document]:
        """As :meth:`max_marginal_relevance_search`, from a vector."""
        k, fetch_k = check_k(k), check_k(fetch_k, "fetch_k")
        if not isinstance(lambda_mult, int | float) or not 0 <= lambda_mult <= 1:
            raise UsageError(f"lambda_mult must be from 0 to 1, found {lambda_mult!r}")
        found = [document for document, _ in self._nearest(embedding, max(k, fetch_k), filter)]
        vectors = self._opened().vectors_of([str(document.id) for document in found])
        found = [document for document in found if document.id in vectors]
        rows = [vectors[str(document.id)].tolist() for document in found]
        question = np.asarray(embedding, dtype=np.float32)
        return [found[place] for place in maximal_marginal_relevance(question, rows, lambda_mult, k)] if rows else []

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda score: min(1.0, max(0.0, (1.0 + score) / 2))

    def _nearest(
        self, vector: Sequence[float], k: int, condition: Mapping[str, Any] | None
    ) -> list[tuple[Document, float]]:
        vector = check_vector(vector, self._embeddings.identity.dimension, self._name)
        return [(_document(hit), hit.score) for hit in self._opened().search(vector, check_k(k), condition)]


def _document(hit: Hit) -> Document:
    return Document(id=hit.id, page_content=hit.text, metadata=dict(hit.metadata))
