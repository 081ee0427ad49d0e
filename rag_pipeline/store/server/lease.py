"""One writer on a server: the right to write is a collection, because making one of a name that is there fails.

Chroma's server survives two writers; a sync does not, since each would remove what the other has just written. A
holder that is killed cannot give the right back. It shows that it lives by a time, of the server's clock, that it
writes again and again; on the machine of a dead process nobody needs to wait for that.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_pipeline.errors import StoreLockedError, StoreUnreachableError
from rag_pipeline.store.names import LEASE
from rag_pipeline.store.processes import is_alive

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

# What this process holds, or tries to.
_ours: set[str] = set()
BEAT_SECONDS = 10.0
LAPSE_SECONDS = 60.0
# A holder gives up long before others may take over.
HOLD_SECONDS = 30.0


class WriterLease:
    """The right to write to one database of a server.

    Args:
        client: of that database.
        address: where it is, for messages.
    """

    def __init__(self, client: ClientAPI, address: str) -> None:
        self._client = client
        self._address = address
        self._token = uuid.uuid4().hex
        self._stop = threading.Event()
        self._last_beat = 0.0
        self._lost = ""

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold it.

        Raises:
            StoreLockedError: another process holds it; at once.
        """
        _ours.add(self._token)
        try:
            with self._beating():
                yield
        finally:
            _ours.discard(self._token)

    @contextlib.contextmanager
    def _beating(self) -> Iterator[None]:
        self._take()
        beating = threading.Thread(target=self._beat, name="rag_pipeline-lease", daemon=True)
        beating.start()
        is_there = True
        try:
            yield
        except StoreUnreachableError:
            is_there = False  # the right ends by itself; trying once more would only take time
            raise
        finally:
            self._stop.set()
            beating.join(BEAT_SECONDS if is_there else 0)
            with contextlib.suppress(Exception):
                if is_there:
                    self._put_away({"token": self._token})

    @property
    def is_held(self) -> bool:
        """Whether anybody holds it, who has not shown for too long that he lives."""
        holder = self._read()
        return bool(holder) and not self._is_over(holder)

    def check(self) -> None:
        """Refuse to go on where another may have taken over.

        Raises:
            StoreLockedError: this process could not show that it lives for too long.
        """
        if not self._lost and _seconds() - self._last_beat > HOLD_SECONDS:
            self._lost = f"because the server was out of reach for {HOLD_SECONDS:.0f} s"
        if self._lost:
            raise StoreLockedError(
                f"the right to write to {self._address} ended, {self._lost}; run the same command again"
            )

    def _take(self) -> None:
        from chromadb.errors import ChromaError

        for _ in range(2):
            self._last_beat = _seconds()
            try:
                self._client.create_collection(LEASE, embedding_function=None, metadata=self._metadata())
            except ChromaError:
                holder = self._read()
                if holder.get("token") == self._token:
                    return  # made at an attempt whose reply was lost
                if holder and not self._is_over(holder):
                    who = "another thread of this process" if holder.get("token") in _ours else "another process"
                    raise StoreLockedError(
                        f"{who} is writing to {self._address} (process {holder.get('process')} on"
                        f" {holder.get('host')} since {holder.get('since')}); wait until it is done, then try again. If"
                        f" it was killed, its right ends after {LAPSE_SECONDS:.0f} s"
                    ) from None
                self._put_away(holder)
            else:
                return
        raise StoreLockedError(f"another process has just begun to write to {self._address}; try again when it is done")

    def _metadata(self) -> dict[str, Any]:
        return {
            "token": self._token,
            "process": os.getpid(),
            "host": socket.gethostname(),
            "processes": _process_namespace(),
            "since": datetime.now(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            "beat": self._server_seconds(),
        }

    def _read(self) -> dict[str, Any]:
        from chromadb.errors import NotFoundError

        try:
            return dict(self._client.get_collection(LEASE, embedding_function=None).metadata or {})
        except NotFoundError:
            return {}

    def _is_over(self, holder: dict[str, Any]) -> bool:
        here = holder.get("host") == socket.gethostname() and holder.get("processes") == _process_namespace()
        process = int(holder.get("process") or 0)
        if here and (not is_alive(process) or (process == os.getpid() and holder.get("token") not in _ours)):
            return True
        return self._server_seconds() - float(holder.get("beat") or 0) > LAPSE_SECONDS

    def _put_away(self, holder: dict[str, Any]) -> None:
        """Out of the way first, under a name that no two choose: deleting by name could hit a new holder's."""
        from chromadb.errors import NotFoundError

        with contextlib.suppress(NotFoundError):
            chroma = self._client.get_collection(LEASE, embedding_function=None)
            if (chroma.metadata or {}).get("token") == holder.get("token"):
                away = f"{LEASE}-{self._token}"
                chroma.modify(name=away)
                self._client.delete_collection(away)

    def _beat(self) -> None:
        from chromadb.errors import NotFoundError

        taken = "because another process took it over"
        while not self._stop.wait(BEAT_SECONDS):
            before = _seconds()
            try:
                chroma = self._client.get_collection(LEASE, embedding_function=None)
                if (chroma.metadata or {}).get("token") != self._token:
                    self._lost = taken
                    return
                chroma.modify(metadata={**(chroma.metadata or {}), "beat": self._server_seconds()})
                self._last_beat = before
            except NotFoundError:
                self._lost = taken
                return
            except Exception:  # noqa: S112  # out of reach or out of order; check() tells whether for too long
                continue

    def _server_seconds(self) -> float:
        return self._client.heartbeat() / 1e9


def _process_namespace() -> str:
    """Tells machines of one name apart, and containers of one machine: their process numbers mean other processes."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return str(uuid.getnode())


def _seconds() -> float:
    """A clock that goes on while the machine sleeps, where the system has one."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
