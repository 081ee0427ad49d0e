"""One writer on a store, and either writing or loading: Chroma's embedded index is damaged, silently, by two."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag_pipeline import forking
from rag_pipeline.errors import StoreError, StoreLockedError
from rag_pipeline.store.processes import is_alive

_LOCK = "writer.lock"
_HOLDER = "writer.txt"
_SAID = re.compile(r"process (?P<process>\d+) on (?P<host>.+) since ")
# What this process writes to.
_held: set[Path] = set()
_LOCK_SECONDS = 120
_POLL_SECONDS = 0.01


@contextlib.contextmanager
def writer_lock(store: Path) -> Iterator[None]:
    """Hold the right to write to a store; the lock goes with the process, also when it is killed.

    Raises:
        StoreLockedError: another process (or another writer of this one) holds it; at once, without waiting.
        StoreError: the store's folder cannot be made or written.
    """
    try:
        store.mkdir(parents=True, exist_ok=True)
        # Not a singleton and not thread-local: a second writer in this process is refused like any other.
        lock = FileLock(store / _LOCK, timeout=0, thread_local=False)
        lock.acquire()
    except Timeout:
        holder = _holder(store)
        who = "another thread of this process" if f" ({_ourselves()} " in holder else "another process"
        raise StoreLockedError(f"{who} is writing to {store}{holder}; wait until it is done, then try again") from None
    except OSError as error:
        raise StoreError(f"store {store} cannot be written: {error.strerror or error}") from None
    process, place = os.getpid(), store.resolve()
    _held.add(place)
    try:
        with contextlib.suppress(OSError):
            now = datetime.now(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
            (store / _HOLDER).write_text(f"{_ourselves()} since {now}", "utf-8")
        yield
    finally:
        # A process that was forked meanwhile leaves the lock to its parent.
        if os.getpid() == process:
            with contextlib.suppress(OSError):
                (store / _HOLDER).unlink()
            _held.discard(place)
            lock.release()


class IndexLock:
    """Kept while an index is written or loaded, for moments.

    Args:
        store: the folder.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._loading = threading.RLock()
        forking.renew_locks(self)
        # Whoever waits for the index holds the turn, so that a busy writer cannot take it again before them.
        self._turn = FileLock(store / "turn.lock", _LOCK_SECONDS, thread_local=False, poll_interval=_POLL_SECONDS)
        self._index = FileLock(store / "index.lock", _LOCK_SECONDS, thread_local=False, poll_interval=_POLL_SECONDS)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold it, as often as one likes.

        Raises:
            StoreLockedError: others hold it too long.
            StoreError: the folder cannot be locked.
        """
        with self._loading:
            held = self._acquire()
            try:
                yield
            finally:
                if held:
                    self._index.release()

    def _acquire(self) -> bool:
        """Take the lock; False in a folder that cannot be written, where nobody else writes either."""
        try:
            with self._turn:
                self._index.acquire()
        except Timeout:
            raise StoreLockedError(f"store {self._store} is being written all the time; try again later") from None
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                return False
            raise StoreError(f"store {self._store} cannot be locked: {error.strerror or error}") from None
        return True


def writing_now(store: Path) -> bool:
    """Whether someone writes; a writer that was killed on another machine counts as one until the next."""
    try:
        said = (store / _HOLDER).read_text("utf-8")
    except (OSError, ValueError):
        return False
    holder = _SAID.match(said)
    if holder is None or holder["host"] != socket.gethostname():
        return True
    process = int(holder["process"])
    return store.resolve() in _held if process == os.getpid() else is_alive(process)


def _ourselves() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _holder(store: Path) -> str:
    try:
        return f" ({(store / _HOLDER).read_text('utf-8', errors='replace')})"
    except OSError:
        return ""
