"""The Chroma client of a store in a folder, kept in step with what other processes write, and kept from harming it.

An embedded client reads a collection's vector index from its files once, at the first call on the collection; what
others write afterwards it never sees (chroma/rust/frontend/src/executor/local.rs). At that first call it also brings
the index up to date from the log, as a writer would, and may save it. Two things follow:

- Loading has to be apart from writing: an index that is read while its files are written, or saved by a reader in
  between, is damaged for good. Both are done under one lock, which is held for moments.
- A client that is older than the last write has to be replaced (:mod:`clients`).

An index whose save was cut off ends the process that loads it. So its files are looked at before; the writer recovers a
damaged one (:mod:`safekeeping`), and readers do without it (:mod:`rows`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rag_pipeline import forking
from rag_pipeline.config import HnswSettings
from rag_pipeline.errors import CollectionNotFoundError, StoreError
from rag_pipeline.store.changing_places import look_up
from rag_pipeline.store.connection import Connection, Limits, OpenClient, Tally
from rag_pipeline.store.embedded import database, disk, safekeeping
from rag_pipeline.store.embedded.chroma_errors import translated
from rag_pipeline.store.embedded.clients import WRITES, clients_of, state_of
from rag_pipeline.store.embedded.lock import IndexLock, writer_lock, writing_now
from rag_pipeline.store.embedded.rows import RowsAlone, damage_of
from rag_pipeline.store.embedded.tallies import tallies as count_all
from rag_pipeline.store.queueing import WAIT_SECONDS, turn

if TYPE_CHECKING:
    from chromadb.api.collection_configuration import CreateCollectionConfiguration
    from chromadb.api.models.Collection import Collection as ChromaCollection

_log = logging.getLogger(__name__)

# So many of the other things in a store's folder are named.
_NAMED = 3

_START_AGAIN = "restore it from a copy, or move it away and ingest again"


class EmbeddedConnection(Connection):
    """The way to a store in a folder. Reading never makes the folder.

    Args:
        path: the folder.
        queue_timeout: seconds that a writer waits for others of this process.
    """

    is_shared = False

    def __init__(self, path: Path, queue_timeout: float = WAIT_SECONDS) -> None:
        super().__init__()
        self._path = path
        self._queue_timeout = queue_timeout
        self.address = str(path)
        self.lexical_root = path / disk.LEXICAL_FOLDER
        self.limits = Limits()
        self._writing = False
        self._clients = clients_of(path)
        self._mutex = self._clients.mutex
        self._index = IndexLock(path)

    @property
    def exists(self) -> bool:
        """Whether there is a store to read; one whose making was cut off, or is under way, is none yet."""
        self.check()
        return (self._path / disk.DATABASE).exists() and "collections" in disk.tables(self._path)

    @property
    def being_written(self) -> bool:
        """Whether someone writes just now; one that was killed on another machine counts until the next."""
        return writing_now(self._path)

    def state(self) -> object:
        """A value that is equal for as long as nothing was written."""
        return state_of(self._path)

    def check(self) -> None:
        """Say in words what Chroma would say in its own, or by a crash."""
        if self._path.exists() and not self._path.is_dir():
            raise StoreError(f"store {self._path} is not a folder; move it away or set store.path")
        if name := disk.foreign_file(self._path):
            raise StoreError(
                f"{self._path / name} is none of a store's files, and stands where a store keeps its own;"
                " set store.path to a folder of its own, or move it away"
            )
        file = self._path / disk.DATABASE
        if not file.exists():
            if disk.left_behind(self._path):
                raise StoreError(f"store {self._path} has lost its database {disk.DATABASE}; {_START_AGAIN}")
            return
        if not file.is_file():
            raise StoreError(f"{file} is not a file; {_START_AGAIN}")
        try:
            tables = disk.tables(self._path)
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"store {self._path} cannot be read just now ({error}); try again, and if it stays so, see whether you"
                " may read and write its files"
            ) from None
        except sqlite3.Error as error:
            raise StoreError(
                f"store {self._path} is not readable as a Chroma store ({error}); {_START_AGAIN}"
            ) from None
        if not tables and disk.left_behind(self._path):
            raise StoreError(f"store {self._path} has lost what was in its database {disk.DATABASE}; {_START_AGAIN}")
        if tables and not tables & disk.CHROMA_TABLES:
            raise StoreError(
                f"{self._path / disk.DATABASE} is a database of something else than Chroma;"
                " set store.path to another folder"
            )

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the right to write.

        Raises:
            StoreLockedError: another process is writing; or others of this one are, for too long.
            StoreError: the folder cannot be made or written.
        """
        self.check()
        self.require_own_process()
        if others := disk.strangers(self._path):
            _log.warning(
                "the store is made in %s, which holds other things (%s); they are left alone, but a folder of its own"
                " is easier to copy and to delete: set store.path",
                self._path,
                ", ".join(others[:_NAMED]) + (", …" if len(others) > _NAMED else ""),
            )
        queue = turn(str(self._path.resolve()), f"store {self._path}", self._queue_timeout)
        with queue, writer_lock(self._path), self._writing_alone():
            yield

    @contextlib.contextmanager
    def _writing_alone(self) -> Iterator[None]:
        """Start from what is stored now, and stay with it: nobody else writes."""
        with self._mutex:
            self._clients.release(self)
            self._writing = True
        try:
            yield
        finally:
            with self._mutex:
                self._writing = False
                self.recovered.clear()
                opened, self._current = self._current, None
                if self._process != os.getpid():
                    forking.keep(opened)
                elif opened is not None:
                    self._clients.hand_over(self, opened)

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Around everything that writes: nobody loads an index meanwhile, and readers learn of it afterwards.

        Raises:
            StoreLockedError: others hold the lock too long.
        """
        with self._index.held():
            try:
                yield
            finally:
                self._count_write()

    def _count_write(self) -> None:
        """Have readers that stay open look again."""
        with contextlib.suppress(OSError), (self._path / WRITES).open("ab") as writes:
            writes.write(b".")

    def collection(self, opened: OpenClient, name: str) -> ChromaCollection:
        """A collection of an opened client, its index loaded.

        Raises:
            CollectionNotFoundError: there is none of that name any more.
            chromadb.errors.ChromaError: it cannot be read.
        """
        chroma = opened.collections.get(name)
        if chroma is not None and str(chroma.id) in opened.loaded:
            return chroma
        chroma = self._look_up(opened, name)
        if str(chroma.id) not in opened.loaded:
            with self._index.held(), opened.loading:
                # Looked up again: nothing is renamed or deleted now until the index is loaded.
                chroma = self._look_up(opened, name)
                if str(chroma.id) not in opened.loaded:
                    chroma = self._load(opened, chroma, name)
        if isinstance(opened.kept.get(str(chroma.id)), RowsAlone):
            chroma = cast("ChromaCollection", opened.kept[str(chroma.id)])  # perhaps it has got another name
        opened.collections[name] = chroma
        return chroma

    def _look_up(self, opened: OpenClient, name: str) -> ChromaCollection:
        chroma = look_up(opened.client, name)
        if chroma is None:
            raise CollectionNotFoundError(f"collection {name!r} is no longer in {self._path}")
        return chroma

    def collections(self, opened: OpenClient) -> Iterator[ChromaCollection]:
        """All collections of the store, as they are at one moment."""
        yield from opened.client.list_collections()

    def _load(self, opened: OpenClient, chroma: ChromaCollection, name: str) -> ChromaCollection:
        """Have Chroma load an index, if it can be loaded; what stands for the collection."""
        key, started = str(chroma.id), time.monotonic()
        # What was written before the first collection is loaded is loaded with it.
        state = state_of(self._path) if not opened.loaded else opened.state
        keeper = safekeeping.IndexKeeper(self._path, chroma)
        problem, lost = keeper.problem(), ""
        if problem and self._writing:
            lost = keeper.recover()
            if not lost:
                _log.warning("the vector index of %r was damaged (%s); it is recovered from its copy", name, problem)
                self.recovered[key] = problem
            problem = f"{problem}; {lost}" if lost else ""
        if problem:
            damage = damage_of(name, problem, recoverable=not lost and keeper.recoverable)
            opened.kept[key] = rows = RowsAlone(self._path, chroma, damage)
            chroma = cast("ChromaCollection", rows)
        else:
            with self._retired_by_failure(opened), keeper.saving(0, writing=self._writing):
                chroma.count()
            if self._writing:
                keeper.protect()
            if key in self.recovered:
                self._count_write()
            opened.kept[key] = keeper
        opened.state = state
        opened.loading_seconds += time.monotonic() - started
        opened.loaded.add(key)
        if not self._writing:
            self._clients.retire_if_full(opened)
        return chroma

    @contextlib.contextmanager
    def _retired_by_failure(self, opened: OpenClient) -> Iterator[None]:
        """A client that has failed to write goes on with an index that is not the one on disk: nobody is to use it."""
        try:
            yield
        except BaseException:
            with self._mutex:
                if opened is self._current:
                    self._current = None
                self._clients.retire(opened)
            raise

    @contextlib.contextmanager
    def writing_to(self, opened: OpenClient, name: str, rows: int = 0) -> Iterator[ChromaCollection]:
        """A collection of an opened client, to be written to; after a failure its index is looked at anew.

        Raises:
            StoreError: it cannot be written; or its index was not saved whole, and the next writer recovers it.
        """
        with super().writing_to(opened, name) as chroma:
            keeper = opened.kept[str(chroma.id)]
            if not rows or not isinstance(keeper, safekeeping.IndexKeeper):
                yield chroma
                return
            with self._retired_by_failure(opened), keeper.saving(rows):
                yield chroma

    def damage(self, chroma: ChromaCollection) -> str:
        """Why a collection has no vectors to be asked for, and what to do; empty if it has."""
        return str(getattr(chroma, "damage", ""))

    def version(self, opened: OpenClient, chroma: ChromaCollection) -> object:  # noqa: ARG002
        """A value that is equal for as long as nothing was written: a store that was is reopened."""
        return opened.opened

    def renew(self, opened: OpenClient | None = None) -> None:
        """Open the store again at the next use, if this is still the client in use; None: whichever is."""
        with self._mutex:
            shared = self._clients.shared
            if not self._writing and shared is not None and opened in (None, shared):
                self._clients.retire(shared)

    def translated(self, action: str) -> contextlib.AbstractContextManager[None]:
        """Turn a failure of Chroma into a StoreError."""
        return translated(action, lambda: database.problem(self._path))

    def check_integrity(self) -> None:
        """Have SQLite read the whole database.

        Raises:
            StoreError: it is damaged.
        """
        self.check()
        if problem := database.problem(self._path):
            raise StoreError(f"the database of store {self._path} is damaged ({problem}); {_START_AGAIN}")

    def index_configuration(self, hnsw: HnswSettings) -> CreateCollectionConfiguration:
        """Chroma's HNSW index over inner products."""
        return hnsw_configuration(hnsw)

    def tidy(self) -> None:
        """Remove index folders that no collection refers to."""
        disk.remove_orphaned_indexes(self._path)

    def size(self, collection_id: str | None = None) -> int | None:
        """Bytes on disk of a collection's indexes, or of the whole store; None where it cannot be told."""
        return disk.store_size(self._path) if collection_id is None else disk.index_size(self._path, collection_id)

    def tallies(self, chromas: Mapping[str, ChromaCollection]) -> Mapping[str, Tally]:
        """What the database and the files tell of collections, by id, while nobody writes.

        Raises:
            StoreLockedError: others hold the lock too long.
        """
        with self._index.held():
            return count_all(self._path, chromas.items())

    def close(self) -> None:
        """Let go of the files, as soon as nobody reads any more, here or by another connection to the same store."""
        with self._mutex:
            self._retire()
            self._clients.release(self)

    def _ready(self) -> OpenClient:
        if not self._writing:
            return self._clients.reading(self)
        if self._current is None:
            self._current = self._clients.open(writing=True)
        return self._current

    def _let_go(self, opened: OpenClient) -> None:
        self._clients.let_go(opened)


def hnsw_configuration(hnsw: HnswSettings) -> CreateCollectionConfiguration:
    """An HNSW index over inner products, as Chroma wants it said."""
    return {
        "hnsw": {
            "space": "ip",
            "max_neighbors": hnsw.max_neighbors,
            "ef_construction": hnsw.ef_construction,
            "ef_search": hnsw.ef_search,
        }
    }
