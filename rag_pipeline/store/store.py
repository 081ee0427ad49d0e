"""The embedded Chroma store: a folder that holds collections."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rag_pipeline.config import HnswSettings
from rag_pipeline.errors import CollectionNotFoundError, StoreError
from rag_pipeline.lexical.index import LexicalIndex
from rag_pipeline.store import disk
from rag_pipeline.store.chroma_errors import translated
from rag_pipeline.store.client import StoreClient
from rag_pipeline.store.collection import Collection
from rag_pipeline.store.fingerprint import EMBEDDING_KEY, FINGERPRINT_KEY, Fingerprint
from rag_pipeline.store.foreign import ForeignCollection
from rag_pipeline.store.lock import writer_lock

if TYPE_CHECKING:
    from chromadb.api.collection_configuration import CreateCollectionConfiguration
    from chromadb.api.models.Collection import Collection as ChromaCollection

# A collection that is being made anew keeps this ending until it replaces the old one.
STAGING = ".rag-rebuild"
RETIRED = ".rag-retired"


class Store:
    """Collections in one folder.

    Reading never creates the folder. Writing is for one process at a time: take :meth:`writer` around it.

    Args:
        path: the folder.
        hnsw: index settings for collections made from now on.
    """

    def __init__(self, path: Path, hnsw: HnswSettings | None = None) -> None:
        self.path = path
        self._hnsw = hnsw or HnswSettings()
        self._client = StoreClient(path)
        self._lexical: dict[str, LexicalIndex] = {}

    @property
    def exists(self) -> bool:
        """Whether there is a store to read; one whose making was cut off, or is under way, is none yet."""
        self._check()
        return (self.path / disk.DATABASE).exists() and "collections" in disk.tables(self.path)

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the right to write.

        Raises:
            StoreLockedError: another process is writing.
            StoreError: the folder cannot be made or written.
        """
        self._check()
        with writer_lock(self.path), self._client.writing():
            if self.exists:
                self._finish_replacements()
            yield

    def names(self) -> list[str]:
        """Names of the collections, sorted; half-made ones are left out."""
        if not self.exists:
            return []
        return sorted(name for name in self._all_names() if not name.endswith((STAGING, RETIRED)))

    def get(self, name: str) -> Collection:
        """One collection.

        Raises:
            CollectionNotFoundError: there is none of that name; the known ones are listed.
            StoreError: the store cannot be read.
        """
        self._check_known(name)
        return self._get(name)

    def foreign(self, name: str) -> ForeignCollection:
        """One collection, whoever made it.

        Raises:
            CollectionNotFoundError: there is none of that name; the known ones are listed.
        """
        self._check_known(name)
        return ForeignCollection(self._client, name)

    def create(self, name: str, fingerprint: Fingerprint, embedding: str) -> Collection:
        """Make an empty collection with the inner-product space, which is read back."""
        configuration: CreateCollectionConfiguration = {
            "hnsw": {
                "space": "ip",
                "max_neighbors": self._hnsw.max_neighbors,
                "ef_construction": self._hnsw.ef_construction,
                "ef_search": self._hnsw.ef_search,
            }
        }
        self._check()
        with self._client.use() as generation, self._client.changing(), translated("write"):
            chroma = generation.client.create_collection(
                name=name,
                embedding_function=None,  # vectors come from outside; Chroma's default would fetch a model
                configuration=configuration,
                metadata={FINGERPRINT_KEY: fingerprint.to_json(), EMBEDDING_KEY: embedding},
            )
        return self._collection(chroma)

    def recreate(self, name: str, fingerprint: Fingerprint, embedding: str) -> Collection:
        """Make a collection anew in place of one that is empty."""
        self._delete(name)
        return self.create(name, fingerprint, embedding)

    def staging(self, name: str, fingerprint: Fingerprint, embedding: str, *, anew: bool = False) -> Collection:
        """The collection that will take the place of ``name``.

        One left by a run that was cut off is gone on with, unless it is to be made ``anew``.
        """
        staging = name + STAGING
        if staging in self._all_names():
            left = self._get(staging)
            if not anew and left.fingerprint is not None and not left.fingerprint.differences(fingerprint):
                return left
            self._delete(staging)
        return self.create(staging, fingerprint, embedding)

    def replace(self, name: str, staging: Collection) -> None:
        """Put a staged collection in the place of ``name``. Cut off at any point, the next writer finishes it."""
        if name in self._all_names():
            self._rename(name, name + RETIRED)
        staging.rename(name)
        self._finish_replacements()

    def disk_size(self, collection: Collection | None = None) -> int | None:
        """Bytes on disk of a collection's indexes, or of the whole store; None where it cannot be told."""
        return disk.store_size(self.path) if collection is None else disk.index_size(self.path, collection.id)

    def close(self) -> None:
        """Let go of the files."""
        for lexical in self._lexical.values():
            lexical.close()
        self._client.close()

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
        disk.remove_orphaned_indexes(self.path)

    def _check_known(self, name: str) -> None:
        known = self.names()
        if name not in known:
            listed = f"known: {', '.join(known)}" if known else "the store has none yet: run ingest.py first"
            raise CollectionNotFoundError(f"unknown collection {name!r} in {self.path}; {listed}")

    def _rename(self, old: str, new: str) -> None:
        # Not by way of Collection, which takes none of another space.
        with self._client.use() as generation, self._client.changing(), translated("write"):
            generation.client.get_collection(old, embedding_function=None).modify(name=new)
            generation.collections.pop(old, None)

    def _delete(self, name: str) -> None:
        with self._client.use() as generation, self._client.changing(), translated("write"):
            generation.collections.pop(name, None)
            generation.client.delete_collection(name)

    def _get(self, name: str) -> Collection:
        self._check()
        with self._client.use() as generation, translated("read"):
            chroma = self._client.collection(generation, name)
        return self._collection(chroma)

    def _collection(self, chroma: ChromaCollection) -> Collection:
        return Collection(self._client, chroma, self._lexical_index)

    def _lexical_index(self, collection_id: str) -> LexicalIndex:
        folder = disk.lexical_folder(self.path, collection_id)
        return self._lexical.setdefault(collection_id, LexicalIndex(folder))

    def _all_names(self) -> set[str]:
        self._check()
        with self._client.use() as generation, translated("read"):
            return {collection.name for collection in generation.client.list_collections()}

    def _check(self) -> None:
        """Say in words what Chroma would say in its own, or by a crash."""
        if self.path.exists() and not self.path.is_dir():
            raise StoreError(f"store {self.path} is not a folder; move it away or set store.path")
        if not (self.path / disk.DATABASE).exists():
            return
        try:
            tables = disk.tables(self.path)
        except sqlite3.OperationalError as error:
            raise StoreError(f"store {self.path} cannot be read just now ({error}); try again") from None
        except sqlite3.Error as error:
            raise StoreError(
                f"store {self.path} is not readable as a Chroma store ({error});"
                " restore it from a copy, or move it away and ingest again"
            ) from None
        if tables and not tables & disk.CHROMA_TABLES:
            raise StoreError(
                f"{self.path / disk.DATABASE} is a database of something else than Chroma;"
                " set store.path to another folder"
            )
