"""Several collections asked as if they were one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rag_pipeline.errors import UsageError
from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.searcher import Searcher
from rag_pipeline.store.filters import Where


class MultiSearcher:
    """Asks several collections and merges their passages.

    Scores of collections that were made with the same embedding are compared as they are. Those of different models
    are not on one scale; there each is put on that of its collection: how many standard deviations it lies above the
    mean of the inner products that are usual there.

    Args:
        searchers: two or more, all of one mode.

    Raises:
        UsageError: their modes differ.
    """

    def __init__(self, searchers: Sequence[Searcher]) -> None:
        modes = sorted({searcher.mode for searcher in searchers})
        if len(modes) > 1:
            raise UsageError(f"these collections are asked in different modes ({', '.join(modes)}); choose one: --mode")
        self._searchers = list(searchers)
        self._one_scale = self.mode == "lexical" or len({searcher.embedding for searcher in searchers}) == 1

    @property
    def searchers(self) -> list[Searcher]:
        """Those it asks."""
        return list(self._searchers)

    @property
    def collection(self) -> str:
        """Their names, joined by commas."""
        return ",".join(searcher.collection for searcher in self._searchers)

    @property
    def mode(self) -> str:
        """``dense``, ``lexical`` or ``hybrid``."""
        return self._searchers[0].mode

    def descriptions(self) -> list[tuple[str, list[str], str]]:
        """Of each collection: its name, titles of its documents, and how many these are, in words."""
        return [description for searcher in self._searchers for description in searcher.descriptions()]

    @property
    def has_least_score(self) -> bool:
        """Whether passages below a score or a confidence are left out."""
        return any(searcher.has_least_score for searcher in self._searchers)

    def search(
        self, question: str, k: int, *, where: Where | None = None, exact: bool = False, explain: bool = False
    ) -> list[Passage]:
        """The k best passages of all collections, best first; as :meth:`Searcher.search`."""
        found = [
            searcher.search(question, k, where=where, exact=exact, explain=explain) for searcher in self._searchers
        ]
        return self._merged(found, k)

    def search_many(
        self,
        questions: Sequence[str],
        k: int,
        *,
        where: Where | None = None,
        exact: bool = False,
        explain: bool = False,
    ) -> list[list[Passage]]:
        """The k best passages of all collections for each question; as :meth:`Searcher.search_many`."""
        found = [
            searcher.search_many(questions, k, where=where, exact=exact, explain=explain)
            for searcher in self._searchers
        ]
        return [self._merged(results, k) for results in zip(*found, strict=True)]

    async def asearch(
        self, question: str, k: int, *, where: Where | None = None, exact: bool = False, explain: bool = False
    ) -> list[Passage]:
        """As :meth:`search`, without holding up the event loop."""
        searches = (
            searcher.asearch(question, k, where=where, exact=exact, explain=explain) for searcher in self._searchers
        )
        return self._merged(await asyncio.gather(*searches), k)

    def _merged(self, results: Sequence[list[Passage]], k: int) -> list[Passage]:
        found = []
        for searcher, passages in zip(self._searchers, results, strict=True):
            for passage in passages:
                score = passage.score
                if not self._one_scale and searcher.options.rerank.method != "cross_encoder":
                    statistics = searcher.statistics
                    score = (score - statistics.mean) / (statistics.spread or 1.0)
                found.append(replace(passage, score=score))
        found.sort(key=lambda passage: (-passage.score, passage.id))
        return [replace(passage, rank=rank) for rank, passage in enumerate(found[:k], start=1)]

    def changed(self, **options: Any) -> MultiSearcher:
        """The same collections asked with other options; see :meth:`Searcher.changed`."""
        return MultiSearcher([searcher.changed(**options) for searcher in self._searchers])

    def load(self) -> None:
        """See :meth:`Searcher.load`."""
        for searcher in self._searchers:
            searcher.load()

    def close(self) -> None:
        """Close them all."""
        for searcher in self._searchers:
            searcher.close()


SeveralSearcher = MultiSearcher
"""The first name of :class:`MultiSearcher`."""
