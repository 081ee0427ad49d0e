"""A Chroma store: collections in a folder, on a server, or in the cloud."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_pipeline.config import HnswSettings
from rag_pipeline.errors import CollectionNotFoundError
from rag_pipeline.lexical.index import LexicalIndex
from rag_pipeline.store.access import SPACE, space_of
from rag_pipeline.store.collection import Collection
from rag_pipeline.store.connection import Connection, OpenClient
from rag_pipeline.store.embedded.connection import EmbeddedConnection
from rag_pipeline.store.fingerprint import EMBEDDING_KEY, Fingerprint
from rag_pipeline.store.foreign import ForeignCollection
from rag_pipeline.store.names import RETIRED, STAGING, is_reserved

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection


class Store:
    """Collections in one place.

    Reading never makes anything there. Writing is for one process at a time, and one thread of it: take :meth:`writer`
    around it, which lets threads wait for each other.

    Args:
        place: a folder, or the way to a server.
        hnsw: index settings for collections made from now on.
    """

    def __init__(self, place: Path | Connection, hnsw: HnswSettings | None = None) -> None:
        self._connection = EmbeddedConnection(place) if isinstance(place, Path) else place
        self._hnsw = hnsw or HnswSettings()
        self._lexical: dict[str, LexicalIndex] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        if self._connection.is_shared:
            raise TypeError(
                "a store on a server does not go through pickle; open it from the settings where it arrives"
            )
        return Store, (Path(self.address), self._hnsw)

    @property
    def address(self) -> str:
        """Where it is, for people: the folder, or the server's address."""
        return self._connection.address

    @property
    def place(self) -> str:
        """The first name of :attr:`address`."""
        return self.address

    @property
    def exists(self) -> bool:
        """Whether there is a store to read; one whose making was cut off, or is under way, is none yet."""
        return self._connection.exists

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the right to write.

        Raises:
            StoreLockedError: another process is writing; or others of this one are, for too long.
            StoreError: the folder cannot be made or written.
            ServiceError: the server cannot be reached, or refuses.
        """
        with self._connection.writer():
            if self.exists:
                self._finish_replacements()
            yield

    def check_integrity(self) -> None:
        """Look through the database of a store in a folder; takes as long as reading it.

        Raises:
            StoreError: it is damaged.
        """
        if self.exists:
            self._connection.check_integrity()

    def names(self) -> list[str]:
        """Names of the collections, sorted; half-made ones are left out."""
        if not self.exists:
            return []
        return sorted(name for name in self._all_names() if not is_reserved(name))

    def own_names(self) -> list[str]:
        """Names of the collections that can be asked here; a store may hold others, of another space."""
        if not self.exists:
            return []
        with self._connection.use() as opened, self._connection.translated("read"):
            made = {chroma.name: space_of(chroma) for chroma in self._connection.collections(opened)}
        return sorted(name for name, space in made.items() if space == SPACE and not is_reserved(name))

    def get(self, name: str) -> Collection:
        """One collection.

        Raises:
            CollectionNotFoundError: there is none of that name; the known ones are listed.
            StoreError: the store cannot be read.
        """
        self._check_known(name)
        return self._get(name)

    def find(self, name: str) -> Collection | None:
        """One collection; None: there is none of that name.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._get(name) if name in self.names() else None

    def foreign(self, name: str) -> ForeignCollection:
        """One collection, whoever made it.

        Raises:
            CollectionNotFoundError: there is none of that name; the known ones are listed.
        """
        self._check_known(name)
        return ForeignCollection(self._connection, name)

    def create(self, name: str, fingerprint: Fingerprint, embedding: str) -> Collection:
        """Make an empty collection with the inner-product space, which is read back."""
        limit = self._connection.limits.metadata_characters
        metadata = {**fingerprint.to_metadata(limit), EMBEDDING_KEY: embedding}
        self._connection.check()
        with self._changing() as opened:
            configuration = self._connection.index_configuration(self._hnsw)
            chroma = self._connection.create(opened, name, configuration, metadata)
        return self._collection(chroma)

    def recreate(self, name: str, fingerprint: Fingerprint, embedding: str) -> Collection:
        """Recreate a collection in place of one that is empty."""
        self._delete(name)
        made = self.create(name, fingerprint, embedding)
        self._connection.tidy()
        return made

    def staging(self, name: str, fingerprint: Fingerprint, embedding: str, *, restart: bool = False) -> Collection:
        """The collection that will take the place of ``name``.

        One left by a run that was cut off is continued, unless it is to ``restart``.
        """
        staging = name + STAGING
        if staging in self._all_names():
            left = self._get(staging)
            if not restart and left.fingerprint is not None and not left.fingerprint.differences(fingerprint):
                return left
            self._delete(staging)
        return self.create(staging, fingerprint, embedding)

    def replace(self, name: str, staging: Collection) -> None:
        """Put a staged collection in the place of ``name``. Cut off at any point, the next writer finishes it."""
        if name in self._all_names():
            self._rename(name, name + RETIRED)
        staging.rename(name)
        self._finish_replacements()

    @property
    def being_written(self) -> bool:
        """Whether someone of this machine seems to write just now; one that was killed may still count."""
        return self._connection.being_written

    def disk_size(self, collection: Collection | None = None) -> int | None:
        """Bytes on this machine's disk of a collection's indexes, or of the whole store; None where unknown."""
        return self._connection.size(None if collection is None else collection.id)

    def close(self) -> None:
        """Let go of the files."""
        for lexical in self._lexical.values():
            lexical.close()
        self._connection.close()

    def _finish_replacements(self) -> None:
        names = self._all_names()
        for retired in sorted(name for name in names if name.endswith(RETIRED)):
            name = retired.removesuffix(RETIRED)
            if name not in names and name + STAGING in names:
                # Cut off between the two renamings: the staged collection was complete.
                self._rename(name + STAGING, name)
            elif name not in names:
                self._rename(retired, name)
                continue
            self._delete(retired)
        self._connection.tidy()

    def _check_known(self, name: str) -> None:
        known = self.names()
        if name not in known:
            listed = f"known: {', '.join(known)}" if known else "the store has none yet: run rag-pipeline ingest first"
            raise CollectionNotFoundError(f"unknown collection {name!r} in {self.address}; {listed}")

    def _rename(self, old: str, new: str) -> None:
        # Not by way of Collection, which takes none of another space.
        with self._changing() as opened:
            opened.client.get_collection(old, embedding_function=None).modify(name=new)
            opened.collections.pop(old, None)

    def _delete(self, name: str) -> None:
        with self._changing() as opened:
            opened.collections.pop(name, None)
            self._connection.delete(opened, name)

    def _get(self, name: str) -> Collection:
        self._connection.check()
        with self._connection.use() as opened, self._connection.translated("read"):
            chroma = self._connection.collection(opened, name)
        return self._collection(chroma)

    def _collection(self, chroma: ChromaCollection) -> Collection:
        return Collection(self._connection, chroma, self._lexical_index)

    def _lexical_index(self, collection_id: str) -> LexicalIndex:
        folder = self._connection.lexical_root / collection_id
        return self._lexical.setdefault(collection_id, LexicalIndex(folder))

    def _all_names(self) -> set[str]:
        self._connection.check()
        with self._connection.use() as opened, self._connection.translated("read"):
            return {collection.name for collection in self._connection.collections(opened)}

    @contextlib.contextmanager
    def _changing(self) -> Iterator[OpenClient]:
        connection = self._connection
        with connection.use() as opened, connection.changing(), connection.translated("write"):
            yield opened
