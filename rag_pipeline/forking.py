"""What a forked process has from its parent, and what of it works no more.

Only the thread that forks goes on in the child. A lock that another thread held is never let go there; a pool of
threads has none; and who waits for either waits for ever. So locks are recreated in the child, what has threads inside
of a library is recreated or refused, and what is left of the parent's is kept out of reach of the garbage collector,
which would close files, sockets and threads that are the parent's.

https://gcc.gnu.org/onlinedocs/libgomp/ has one pool of threads for each thread that computes: the pool of the thread
that forked is lost, and any other thread makes its own.
"""

from __future__ import annotations

import contextvars
import ctypes
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from rag_pipeline.errors import EmbeddingError
from rag_pipeline.run_in_thread import run_in_thread

T = TypeVar("T")

ADVICE = (
    "start processes by spawn (multiprocessing.get_context('spawn')), or ask nothing before the fork and make what asks"
    " in the child (gunicorn: in post_fork)"
)
"""What to do about it, for the end of a message."""

_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())
_owners: weakref.WeakSet[Any] = weakref.WeakSet()
_callbacks: list[Callable[[], None]] = []
# Threads that compute just now, each as often as its calls are nested.
_at_work: list[int] = []
_forking_thread: int | None = None
_was_at_work = False


def renew_locks(owner: Any) -> None:
    """In a forked child, give an object or a module new locks in place of those in its attributes."""
    _owners.add(owner)


def after_fork(call: Callable[[], None]) -> None:
    """Call something in each forked child, before anything else of ours runs there."""
    _callbacks.append(call)


def keep(value: Any) -> None:
    """Keep what the parent made beyond the end of the child: taking it apart would wait for the parent's threads."""
    # A list of ours would be taken apart with its module, when the interpreter ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


def compute(call: Callable[[], T]) -> T:
    """Run what computes in threads of a library: torch, tokenizers.

    Raises:
        EmbeddingError: this process was forked while another thread of its parent was computing, so that locks inside
            of the libraries stay locked here.
    """
    if _was_at_work:
        raise EmbeddingError(f"this process was forked while a model of its parent was computing; {ADVICE}")
    thread = threading.get_ident()
    _at_work.append(thread)
    try:
        return on_own_threads(call)
    finally:
        # After a fork from inside of the call the list is another one.
        if thread in _at_work:
            _at_work.remove(thread)


def on_own_threads(call: Callable[[], T]) -> T:
    """Run what may compute with OpenMP where its threads are this process's own."""
    if _forking_thread is None:
        return call()
    # Its threads are shared by all who cut texts, and are the parent's.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if _forking_thread != threading.get_ident():
        return call()
    context = contextvars.copy_context()
    return run_in_thread(lambda: context.run(call)).result()


def _in_child() -> None:
    global _forking_thread, _was_at_work  # noqa: PLW0603
    _forking_thread = threading.get_ident()
    _was_at_work = any(thread != _forking_thread for thread in _at_work)
    _at_work.clear()
    for owner in list(_owners):
        attributes = vars(owner)
        for name, value in list(attributes.items()):
            if isinstance(value, _LOCK):
                attributes[name] = threading.Lock()
            elif isinstance(value, _RLOCK):
                attributes[name] = threading.RLock()
            elif isinstance(value, threading.Condition):
                attributes[name] = threading.Condition()
    for call in _callbacks:
        call()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
