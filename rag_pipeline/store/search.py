"""The chunks of a collection that are nearest to a vector: by its index, or compared one by one."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rag_pipeline.errors import UsageError
from rag_pipeline.store.access import TRIES
from rag_pipeline.store.document_filters import WhereDocument
from rag_pipeline.store.filters import Where, fits
from rag_pipeline.store.reading import CollectionReader

# How many more than wanted are looked at where only some may fit a filter.
_WIDER = 3
# So few that fit a filter are compared one by one.
_FEW = 1000


@dataclass(frozen=True)
class Hit:
    """A stored chunk found for a vector."""

    id: str
    text: str
    metadata: Mapping[str, Any]
    score: float
    """Inner product of the question's vector and the chunk's; higher is better."""


class SearchableCollection(CollectionReader):
    """Searches one collection. Scores are inner products: Chroma's distance, 1 − inner product, stays in this class."""

    def nearest(
        self,
        vector: Sequence[float] | npt.NDArray[np.float32],
        k: int,
        where: Where | None = None,
        *,
        exact: bool = False,
    ) -> dict[str, float]:
        """As :meth:`search`, but ids and inner products alone, which is faster where many are wanted."""
        condition = self._condition(where)
        if exact:
            return {chunk_id: -negative for negative, chunk_id in self._rank_exactly(vector, k, condition)}
        if condition:
            first = self._first_fitting(vector, k, condition)
            if len(first) == k:
                return first
            few = self.matching(condition, limit=_FEW + 1)
            if len(few) <= _FEW:
                # The index would wade through all that do not fit to find these.
                question = np.asarray(vector, dtype=np.float32)
                scores = {chunk_id: float(stored @ question) for chunk_id, stored in self.vectors_of(few).items()}
                return dict(heapq.nsmallest(k, scores.items(), key=lambda scored: (-scored[1], scored[0])))
        found = self._query(vector, k, condition, ["distances"])
        assert found["distances"]
        return {
            chunk_id: 1.0 - distance for chunk_id, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        }

    def _first_fitting(
        self, vector: Sequence[float] | npt.NDArray[np.float32], k: int, condition: dict[str, Any]
    ) -> dict[str, float]:
        """Those of the nearest that fit: k of them where most chunks do, which Chroma would list before it looks."""
        found = self._query(vector, k * _WIDER, None, ["distances", "metadatas"])
        rows = zip(found["ids"][0], found["distances"][0], found["metadatas"][0], strict=True)
        fitting = ((chunk_id, 1.0 - distance) for chunk_id, distance, known in rows if fits(known or {}, condition))
        return dict(itertools.islice(fitting, k))

    def search(
        self,
        vector: Sequence[float],
        k: int,
        where: Where | None = None,
        *,
        exact: bool = False,
        where_document: WhereDocument | None = None,
    ) -> list[Hit]:
        """The k chunks of highest inner product, best first; fewer if there are fewer.

        Args:
            vector: the question's.
            k: how many.
            where: only chunks whose metadata fit; see :mod:`rag_pipeline.store.filters`.
            exact: compare with every chunk rather than ask the index, which may miss one now and then.
            where_document: only chunks whose texts fit; see :mod:`rag_pipeline.store.document_filters`. Not with exact.

        Raises:
            UsageError: a filter cannot be understood.
            StoreError: the store cannot be read.
        """
        condition, texts = self._condition(where), self._document_condition(where_document)
        if exact:
            if texts is not None:
                raise UsageError("where_document does not go with an exact search")
            return self._search_exactly(vector, k, condition)
        hits: list[Hit] = []
        for _ in range(TRIES):
            found = self._query(vector, k, condition, ["documents", "metadatas", "distances"], texts)
            columns = (found[name][0] for name in ("ids", "documents", "metadatas", "distances"))
            rows = list(zip(*columns, strict=True))
            # A chunk that another process removes meanwhile is found without its text.
            hits = [
                Hit(chunk_id, text, metadata or {}, 1.0 - distance)
                for chunk_id, text, metadata, distance in rows
                if text is not None
            ]
            if len(hits) == len(rows):
                break
            self._connection.renew()
        return hits

    def _query(
        self,
        vector: Sequence[float] | npt.NDArray[np.float32],
        k: int,
        condition: dict[str, Any] | None,
        include: list[Any],
        texts: dict[str, Any] | None = None,
    ) -> Any:
        """Ask the index. Chroma's distance in this space is 1 - inner product; it goes no further than this class."""
        question = np.asarray([vector], dtype=np.float32)
        most = self._connection.limits.results
        k = k if most is None else min(k, most)
        if k > self._connection.limits.rows:
            k = max(1, min(k, self.count))  # Chroma sets memory aside for as many as are asked for
        asked: dict[str, Any] = {"n_results": k, "where": condition, "where_document": texts, "include": include}
        return self._read(lambda chroma: chroma.query(question, **asked))

    def _rank_exactly(
        self, vector: Sequence[float] | npt.NDArray[np.float32], k: int, condition: dict[str, Any] | None
    ) -> list[tuple[float, str]]:
        """Negative inner products and ids of the k best."""
        question = np.asarray(vector, dtype=np.float32)
        best: list[tuple[float, str]] = []
        for page in self._pages(["embeddings"], condition):
            scores = np.asarray(page["embeddings"], dtype=np.float32) @ question
            found = [(-float(score), chunk_id) for score, chunk_id in zip(scores, page["ids"], strict=True)]
            best = heapq.nsmallest(k, [*best, *found])
        return best

    def _search_exactly(self, vector: Sequence[float], k: int, condition: dict[str, Any] | None) -> list[Hit]:
        best = self._rank_exactly(vector, k, condition)
        if not best:
            return []
        rows = self.rows_of([chunk_id for _, chunk_id in best])
        return [Hit(chunk_id, *rows[chunk_id], -negative) for negative, chunk_id in best if chunk_id in rows]
