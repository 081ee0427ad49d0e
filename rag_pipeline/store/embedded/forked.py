"""Chroma in a forked process: its core has threads for the whole process, which a fork leaves behind.

A client that the child opens by itself is no help: reading a vector index waits for those threads, for ever
(chromadb 1.5.9). Closing the parent's client before the fork is none either.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from rag_pipeline import forking
from rag_pipeline.errors import StoreError

_used_in: int | None = None


def require_threads(store: str) -> None:
    """Note that this process uses Chroma's core; refuse where one that it was forked from did.

    Raises:
        StoreError: Chroma's threads are in the parent.
    """
    global _used_in  # noqa: PLW0603
    if _used_in is None:
        _used_in = os.getpid()
    if _used_in != os.getpid():
        raise StoreError(
            f"store {store} cannot be opened: Chroma was in use when this process was forked, and its threads stayed in"
            f" the parent; {forking.ADVICE}"
        )


def used_once() -> bool:
    """Whether this process has one client of Chroma and no more, whoever opened it."""
    return len(_systems()) == 1


def forget_failed(address: str) -> None:
    """Have Chroma open an address anew, where it could not be opened: it would hand out what it had half made."""
    shared = getattr(sys.modules.get("chromadb.api.shared_system_client"), "SharedSystemClient", None)
    for kept in ("_identifier_to_system", "_identifier_to_refcount"):
        getattr(shared, kept, {}).pop(address, None)


def _systems() -> list[Any]:
    shared = getattr(sys.modules.get("chromadb.api.shared_system_client"), "SharedSystemClient", None)
    return list(getattr(shared, "_identifier_to_system", {}).values())


def _in_child() -> None:
    """Clients that others have opened count too."""
    global _used_in  # noqa: PLW0603
    systems = _systems()
    if _used_in is None and any("rust" in str(system.settings.chroma_api_impl) for system in systems):
        _used_in = os.getppid()
    # What is closed here would wait for them as well.
    for system in systems:
        forking.keep(system)


forking.after_fork(_in_child)
