"""Chroma on a server, or in Chroma's cloud.

A server answers from what is written by whoever wrote it, so there is no index to load and none to harm. What is kept
here is a collection's entry: it is looked up again after two seconds, which is how long a reader may not know that a
collection was recreated. The network is what fails; requests are tried again by the transport, which is safe because
all that is written bears ids.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_pipeline.config import HnswSettings, StoreSettings
from rag_pipeline.errors import CollectionNotFoundError
from rag_pipeline.lexical.index import remove_index
from rag_pipeline.store.changing_places import look_up
from rag_pipeline.store.connection import Connection, Limits, OpenClient
from rag_pipeline.store.embedded.connection import hnsw_configuration
from rag_pipeline.store.lexical_replica import REVISION_KEY, new_revision
from rag_pipeline.store.names import LEASE
from rag_pipeline.store.queueing import turn
from rag_pipeline.store.server.client import CLOUD_URL, LOCAL, close_client, cloud_client, server_client, translated
from rag_pipeline.store.server.lease import WriterLease

if TYPE_CHECKING:
    from chromadb.api.collection_configuration import CreateCollectionConfiguration
    from chromadb.api.models.Collection import Collection as ChromaCollection

LOOK_SECONDS = 2.0
# https://docs.trychroma.com/cloud/quotas-limits
_CLOUD_LIMITS = Limits(
    rows=300,
    light_rows=300,
    ids=300,
    results=300,
    written=300,
    document_bytes=16_384,
    metadata_characters=250,
    keys=32,
    key_bytes=36,
    value_bytes=4096,
    predicates=8,
)
# A server takes 40 MiB at once; 500 rows of 3,072 dimensions and long texts are half of that.
_SERVER_LIMITS = Limits(written=500)


class ServerConnection(Connection):
    """The way to a server.

    Args:
        settings: where it is, and how patient to be.
        path: a folder of this machine for its copies of the lexical indexes.
    """

    is_shared = True

    def __init__(self, settings: StoreSettings, path: Path) -> None:
        super().__init__()
        self._settings = settings
        self._path = path
        self._is_cloud = settings.mode == "cloud"
        self._url = CLOUD_URL if self._is_cloud and settings.host == LOCAL else settings.url
        self.limits = _CLOUD_LIMITS if self._is_cloud else _SERVER_LIMITS
        self.address = "Chroma Cloud" if self._is_cloud else f"Chroma server {settings.url}"
        self._looked: dict[str, float] = {}
        self._lease: WriterLease | None = None

    @property
    def lexical_root(self) -> Path:  # type: ignore[override]
        """This machine's copies of the lexical indexes of this database."""
        with self.use() as opened:
            database = self._database(opened)
        return self._path / "words" / hashlib.sha256(database.encode()).hexdigest()[:16]

    def _database(self, opened: OpenClient) -> str:
        return f"{self._settings.url}\0{opened.client.tenant}\0{opened.client.database}"

    @property
    def exists(self) -> bool:
        """A server that can be reached has a store."""
        self.check()
        return True

    def check(self) -> None:
        """Connect, if that was not done yet."""
        with self.use():
            pass

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the right to write to this database, among all machines."""
        with self.use() as opened, contextlib.ExitStack() as stack:
            stack.enter_context(turn(self._database(opened), self.address, self._settings.queue_timeout))
            lease = WriterLease(opened.client, self.address)
            with self.translated("write"):
                stack.enter_context(lease.held())
            self.renew()  # what was looked up before is perhaps no more
            self._lease = lease
            try:
                yield
            finally:
                self._lease = None

    @property
    def being_written(self) -> bool:
        """Whether someone writes just now, on whichever machine."""
        with self.use() as opened, self.translated("read"):
            return WriterLease(opened.client, self.address).is_held

    def _ready(self) -> OpenClient:
        if self._current is None:
            with self.translated("open"):
                make = cloud_client if self._is_cloud else server_client
                client = make(self._settings, self._require_right)
            self._current = OpenClient(client, time.monotonic())
        return self._current

    def _let_go(self, opened: OpenClient) -> None:
        opened.collections.clear()
        close_client(opened.client)

    def _require_right(self) -> None:
        """Before every attempt of a request: one that was tried again for long must not land in another's work."""
        if self._lease is not None:
            self._lease.check()

    def collection(self, opened: OpenClient, name: str) -> ChromaCollection:
        """A collection as the server knew it at most two seconds ago.

        Raises:
            CollectionNotFoundError: there is none of that name any more.
        """
        known = opened.collections.get(name)
        age = time.monotonic() - self._looked.get(name, 0.0)
        if known is not None and (age < LOOK_SECONDS or self._lease is not None):
            return known
        chroma = look_up(opened.client, name)
        if chroma is None:
            raise CollectionNotFoundError(f"collection {name!r} is no longer in {self.address}")
        self._looked[name] = time.monotonic()
        opened.collections[name] = chroma
        return chroma

    def version(self, opened: OpenClient, chroma: ChromaCollection) -> object:  # noqa: ARG002
        """What the last writer left in the collection's metadata."""
        return str(chroma.id), (chroma.metadata or {}).get(REVISION_KEY)

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Only while the right to write is ours."""
        self._require_right()
        yield

    def create(
        self, opened: OpenClient, name: str, configuration: CreateCollectionConfiguration, metadata: dict[str, Any]
    ) -> ChromaCollection:
        """Make a collection, once, also where the reply to the first attempt is lost."""
        from chromadb.errors import ChromaError, NotFoundError

        revision = new_revision()
        try:
            return super().create(opened, name, configuration, {**metadata, REVISION_KEY: revision})
        except ChromaError:
            with contextlib.suppress(NotFoundError):
                made = opened.client.get_collection(name, embedding_function=None)
                if (made.metadata or {}).get(REVISION_KEY) == revision:
                    return made
            raise

    def delete(self, opened: OpenClient, name: str) -> None:
        """Remove a collection; one that is missing was removed by an attempt whose reply was lost."""
        from chromadb.errors import NotFoundError

        with contextlib.suppress(NotFoundError):
            super().delete(opened, name)

    def renew(self, opened: OpenClient | None = None) -> None:  # noqa: ARG002
        """Look collections up again at the next use."""
        with self._mutex:
            self._looked.clear()
            if self._current is not None:
                self._current.collections.clear()

    def translated(self, action: str) -> contextlib.AbstractContextManager[None]:
        """Turn a failure of Chroma or of the network into an error of ours, without the request and its headers."""
        return translated(action, self.address, is_cloud=self._is_cloud, url=self._url)

    def index_configuration(self, hnsw: HnswSettings) -> CreateCollectionConfiguration:
        """HNSW as set on a server; the cloud has an index of its own kind."""
        return {"spann": {"space": "ip"}} if self._is_cloud else hnsw_configuration(hnsw)

    def tidy(self) -> None:
        """Remove this machine's lexical indexes of deleted collections, and rights to write that lapsed."""
        words = self.lexical_root
        with self.use() as opened, self.translated("read"):
            names = {str(collection.id): collection.name for collection in self.collections(opened)}
            for name in names.values():
                if name.startswith(f"{LEASE}-"):
                    self.delete(opened, name)
        if not words.is_dir():
            return
        for left in words.iterdir():
            if left.name not in names and remove_index(left):
                left.with_suffix(".lock").unlink(missing_ok=True)

    def size(self, collection_id: str | None = None) -> int | None:  # noqa: ARG002
        """Unknown: the server does not say."""
        return None

    def close(self) -> None:
        """Let go of the connections."""
        with self._mutex:
            self._looked.clear()
            self._retire()
