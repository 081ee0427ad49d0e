"""One writer on a store: Chroma's embedded index is damaged, silently, by two."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag_pipeline.errors import StoreError, StoreLockedError

_LOCK = "writer.lock"
_HOLDER = "writer.txt"


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
    process = os.getpid()
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
            lock.release()


def writing_now(store: Path) -> bool:
    """Whether someone writes; a writer that was killed may count as one until the next."""
    return (store / _HOLDER).exists()


def _ourselves() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _holder(store: Path) -> str:
    try:
        return f" ({(store / _HOLDER).read_text('utf-8', errors='replace')})"
    except OSError:
        return ""
