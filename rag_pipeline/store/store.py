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
from rag_pipeline.store.fingerprint import EMBEDDING_KEY, MOVES_TO_KEY, STAGED_KEY, Fingerprint
from rag_pipeline.store.foreign import ForeignCollection
from rag_pipeline.store.names import RETIRED, STAGING, Operation, is_reserved, known_names, standing_for
from rag_pipeline.store.overview import Overview, overview_of

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

_SWITCH = "switch"


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
        return sorted(known_names(self._all_names()))

    def own_names(self) -> list[str]:
        """Names of the collections that can be asked here; a store may hold others, of another space."""
        return sorted(self._own()[0])

    def overviews(self) -> tuple[list[Overview], list[str]]:
        """All collections that can be asked here in numbers, and the names of the others; both sorted by name.

        No index is loaded where it need not be.

        Raises:
            StoreError: the store cannot be read.
        """
        own, others = self._own()
        with self._connection.translated("read"):
            tallies = self._connection.tallies(own)
        made = []
        for name, chroma in sorted(own.items()):
            collection, tally = self._collection(name, chroma), tallies.get(str(chroma.id))
            made.append(overview_of(collection, tally, self.disk_size(collection) if tally is None else None))
        return made, others

    def get(self, name: str) -> Collection:
        """One collection.

        Raises:
            CollectionNotFoundError: there is none of that name; the known ones are listed.
            StoreError: the store cannot be read.
        """
        found = self.find(name)
        if found is None:
            raise self._unknown(name)
        return found

    def find(self, name: str) -> Collection | None:
        """One collection; None: there is none of that name.

        Raises:
            StoreError: the store cannot be read.
        """
        if is_reserved(name) or not self.exists:
            return None
        try:
            return self._get(name)
        except CollectionNotFoundError:
            return None

    def foreign(self, name: str) -> ForeignCollection:
        """One collection, whoever made it.

        Raises:
            CollectionNotFoundError: there is none of that name; the known ones are listed.
        """
        if name not in self.names():
            raise self._unknown(name)
        return ForeignCollection(self._connection, name)

    def create(
        self, name: str, fingerprint: Fingerprint, embedding: str, *, staged_for: Operation | None = None
    ) -> Collection:
        """Make an empty collection with the inner-product space, which is read back."""
        limit = self._connection.limits.metadata_characters
        metadata = {**fingerprint.to_metadata(limit), EMBEDDING_KEY: embedding}
        if staged_for is not None:
            metadata[STAGED_KEY] = staged_for
        self._connection.check()
        with self._changing() as opened:
            configuration = self._connection.index_configuration(self._hnsw)
            chroma = self._connection.create(opened, name, configuration, metadata)
        return self._collection(name, chroma)

    def recreate(self, name: str, fingerprint: Fingerprint, embedding: str) -> Collection:
        """Recreate a collection in place of one that is empty."""
        self._delete(name)
        made = self.create(name, fingerprint, embedding)
        self._connection.tidy()
        return made

    def staging(self, name: str, fingerprint: Fingerprint, embedding: str, operation: Operation) -> Collection:
        """The collection that will take the place of ``name``.

        One left by a rebuild that was cut off is continued by the next, if it is made in the same way. What another
        operation has left holds rows that a rebuild would not find in its folders, and is deleted.
        """
        staging = name + STAGING
        if staging in self._all_names():
            left = self._get(staging)
            is_same = left.fingerprint is not None and not left.fingerprint.differences(fingerprint)
            if is_same and operation == left.staged_for == "rebuild":
                return left
            self._delete(staging)
        return self.create(staging, fingerprint, embedding, staged_for=operation)

    def replace(self, name: str, staging: Collection) -> None:
        """Put a staged collection in the place of ``name``. Cut off at any point, the next writer finishes it."""
        if name in self._all_names():
            if self._marked(name, MOVES_TO_KEY):  # of a switch that was cut off before it began
                self._mark(name, MOVES_TO_KEY, None)
            self._rename(name, name + RETIRED)
        staging.rename(name)
        self._finish_replacements()

    def switch(self, name: str, other: str) -> None:
        """Let two collections change names. Cut off at any point, the next writer finishes it.

        Readers of ``name`` find one or the other at any time; those of ``other`` are told for a moment that there is
        none.

        Raises:
            CollectionNotFoundError: one of them is not there.
        """
        self.get(name), self.get(other)
        self._mark(name, MOVES_TO_KEY, other)
        self._mark(other, STAGED_KEY, _SWITCH)
        self._rename(other, name + STAGING)
        self._finish_replacements()

    @property
    def being_written(self) -> bool:
        """Whether someone writes just now; one that was killed on another machine may still count."""
        return self._connection.being_written

    def state(self) -> object:
        """A value that is equal for as long as nothing was written; None where only the collections tell."""
        return self._connection.state()

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
        for staged in sorted(name for name in names if name.endswith(STAGING)):
            name = staged.removesuffix(STAGING)
            if name in names and name + RETIRED not in names and self._marked(staged, STAGED_KEY) == _SWITCH:
                self._rename(name, name + RETIRED)
                names = names - {name} | {name + RETIRED}
        for retired in sorted(name for name in names if name.endswith(RETIRED)):
            name = retired.removesuffix(RETIRED)
            if name not in names and name + STAGING in names:
                # Cut off between the two renamings: the staged collection was complete.
                self._rename(name + STAGING, name)
            elif name not in names:
                self._rename(retired, name)
                continue
            target = self._marked(retired, MOVES_TO_KEY)
            if target and target not in self._all_names():
                self._rename(retired, target)
                self._mark(target, MOVES_TO_KEY, None)
                self._mark(name, STAGED_KEY, None)
            else:
                self._delete(retired)
        self._connection.tidy()

    def _own(self) -> tuple[dict[str, ChromaCollection], list[str]]:
        """The collections that can be asked here, by name, as Chroma lists them; the names of the others."""
        if not self.exists:
            return {}, []
        with self._connection.use() as opened, self._connection.translated("read"):
            listed = {chroma.name: chroma for chroma in self._connection.collections(opened)}
        known = {name: listed[standing_for(name, listed)] for name in known_names(listed)}
        own = {name: chroma for name, chroma in known.items() if space_of(chroma) == SPACE}
        return own, sorted(known.keys() - own.keys())

    def _unknown(self, name: str) -> CollectionNotFoundError:
        known = self.names()
        listed = f"known: {', '.join(known)}" if known else "the store has none yet: run rag-pipeline ingest first"
        return CollectionNotFoundError(f"unknown collection {name!r} in {self.address}; {listed}")

    def _rename(self, old: str, new: str) -> None:
        # Not by way of Collection, which takes none of another space.
        with self._changing() as opened:
            opened.client.get_collection(old, embedding_function=None).modify(name=new)
            opened.collections.pop(old, None)

    def _marked(self, name: str, key: str) -> str:
        with self._connection.use() as opened, self._connection.translated("read"):
            metadata = opened.client.get_collection(name, embedding_function=None).metadata
        return str((metadata or {}).get(key) or "")

    def _mark(self, name: str, key: str, value: str | None) -> None:
        """Set a key of a collection's metadata, or take it away."""
        with self._changing() as opened:
            chroma = opened.client.get_collection(name, embedding_function=None)
            rest = {known: said for known, said in (chroma.metadata or {}).items() if known != key}
            chroma.modify(metadata=rest if value is None else {**rest, key: value})
            opened.collections.pop(name, None)

    def _delete(self, name: str) -> None:
        with self._changing() as opened:
            opened.collections.pop(name, None)
            self._connection.delete(opened, name)

    def _get(self, name: str) -> Collection:
        self._connection.check()
        with self._connection.use() as opened, self._connection.translated("read"):
            chroma = self._connection.collection(opened, name)
        return self._collection(name, chroma)

    def _collection(self, name: str, chroma: ChromaCollection) -> Collection:
        return Collection(self._connection, name, chroma, self._lexical_index)

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
