"""A call in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def run_in_thread(call: Callable[[], T]) -> Future[T]:
    """Begin a call in a thread.

    A thread of its own costs a tenth of a millisecond. A pool would have to be shut down, under questions that are
    on their way, and would have lost its threads after a fork.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="rag_pipeline", daemon=True).start()
    return future
