"""Questions that come together are embedded together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from rag_pipeline import forking

_MOST = 64

# Gives the vector of each of some questions.
Embed = Callable[[Sequence[str]], list[list[float]]]


class QuestionGatherer:
    """Embeds questions of many threads and coroutines; those that come while the model is busy share its next pass.

    A question that comes alone is embedded at once: nobody waits for company. What embeds is handed over with each
    question rather than kept: it owns this gatherer, and a circle would keep its model in memory.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Future[list[float]]]] = []
        self._waiting_lock = threading.Lock()
        self._one_pass = threading.Lock()
        forking.renew_locks(self)

    def vector(self, question: str, embed: Embed) -> list[float]:
        """The vector of a question; blocks. Raises what embedding it raises."""
        future = self._queue(question)
        self._work_until_done(future, embed)
        return future.result()

    async def avector(self, question: str, embed: Embed) -> list[float]:
        """The vector of a question; the model works in a thread. Raises what embedding it raises."""
        future = self._queue(question)
        # The thread is not awaited: another's pass may be done with this question before it has begun.
        asyncio.get_running_loop().run_in_executor(None, self._work_until_done, future, embed)
        return await asyncio.wrap_future(future)

    def _queue(self, question: str) -> Future[list[float]]:
        future: Future[list[float]] = Future()
        with self._waiting_lock:
            self._waiting.append((question, future))
        return future

    def _work_until_done(self, future: Future[list[float]], embed: Embed) -> None:
        while not future.done():
            with self._one_pass:
                if not future.done():
                    self._answer(self._next(), embed)

    def _next(self) -> list[tuple[str, Future[list[float]]]]:
        with self._waiting_lock:
            taken = self._waiting[:_MOST]
            del self._waiting[:_MOST]
        # Who was cancelled while waiting is left out.
        return [entry for entry in taken if entry[1].set_running_or_notify_cancel()]

    def _answer(self, batch: list[tuple[str, Future[list[float]]]], embed: Embed) -> None:
        if not batch:
            return
        try:
            vectors = embed([question for question, _ in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            # Perhaps one of them is at fault, for which the others are not to suffer.
            for entry in batch:
                self._answer([entry], embed)
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)
        else:
            for (_, future), vector in zip(batch, vectors, strict=True):
                future.set_result(vector)
