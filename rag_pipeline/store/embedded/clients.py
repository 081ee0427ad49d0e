"""The clients of Chroma that this process has of stores in folders.

A client takes a dozen open files and seven threads, so all who read one store share one; only a writer has its own, for
as long as it writes. Whoever finds that the store was written to since has it opened again for all. Those who are
reading keep the client they began with, which is closed by the last of them.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from rag_pipeline import forking
from rag_pipeline.errors import StoreError
from rag_pipeline.store.connection import OpenClient
from rag_pipeline.store.embedded import database, disk, mirror, safekeeping
from rag_pipeline.store.embedded.chroma_errors import is_of_the_disk, translated
from rag_pipeline.store.embedded.forked import forget_failed, require_threads, used_once
from rag_pipeline.store.embedded.lock import writing_now

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

# A byte for each write to the store.
WRITES = "writes"
# While someone writes, at most this share of the time goes into opening the store again.
_RENEWING_SHARE = 0.05
# Chroma keeps as many indexes open as a fifth of the files that the process may, and then closes and loads them without
# our lock. So a client that has loaded half as many is followed by another.
_FILES_AN_INDEX = 10
_FILES_UNKNOWN = 512

_clients: dict[Path, Clients] = {}
_clients_lock = threading.Lock()
_numbers_in_use: set[int] = set()
_numbers_lock = threading.Lock()
forking.renew_locks(sys.modules[__name__])


class Clients:
    """The clients of one store; made by :func:`clients_of`, once for each folder.

    Args:
        path: the folder, links followed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.mutex = threading.RLock()
        """Held while a client is chosen, opened or closed."""
        self.shared: OpenClient | None = None
        """The one that is read by, if it is open."""
        self._holders: weakref.WeakSet[object] = weakref.WeakSet()
        # Copies of the database of a store that may not be written, by the client's number.
        self._mirrors: dict[int, tempfile.TemporaryDirectory[str]] = {}
        forking.renew_locks(self)

    def reading(self, holder: object) -> OpenClient:
        """The client that readers share, opened if it has to be; it is open until each of its holders releases it.

        Raises:
            StoreError: it cannot be opened.
        """
        with self.mutex:
            self._holders.add(holder)
            if self.shared is not None and self._is_due(self.shared):
                self.retire(self.shared)
            if self.shared is None:
                self.shared = self.open()
            return self.shared

    def hand_over(self, holder: object, opened: OpenClient) -> None:
        """Let readers share what a writer, who is done, has opened: it knows all that is written."""
        with self.mutex:
            opened.state = state_of(self._path)
            self._holders.add(holder)
            before, self.shared = self.shared, opened
            if before is not None:
                self.retire(before)

    def release(self, holder: object) -> None:
        """A holder needs it no more; the last one closes it."""
        with self.mutex:
            self._holders.discard(holder)
            if self.shared is not None and not self._holders:
                self.retire(self.shared)

    def retire(self, opened: OpenClient) -> None:
        """Nobody begins to use a client any more; it is closed as soon as nobody uses it."""
        with self.mutex:
            if opened is self.shared:
                self.shared = None
            if not opened.retired:
                opened.retired = True
                if not opened.users:
                    self.let_go(opened)

    def retire_if_full(self, opened: OpenClient) -> None:
        """Have the next index loaded by another client, before this one closes any by itself."""
        if len(opened.loaded) > most_indexes():
            self.retire(opened)

    def open(self, *, writing: bool = False) -> OpenClient:
        """Open a client that nobody shares.

        Args:
            writing: the caller has the right to write.

        Raises:
            StoreError: it cannot be opened; or this process was forked from one that has used Chroma.
        """
        require_threads(str(self._path))
        state, started = state_of(self._path), time.monotonic()
        # Asked before Chroma has the database open, when it takes no process.
        keeps_log = not writing or database.keeps_log(self._path)
        with _numbers_lock:
            number = next(number for number in itertools.count(1) if number not in _numbers_in_use)
            _numbers_in_use.add(number)
        try:
            client = self._connected(number, writing=writing)
            if not keeps_log:
                safekeeping.keep_log(self._path, alone=used_once())
        except BaseException:
            self._forget(number)
            raise
        return OpenClient(client, started, number, state, time.monotonic() - started)

    def _connected(self, number: int, *, writing: bool) -> ClientAPI:
        """A client of an address of its own; of a copy, where a reader's could not write as it opens."""
        if writing or not mirror.is_needed(self._path):
            try:
                return self._at(str(self._path), number)
            except StoreError as error:
                if writing or not is_of_the_disk(error):
                    raise
                try:
                    self._mirrors[number] = mirror.make(self._path)
                except StoreError:
                    raise error from None  # nor is there room for a copy
        else:
            self._mirrors[number] = mirror.make(self._path)
        return self._at(self._mirrors[number].name, number)

    def _at(self, folder: str, number: int) -> ClientAPI:
        import chromadb

        # Chroma gives every client of one address the same system; so many "/." make an address of our own.
        # Its settings are the defaults; its telemetry is an empty function in 1.5.9.
        address = folder + (os.sep + os.curdir) * number
        try:
            with database.opening(self._path), translated("open"):
                return chromadb.PersistentClient(address)
        except BaseException:
            forget_failed(address)
            raise

    def let_go(self, opened: OpenClient) -> None:
        """Close a client that nobody uses any more."""
        opened.collections.clear()
        close = getattr(opened.client, "close", None)
        if close is not None:
            close()
        database.closed(self._path)
        self._forget(opened.number)

    def _forget(self, number: int) -> None:
        if (copy := self._mirrors.pop(number, None)) is not None:
            copy.cleanup()
        _give_back(number)

    def _is_due(self, opened: OpenClient) -> bool:
        if state_of(self._path) == opened.state:
            return False
        age = time.monotonic() - opened.opened
        return opened.loading_seconds <= age * _RENEWING_SHARE or not writing_now(self._path)

    def forget_parents(self) -> None:
        """In a forked child: the threads and connections of what is open are the parent's."""
        forking.keep(self.shared)
        for copy in self._mirrors.values():
            copy._finalizer.detach()  # type: ignore[attr-defined]  # or the child's end would remove what the parent reads
        self._mirrors.clear()
        self.shared, self._holders = None, weakref.WeakSet()


def clients_of(path: Path) -> Clients:
    """The clients of the store in a folder, by whichever name it is called."""
    with _clients_lock:
        place = path.resolve()
        if place not in _clients:
            _clients[place] = Clients(place)
        return _clients[place]


def state_of(path: Path) -> tuple[int, ...]:
    """Changes with every write: how many there were, and the size of the database, for writers that do not count.

    With the number of its file, for a store that was put in the place of another. The database's time says nothing,
    because opening it touches it. Nor is SQLite asked: a second copy of the library in one process would undo the locks
    of the first.
    """
    return (*_seen(path / WRITES)[:1], *_seen(path / disk.DATABASE))


def most_indexes() -> int:
    """How many indexes one client loads."""
    if sys.platform == "win32":
        return _FILES_UNKNOWN // _FILES_AN_INDEX
    import resource

    return max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _FILES_AN_INDEX)


def _seen(file: Path) -> tuple[int, int]:
    try:
        stat = file.stat()
    except OSError:
        return 0, 0
    return stat.st_size, stat.st_ino


def _give_back(number: int) -> None:
    with _numbers_lock:
        _numbers_in_use.discard(number)


def _in_child() -> None:
    for clients in list(_clients.values()):
        clients.forget_parents()


forking.after_fork(_in_child)
