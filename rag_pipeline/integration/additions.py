"""Texts that several threads and tasks add at once are embedded and written together."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from rag_pipeline import forking
from rag_pipeline.run_in_thread import run_in_thread

# Texts that are written together, unless one caller brings more.
_MOST = 1000


@dataclass(eq=False)
class Addition:
    """What one caller adds; its lists are of one length."""

    ids: list[str]
    texts: list[str]
    metadatas: list[dict[str, Any]]
    done: Future[list[str]] = field(default_factory=Future)
    """Its ids, or why they could not be written."""
    taken: bool = False

    def finish(self, error: BaseException | None) -> None:
        """Tell the caller."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(self.ids)
        else:
            self.done.set_exception(error)


# Writes some additions and finishes each of them.
Write = Callable[[Sequence[Addition]], None]


class AdditionGatherer:
    """One caller writes at a time, and takes along what others have brought meanwhile.

    One that comes alone is written at once. Who waits holds no thread in an event loop's pool. What writes is handed
    over with each addition rather than kept: it owns this gatherer.
    """

    def __init__(self) -> None:
        self._waiting: list[Addition] = []
        self._lock = threading.Lock()
        self._leader: int | None = None
        self._process = os.getpid()
        forking.renew_locks(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return AdditionGatherer, ()

    def add(self, addition: Addition, write: Write) -> list[str]:
        """Add; blocks. Raises what writing this addition raises."""
        if self._leader == threading.get_ident():
            write([addition])  # from inside of a write, which would wait for itself
        elif self._is_led(addition):
            self._lead(write, addition)
        return addition.done.result()

    async def aadd(self, addition: Addition, write: Write) -> list[str]:
        """As :meth:`add`, without holding up the event loop. Cancelled before it was begun, nothing is written."""
        if self._is_led(addition):
            context = contextvars.copy_context()
            run_in_thread(lambda: context.run(self._lead, write))
        return await asyncio.wrap_future(addition.done)

    def _is_led(self, addition: Addition) -> bool:
        """Take a place in the queue; whether nobody is at work on it, so that the caller has to be."""
        with self._lock:
            if self._process != os.getpid():  # the parent's callers wait in the parent
                self._waiting, self._leader, self._process = [], None, os.getpid()
            self._waiting.append(addition)
            if self._leader is not None:
                return False
            self._leader = 0
            return True

    def _lead(self, write: Write, own: Addition | None = None) -> None:
        """Write what waits: all of it, or until one's own is done."""
        self._leader = threading.get_ident()
        batch: list[Addition] = []
        try:
            while batch := self._next(own):
                write(batch)
        except BaseException as error:  # an interrupt, which is for this caller alone
            if own is None:
                for one in batch:
                    one.finish(error)
            raise
        finally:
            self._hand_over([one for one in batch if one is not own and not one.done.done()], write)

    def _next(self, own: Addition | None) -> list[Addition]:
        with self._lock:
            if own is not None and own.done.done():
                return []
            batch: list[Addition] = []
            ids: set[str] = set()
            while self._waiting:
                first = self._waiting[0]
                # What replaces a text that is being written is written after it.
                if batch and (len(ids) + len(first.ids) > _MOST or not ids.isdisjoint(first.ids)):
                    break
                self._waiting.pop(0)
                if first.taken or first.done.set_running_or_notify_cancel():
                    first.taken = True
                    batch.append(first)
                    ids.update(first.ids)
            return batch

    def _hand_over(self, left: Sequence[Addition], write: Write) -> None:
        with self._lock:
            self._waiting[:0] = left
            self._leader = 0 if self._waiting else None
            if self._leader is None:
                return
        run_in_thread(lambda: self._lead(write))
