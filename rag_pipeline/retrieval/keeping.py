"""Collections that stay open for those who ask them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.embeddings import Embeddings

from rag_pipeline.config import Settings
from rag_pipeline.errors import UsageError
from rag_pipeline.retrieval.opening import open_searcher, open_searchers
from rag_pipeline.retrieval.searcher import Searcher
from rag_pipeline.retrieval.several import SeveralSearcher


class KeptSearcher:
    """A searcher that is opened at the first question and stays open, for any options. Safe to share among threads.

    Args:
        settings: gives the configuration, when it is needed.
        collections: their names; None: the default one.
        embeddings: what the one collection was made with, where that is not an embedding of the configuration.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        collections: Sequence[str] | None = None,
        embeddings: Embeddings | None = None,
    ) -> None:
        self._settings = settings
        self._collections = collections
        self._embeddings = embeddings
        self._lock = threading.Lock()
        self._opened: dict[str, Searcher | SeveralSearcher] = {}

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return self._settings()

    def get(self, **options: Any) -> Searcher | SeveralSearcher:
        """The searcher with these options; None leaves one as it is configured.

        Raises:
            RagPipelineError: see :func:`rag_pipeline.open_searcher`.
        """
        changes = {name: value for name, value in options.items() if value is not None}
        key = repr(sorted(changes.items()))
        with self._lock:
            if "[]" not in self._opened:
                self._opened["[]"] = self._open()
            if key not in self._opened:
                self._opened[key] = self._opened["[]"].changed(**changes)
            return self._opened[key]

    def close(self) -> None:
        """Let go of the files; the next question opens them again."""
        with self._lock:
            opened = list(self._opened.values())
            self._opened.clear()
        for searcher in opened:
            searcher.close()

    def _open(self) -> Searcher | SeveralSearcher:
        names = self._collections
        if names and len(names) > 1:
            if self._embeddings is not None:
                raise UsageError("an embedding of your own goes with one collection, not with several")
            return open_searchers(self.settings, names)
        return open_searcher(self.settings, names[0] if names else None, embeddings=self._embeddings)
