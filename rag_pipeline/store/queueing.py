"""Writers of one process take turns at a store, in the order they came.

Another process is told at once that it has to wait; threads and tasks of one app, such as two uploads, can just as well
wait for each other.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime

from rag_pipeline import forking
from rag_pipeline.errors import StoreLockedError

WAIT_SECONDS = 60.0


class _Line:
    """Those who wait for one store."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.tickets: deque[object] = deque()
        """Who writes is the first."""
        self.thread = 0
        self.since = ""


_lines: dict[str, _Line] = {}


@contextlib.contextmanager
def turn(place: str, address: str, seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the right to write among the threads of this process.

    Args:
        place: the same for all ways to one store.
        address: what people call it.
        seconds: how long to wait for the others.

    Raises:
        StoreLockedError: the others took longer; at once if this thread is writing already, and would wait for itself.
    """
    line = _lines.setdefault(place, _Line())
    ticket = object()
    with line.changed:
        if line.tickets and line.thread == threading.get_ident():
            raise StoreLockedError(
                f"this thread is writing to {address} already, since {line.since}; write when that is done"
            )
        line.tickets.append(ticket)
        if not line.changed.wait_for(lambda: line.tickets[0] is ticket, seconds):
            line.tickets.remove(ticket)
            raise StoreLockedError(
                f"waited {seconds:g} s for another thread of this process, which has been writing to {address} since"
                f" {line.since}; write again when it is done, or let store.queue_timeout be longer"
            )
        line.thread, line.since = threading.get_ident(), _now()
    try:
        yield
    finally:
        with line.changed:
            # In a process that was forked from inside, the line is another one.
            line.thread = 0
            line.tickets.remove(ticket)
            line.changed.notify_all()


def _now() -> str:
    return datetime.now(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


# Nobody of the parent's writes here.
forking.after_fork(_lines.clear)
