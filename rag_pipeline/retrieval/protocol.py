"""What can be asked: one collection, or several as if they were one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

from rag_pipeline.passages import Passage
from rag_pipeline.store.filters import Where


class AnySearcher(Protocol):
    """What :class:`rag_pipeline.Searcher` and :class:`rag_pipeline.retrieval.MultiSearcher` have in common."""

    @property
    def collection(self) -> str:
        """The collection's name; several are joined by commas."""

    @property
    def mode(self) -> str:
        """``dense``, ``lexical`` or ``hybrid``."""

    @property
    def has_least_score(self) -> bool:
        """Whether passages below a score or a confidence are left out."""

    def descriptions(self) -> list[tuple[str, list[str], str]]:
        """Of each collection: its name, titles of its documents, and how many these are, in words."""

    def search(
        self, question: str, k: int, *, where: Where | None = None, exact: bool = False, explain: bool = False
    ) -> list[Passage]:
        """The k best passages, best first; see :meth:`rag_pipeline.Searcher.search`."""

    def search_many(
        self,
        questions: Sequence[str],
        k: int,
        *,
        where: Where | None = None,
        exact: bool = False,
        explain: bool = False,
    ) -> list[list[Passage]]:
        """The k best passages for each of several questions, which are embedded together."""

    async def asearch(
        self, question: str, k: int, *, where: Where | None = None, exact: bool = False, explain: bool = False
    ) -> list[Passage]:
        """As :meth:`search`, without holding up the event loop."""

    def changed(self, **options: Any) -> Self:
        """The same collections asked with other options."""

    def load(self) -> None:
        """Load models now rather than at the first question."""

    def close(self) -> None:
        """Let go of the store's files."""
