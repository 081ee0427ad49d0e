"""Collections that stay open for those who ask them."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.embeddings import Embeddings

from rag_pipeline import forking
from rag_pipeline.config import Settings, load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.retrieval.factory import open_searcher, open_searchers
from rag_pipeline.retrieval.protocol import AnySearcher
from rag_pipeline.run_in_thread import run_in_thread

# Each may hold a reranker's model; an app that makes up options as it goes would otherwise fill the memory.
_MOST_OPTIONS = 16


class LazySearcher:
    """A searcher that is opened at the first question and stays open, for any options. Safe to share among threads.

    It lets go of its files when nobody refers to it any more. A copy, also one that went through pickle, is closed
    and opens the collections for itself.

    Args:
        config: a configuration, or its file, which is read when it is needed; None: as the commands find it.
        collections: their names; None: the default one.
        embeddings: what the one collection was made with, where that is not an embedding of the configuration.
    """

    def __init__(
        self,
        config: Settings | str | Path | None = None,
        collections: Sequence[str] | None = None,
        embeddings: Embeddings | None = None,
    ) -> None:
        self._config = config
        self._collections = collections
        self._embeddings = embeddings
        self._lock = threading.RLock()
        forking.renew_locks(self)
        self._process = os.getpid()
        self._settings = config if isinstance(config, Settings) else None
        self._opened: AnySearcher | None = None
        self._changed: OrderedDict[str, AnySearcher] = OrderedDict()
        self._unused: weakref.finalize[Any, Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return LazySearcher, (self._config, self._collections, self._embeddings)

    @property
    def settings(self) -> Settings:
        """The configuration."""
        with self._lock:
            if self._settings is None:
                assert not isinstance(self._config, Settings)
                self._settings = load_settings(self._config)
            return self._settings

    def get(self, **options: Any) -> AnySearcher:
        """The searcher with these options; None leaves one as it is configured.

        Raises:
            RagPipelineError: see :func:`rag_pipeline.open_searcher`.
        """
        self._forget_parents()
        changes = {name: value for name, value in options.items() if value is not None}
        key = repr(sorted(changes.items(), key=lambda change: change[0]))
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
                self._unused = weakref.finalize(self, _close_in_thread, self._opened)
                self._unused.atexit = False
            if not changes:
                return self._opened
            if key not in self._changed:
                self._changed[key] = self._opened.changed(**changes)
                while len(self._changed) > _MOST_OPTIONS:
                    self._changed.popitem(last=False)
            self._changed.move_to_end(key)
            return self._changed[key]

    def close(self) -> None:
        """Let go of the files; questions under way are answered, and the next one opens them again."""
        self._forget_parents()
        with self._lock:
            opened, self._opened = self._opened, None
            self._changed.clear()
            if self._unused is not None:
                self._unused.detach()
        if opened is not None:
            opened.close()

    def _forget_parents(self) -> None:
        """In a forked process, open again: what the parent opened has its threads and connections there."""
        with self._lock:
            if self._process != os.getpid():
                forking.keep((self._opened, self._changed))
                self._opened, self._changed = None, OrderedDict()
                if self._unused is not None:
                    self._unused.detach()
                self._process = os.getpid()

    def _open(self) -> AnySearcher:
        names = self._collections
        if names and len(names) > 1:
            if self._embeddings is not None:
                raise UsageError("an embedding of your own goes with one collection, not with several")
            return open_searchers(self.settings, names)
        return open_searcher(self.settings, names[0] if names else None, embeddings=self._embeddings)


def _close_in_thread(opened: AnySearcher) -> None:
    """Close what nobody refers to any more, elsewhere: the garbage collector may come inside of Chroma's locks."""
    with contextlib.suppress(RuntimeError):  # no thread is begun while the interpreter ends
        run_in_thread(opened.close)
