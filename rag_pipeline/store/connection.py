"""What a store asks of the way to its Chroma: a folder of this machine, or a server."""

from __future__ import annotations

import abc
import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_pipeline import forking
from rag_pipeline.config import HnswSettings
from rag_pipeline.errors import StoreError

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.collection_configuration import CreateCollectionConfiguration
    from chromadb.api.models.Collection import Collection as ChromaCollection


# Chroma lists a hundred collections at once.
_NAMES = 100


@dataclass(frozen=True)
class Limits:
    """How much one request may ask or hold."""

    rows: int = 1000
    """Rows that one request gives."""
    light_rows: int = 5000
    """Rows without texts and vectors that one request gives; each costs a walk to its beginning."""
    ids: int = 500
    """Ids that one request names; asking by more than SQLite takes variables fails, and this is far below."""
    results: int | None = None
    """Most passages of one search; None: any number."""
    written: int | None = None
    """Most rows of one write, besides Chroma's own limit; None: no other limit."""
    document_bytes: int | None = None
    """Longest text of a row, in UTF-8."""
    metadata_characters: int | None = None
    """Longest value in the metadata of a collection."""
    keys: int | None = None
    """Most keys in the metadata of a row."""
    key_bytes: int | None = None
    value_bytes: int | None = None
    predicates: int | None = None
    """Most comparisons in one filter."""


@dataclass(frozen=True)
class Tally:
    """What can be counted of a collection without opening it."""

    documents: int
    chunks: int
    index_bytes: int | None
    """Of its indexes on this machine's disk; None where that is not known."""
    damage: str
    """What is wrong with its vector index, and what to do; empty if nothing is."""


@dataclass(eq=False)
class OpenClient:
    """One opened client and the collections it has loaded."""

    client: ClientAPI
    opened: float
    number: int = 0
    state: tuple[int, ...] = ()
    """Of a folder when it was opened: what has changed since then it has not seen."""
    loading_seconds: float = 0.0
    users: int = 0
    retired: bool = False
    """Whether nobody begins to use it any more."""
    loading: threading.RLock = field(default_factory=threading.RLock)
    """Held while an index is loaded."""
    collections: dict[str, ChromaCollection] = field(default_factory=dict)
    loaded: set[str] = field(default_factory=set)
    """Ids of collections."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What a connection has noted of each of them."""


class Connection(abc.ABC):
    """The way to one Chroma; safe to share among threads."""

    limits: Limits
    address: str
    """Where it is, for people: a folder, or a server's address."""
    lexical_root: Path
    """The folder of this machine that holds the lexical indexes of its collections."""
    is_shared: bool
    """Whether other machines write to it, so that this one's lexical indexes have to follow."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._mutex = threading.RLock()
        forking.renew_locks(self)
        self._current: OpenClient | None = None
        self.recovered: dict[str, str] = {}
        """What was wrong with vector indexes that the present writer has recovered, by the collection's id."""

    @property
    @abc.abstractmethod
    def exists(self) -> bool:
        """Whether there is a store to read.

        Raises:
            StoreError: what is there is something else.
            ServiceError: a server cannot be reached, or refuses.
        """

    @abc.abstractmethod
    def check(self) -> None:
        """Say in words what Chroma would say in its own.

        Raises:
            StoreError: what is there is something else, or cannot be read.
            ServiceError: a server cannot be reached, or refuses.
        """

    def check_integrity(self) -> None:  # noqa: B027  # there is nothing to look through on a server
        """Look through what all collections stand in, where that can be done from here.

        Raises:
            StoreError: it is damaged.
        """

    @abc.abstractmethod
    def writer(self) -> contextlib.AbstractContextManager[None]:
        """Hold the right to write.

        Raises:
            StoreLockedError: another process is writing; at once.
        """

    @property
    @abc.abstractmethod
    def being_written(self) -> bool:
        """Whether someone writes just now; one that was killed on another machine may still count."""

    def state(self) -> object:
        """A value that is equal for as long as nothing was written; None where only its collections tell."""
        return None

    @contextlib.contextmanager
    def use(self) -> Iterator[OpenClient]:
        """The client as it is now; it stays open until the last one that uses it is done."""
        self.require_own_process()
        with self._mutex:
            opened = self._ready()
            opened.users += 1
        try:
            yield opened
        finally:
            with self._mutex:
                opened.users -= 1
                if opened.retired and not opened.users:
                    self._let_go(opened)

    @abc.abstractmethod
    def _ready(self) -> OpenClient:
        """The client in use, opened if it has to be; called under the mutex."""

    @abc.abstractmethod
    def _let_go(self, opened: OpenClient) -> None:
        """Close a client that nobody uses any more."""

    def _retire(self) -> None:
        """Reopen at the next use; whoever uses the client now goes on with it. Called under the mutex."""
        retired, self._current = self._current, None
        if self._process != os.getpid():
            forking.keep(retired)  # its threads and connections are the parent's
            return
        if retired is not None and not retired.retired:
            retired.retired = True
            if not retired.users:
                self._let_go(retired)

    @abc.abstractmethod
    def collection(self, opened: OpenClient, name: str) -> ChromaCollection:
        """A collection of an opened client, ready to be asked.

        Raises:
            CollectionNotFoundError: there is none of that name any more.
        """

    @abc.abstractmethod
    def version(self, opened: OpenClient, chroma: ChromaCollection) -> object:
        """A value that is equal for as long as nothing was written."""

    @abc.abstractmethod
    def changing(self) -> contextlib.AbstractContextManager[None]:
        """Around everything that writes."""

    @abc.abstractmethod
    def renew(self, opened: OpenClient | None = None) -> None:
        """Look again at the next use, if this is still the client in use; None: whichever is."""

    @abc.abstractmethod
    def translated(self, action: str) -> contextlib.AbstractContextManager[None]:
        """Turn a failure of Chroma into an error of ours; ``action`` is ``read``, ``write`` or ``open``."""

    @abc.abstractmethod
    def index_configuration(self, hnsw: HnswSettings) -> CreateCollectionConfiguration:
        """How the index of a new collection is made: inner product in any case."""

    @abc.abstractmethod
    def tidy(self) -> None:
        """Remove what deleted collections have left. Only for the writer."""

    @abc.abstractmethod
    def size(self, collection_id: str | None = None) -> int | None:
        """Bytes on this machine's disk of a collection's indexes, or of the whole store; None where unknown."""

    def tallies(self, chromas: Mapping[str, ChromaCollection]) -> Mapping[str, Tally]:  # noqa: ARG002
        """What can be counted of collections all at once, by id; those are left out that have to be opened.

        Args:
            chromas: by the names they are asked by.
        """
        return {}

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of files and connections, as soon as nobody reads any more; the next use opens them again."""

    def collections(self, opened: OpenClient) -> Iterator[ChromaCollection]:
        """All collections of the store, a page at a time."""
        offset = 0
        while page := opened.client.list_collections(limit=_NAMES, offset=offset):
            yield from page
            if len(page) < _NAMES:
                return
            offset += len(page)

    def create(
        self, opened: OpenClient, name: str, configuration: CreateCollectionConfiguration, metadata: dict[str, Any]
    ) -> ChromaCollection:
        """Make a collection, whose vectors come from outside."""
        # Chroma's default embedding function would fetch a model.
        return opened.client.create_collection(
            name=name, embedding_function=None, configuration=configuration, metadata=metadata
        )

    def delete(self, opened: OpenClient, name: str) -> None:
        """Remove a collection."""
        opened.client.delete_collection(name)

    def rejection_reason(self, text: str, metadata: Mapping[str, Any] | None = None) -> str:
        """Why a row cannot be kept there: its text or metadata are too long; empty if it can."""
        limits = self.limits
        if limits.document_bytes is None:
            return ""
        if (size := len(text.encode())) > limits.document_bytes:
            most = f"{limits.document_bytes:,}"
            return f"a chunk has {size:,} bytes, and {self.address} takes {most}; set chunking.max_tokens to less"
        for key, value in (metadata or {}).items():
            for name, part, most_bytes in (("key", key, limits.key_bytes), ("value", str(value), limits.value_bytes)):
                if most_bytes is not None and len(part.encode()) > most_bytes:
                    return (
                        f"its metadata {key[:60]!r} have a {name} of more than the {most_bytes:,} bytes of"
                        f" {self.address}"
                    )
        if limits.keys is not None and len(metadata or {}) > limits.keys:
            return f"it has more than the {limits.keys} metadata that {self.address} takes"
        return ""

    def require_own_process(self) -> None:
        """Refuse what was opened in another process.

        Raises:
            StoreError: this process was forked from the one that opened the store; the threads of Chroma, of the
                Korean analyser and of torch are not in it, and whoever waits for them waits for ever.
        """
        if self._process != os.getpid():
            raise StoreError(f"store {self.address} was opened before this process was forked; {forking.ADVICE}")

    @contextlib.contextmanager
    def writing_to(self, opened: OpenClient, name: str, rows: int = 0) -> Iterator[ChromaCollection]:  # noqa: ARG002
        """A collection of an opened client, to be written to.

        Args:
            opened: the client.
            name: the collection's name.
            rows: how many are written or removed.
        """
        with self.changing(), self.translated("write"):
            yield self.collection(opened, name)

    def damage(self, chroma: ChromaCollection) -> str:  # noqa: ARG002
        """Why a collection has no vectors to be asked for, and what to do; empty if it has."""
        return ""
