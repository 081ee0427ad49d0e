"""All collections of a configuration, kept open for those who ask any of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.embeddings import Embeddings

from rag_pipeline.assembly import open_store
from rag_pipeline.config import Settings
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.embeddings.wrapped import as_pipeline_embeddings
from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError, RagPipelineError
from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.factory import choose_collection, open_in
from rag_pipeline.retrieval.multi import MultiSearcher
from rag_pipeline.retrieval.neighbours import surrounded
from rag_pipeline.retrieval.protocol import AnySearcher
from rag_pipeline.retrieval.searcher import Searcher
from rag_pipeline.store import Collection
from rag_pipeline.store.contents import StoredDocument, list_documents, read_document

# Each may hold a reranker's model.
_MOST_OPTIONS = 64


class OpenCollections:
    """Collections that are opened when they are first asked and stay open, over one store. Safe to share among threads.

    A model that several of them share is loaded once. One that was recreated in another way meanwhile is opened again.

    Args:
        settings: the configuration.
        only: the names that may be asked; None: all that the store holds.
        embeddings: what collections were made with, by name, where that is not an embedding of the configuration.
    """

    def __init__(
        self,
        settings: Settings,
        only: Sequence[str] | None = None,
        embeddings: Mapping[str, Embeddings] | None = None,
    ) -> None:
        self.settings = settings
        self._only = None if only is None else list(only)
        self._own = {name: as_pipeline_embeddings(one) for name, one in (embeddings or {}).items()}
        self._lock = threading.RLock()
        self._store = open_store(settings)
        self._loaded: dict[str, PipelineEmbeddings] = {}
        self._opened: dict[str, Searcher] = {}
        self._changed: OrderedDict[tuple[tuple[str, ...], str], AnySearcher] = OrderedDict()
        self._documents: dict[str, tuple[object, dict[str, StoredDocument]]] = {}

    def names(self) -> list[str]:
        """Names of the collections that can be asked, sorted."""
        held = self._store.own_names()
        return held if self._only is None else [name for name in held if name in self._only]

    def default_name(self) -> str:
        """The collection that is asked where none is named.

        Raises:
            CollectionNotFoundError: the default one is not there, and there are several others.
        """
        return choose_collection(self.settings, None, self.names())

    def get(self, names: Sequence[str] = (), **options: Any) -> AnySearcher:
        """A searcher of some collections.

        Args:
            names: which; none: the default one.
            options: fields of :class:`SearchOptions` that are to differ from the configuration; None changes nothing.

        Raises:
            RagPipelineError: see :func:`rag_pipeline.open_searcher`.
        """
        asked = tuple(dict.fromkeys(names)) or (self.default_name(),)
        self._check_known(asked)
        changes = {name: value for name, value in options.items() if value is not None}
        with self._lock:
            try:
                return self._get(asked, changes)
            except (CollectionMismatchError, CollectionNotFoundError):
                # Recreated since it was opened; what still does not fit is said the second time.
                self._forget(asked)
                return self._get(asked, changes)

    def search(
        self, names: Sequence[str], question: str, k: int, options: Mapping[str, Any], **asked: Any
    ) -> tuple[AnySearcher, list[Passage]]:
        """Ask some collections; also says by what they were asked. As :meth:`rag_pipeline.Searcher.search`."""
        searcher = self.get(names, **options)
        try:
            return searcher, searcher.search(question, k, **asked)
        except CollectionMismatchError:
            searcher = self._again(names, options)
            return searcher, searcher.search(question, k, **asked)

    async def asearch(
        self, names: Sequence[str], question: str, k: int, options: Mapping[str, Any], **asked: Any
    ) -> tuple[AnySearcher, list[Passage]]:
        """As :meth:`search`, without holding up the event loop."""
        searcher = await asyncio.to_thread(self.get, names, **options)
        try:
            return searcher, await searcher.asearch(question, k, **asked)
        except CollectionMismatchError:
            searcher = await asyncio.to_thread(self._again, names, options)
            return searcher, await searcher.asearch(question, k, **asked)

    def embedding(self, name: str | None = None) -> PipelineEmbeddings:
        """The embedding of a collection; None: of the default one."""
        name = name or self.default_name()
        self.get([name])
        with self._lock:
            return self._opened[name].embeddings

    def embeddings(self) -> dict[str, PipelineEmbeddings]:
        """The embeddings of the collections that can be asked, by their names in the configuration."""
        found: dict[str, PipelineEmbeddings] = {}
        for name in self.names():
            with contextlib.suppress(RagPipelineError):
                embedding = self.embedding(name)
                found.setdefault(self.embedding_name(name) or name, embedding)
        return found

    def embedding_name(self, name: str) -> str | None:
        """What the configuration calls the embedding of a collection, or what the collection itself does."""
        configured = self.settings.collections.get(name)
        return (configured.embedding if configured else None) or self._store.get(name).embedding

    def described(self) -> list[dict[str, Any]]:
        """Of each collection: ``name``, ``embedding``, ``model``, ``dimension``, ``documents`` and ``chunks``."""
        rows = []
        for name in self.names():
            collection = self._store.get(name)
            made = collection.fingerprint
            rows.append(
                {
                    "name": name,
                    "embedding": collection.embedding,
                    "model": str(made.values["model"]) if made and "model" in made.values else None,
                    "dimension": made.dimension if made else None,
                    "documents": len(self.documents(name)),
                    "chunks": collection.count,
                }
            )
        return rows

    def documents(self, name: str) -> dict[str, StoredDocument]:
        """The documents of a collection, by id; read again after others have written.

        Raises:
            CollectionNotFoundError: there is no such collection.
        """
        collection = self._collection(name)
        written = collection.refresh(words=False)
        with self._lock:
            known = self._documents.get(name)
        if known is None or known[0] != written:
            known = written, list_documents(collection)
            with self._lock:
                self._documents[name] = known
        return known[1]

    def document(self, name: str, document_id: str) -> dict[str, Any] | None:
        """A document put together from its chunks; None: there is none of that id."""
        document = self.documents(name).get(document_id)
        return None if document is None else {"collection": name, **read_document(self._collection(name), document)}

    def passage(self, passage_id: str) -> Passage | None:
        """A chunk by its id, whichever collection holds it; None: none does."""
        for name in self.names():
            rows = self._collection(name).rows_of([passage_id])
            if passage_id in rows:
                return Passage.from_row(passage_id, *rows[passage_id], collection=name, rank=1)
        return None

    def passage_with_neighbours(
        self, passage_id: str, before: int, after: int
    ) -> tuple[Passage, str | None, str | None] | None:
        """A chunk by its id as :func:`rag_pipeline.retrieval.neighbours.surrounded` gives it; None: there is none."""
        found = self.passage(passage_id)
        return None if found is None else surrounded(self._collection(found.collection), found, before, after)

    def load(self, name: str) -> None:
        """Open a collection and load its models now, and ask it something.

        Raises:
            RagPipelineError: it cannot be asked.
        """
        searcher = self.get([name])
        searcher.load()
        searcher.search("준비가 되었는가? Is it ready?", 1)

    def close(self) -> None:
        """Let go of the store's files; who asks afterwards opens them again."""
        with self._lock:
            self._opened.clear()
            self._changed.clear()
            self._documents.clear()
        self._store.close()

    def _get(self, asked: tuple[str, ...], changes: dict[str, Any]) -> AnySearcher:
        key = asked, repr(sorted(changes.items(), key=lambda change: change[0]))
        found = self._changed.get(key)
        if found is None:
            searchers = [self._open(name) for name in asked]
            made = [searcher.changed(**changes) if changes else searcher for searcher in searchers]
            found = self._changed[key] = made[0] if len(made) == 1 else MultiSearcher(made)
            while len(self._changed) > _MOST_OPTIONS:
                self._changed.popitem(last=False)
        self._changed.move_to_end(key)
        return found

    def _open(self, name: str) -> Searcher:
        if name not in self._opened:
            self._opened[name] = open_in(self._store, self.settings, name, self._loaded, self._own.get(name))
        return self._opened[name]

    def _again(self, names: Sequence[str], options: Mapping[str, Any]) -> AnySearcher:
        self._forget(tuple(names) or (self.default_name(),))
        return self.get(names, **options)

    def _forget(self, asked: Sequence[str]) -> None:
        with self._lock:
            for name in asked:
                self._opened.pop(name, None)
                self._documents.pop(name, None)
            for key in [key for key in self._changed if set(key[0]) & set(asked)]:
                del self._changed[key]

    def _check_known(self, names: Sequence[str]) -> None:
        if self._only is None and all(name in self._opened for name in names):
            return  # whether it is still there, the search itself finds out
        known = self.names()
        for name in names:
            if name not in known:
                listed = f"known: {', '.join(known)}" if known else "there is none yet: run rag-pipeline ingest first"
                raise CollectionNotFoundError(f"unknown collection {name!r}; {listed}")

    def _collection(self, name: str) -> Collection:
        self._check_known([name])
        return self._store.get(name)
