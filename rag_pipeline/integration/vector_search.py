"""Dense search of one collection behind LangChain's interface for vector stores."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore, VectorStoreRetriever
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import UsageError
from rag_pipeline.integration.validation import check_query, check_vector, refuse_unknown
from rag_pipeline.probe import ModelCheck
from rag_pipeline.retrieval.questions import check_k
from rag_pipeline.store import Collection, Hit

_SIMILARITY = ("k", "filter", "where_document")
_DIVERSE = ("k", "fetch_k", "lambda_mult", "filter", "where_document")


class CollectionVectorSearch(VectorStore, abc.ABC):
    """The half of a vector store that searches. Scores are inner products, higher is better."""

    _embeddings: PipelineEmbeddings
    _name: str

    @abc.abstractmethod
    def _opened(self) -> Collection:
        """The collection, opened if it has to be."""

    @abc.abstractmethod
    def _model_to_check(self) -> ModelCheck | None:
        """What tells embeddings that the collection was not made with; None once they were compared."""

    def _vector(self, question: str) -> list[float]:
        question = check_query(question)
        if check := self._model_to_check():
            check.compare()
        return self._embeddings.embed_query(question)

    def as_retriever(self, **fields: Any) -> VectorStoreRetriever:
        """A LangChain retriever: ``as_retriever(search_type="mmr", search_kwargs={"k": 4, "filter": {…}})``.

        Raises:
            UsageError: a field is unknown, such as a filter next to ``search_kwargs``.
        """
        for name in fields:
            if name in _DIVERSE or name not in {*VectorStoreRetriever.model_fields, "name"} - {"vectorstore"}:
                raise UsageError(f"as_retriever takes no {name!r}; what a search is told goes into search_kwargs={{…}}")
        return super().as_retriever(**fields)

    def similarity_search(
        self,
        query: str,
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        where_document: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> list[Document]:
        """The k documents of highest inner product, best first.

        Args:
            query: what is looked for.
            k: how many.
            filter: only documents whose metadata fit, such as ``{"year": {"$gte": 2020}}`` or, where a value is a list,
                ``{"tags": {"$contains": "steel"}}``.
            where_document: only documents whose texts fit, such as ``{"$contains": "12.04 m"}``.
            unknown: refused; what is meant by them would not be done.

        Raises:
            UsageError: an argument is unknown, or has a value that is not allowed.
        """
        found = self.similarity_search_with_score(query, k, filter, where_document, **unknown)
        return [document for document, _ in found]

    async def asimilarity_search(
        self,
        query: str,
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        where_document: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> list[Document]:
        """As :meth:`similarity_search`, without holding up the event loop."""
        found = await self.asimilarity_search_with_score(query, k, filter, where_document, **unknown)
        return [document for document, _ in found]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        where_document: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> list[tuple[Document, float]]:
        """The k documents of highest inner product with it, best first."""
        refuse_unknown(unknown, "similarity_search", _SIMILARITY)
        return self._nearest(self._vector(query), k, filter, where_document)

    async def asimilarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        where_document: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> list[tuple[Document, float]]:
        """As :meth:`similarity_search_with_score`, without holding up the event loop."""
        refuse_unknown(unknown, "similarity_search", _SIMILARITY)
        question = check_query(query)
        if check := self._model_to_check():
            await asyncio.to_thread(check.compare)
        vector = await self._embeddings.aembed_query(question)
        return await asyncio.to_thread(self._nearest, vector, k, filter, where_document)

    def similarity_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        where_document: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> list[Document]:
        """The k documents of highest inner product with a vector, best first."""
        refuse_unknown(unknown, "similarity_search_by_vector", _SIMILARITY)
        return [document for document, _ in self._nearest(embedding, k, filter, where_document)]

    async def asimilarity_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        filter: Mapping[str, Any] | None = None,
        where_document: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> list[Document]:
        """As :meth:`similarity_search_by_vector`, in a thread."""
        search = self.similarity_search_by_vector
        return await asyncio.to_thread(search, embedding, k, filter, where_document, **unknown)

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Mapping[str, Any] | None = None,
        where_document: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> list[Document]:
        """Documents near the question and unlike each other, in the order they were chosen (Carbonell 1998)."""
        refuse_unknown(unknown, "max_marginal_relevance_search", _DIVERSE)
        vector = self._vector(query)
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, filter, where_document)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Mapping[str, Any] | None = None,
        where_document: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> list[Document]:
        """As :meth:`max_marginal_relevance_search`, from a vector."""
        refuse_unknown(unknown, "max_marginal_relevance_search_by_vector", _DIVERSE)
        k, fetch_k = check_k(k), check_k(fetch_k, "fetch_k")
        if not isinstance(lambda_mult, int | float) or not 0 <= lambda_mult <= 1:
            raise UsageError(f"lambda_mult must be from 0 to 1, found {lambda_mult!r}")
        found = [document for document, _ in self._nearest(embedding, max(k, fetch_k), filter, where_document)]
        vectors = self._opened().vectors_of([str(document.id) for document in found])
        found = [document for document in found if document.id in vectors]
        rows = [vectors[str(document.id)].tolist() for document in found]
        question = np.asarray(embedding, dtype=np.float32)
        return [found[place] for place in maximal_marginal_relevance(question, rows, lambda_mult, k)] if rows else []

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda score: min(1.0, max(0.0, (1.0 + score) / 2))

    def _nearest(
        self,
        vector: Sequence[float],
        k: int,
        condition: Mapping[str, Any] | None,
        texts: Mapping[str, Any] | None,
    ) -> list[tuple[Document, float]]:
        vector = check_vector(vector, self._embeddings.identity.dimension, self._name)
        hits = self._opened().search(vector, check_k(k), condition, where_document=texts)
        return [(_document(hit), hit.score) for hit in hits]


def _document(hit: Hit) -> Document:
    return Document(id=hit.id, page_content=hit.text, metadata=dict(hit.metadata))
