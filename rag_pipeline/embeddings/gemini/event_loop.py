"""An event loop in a thread of its own, on which sync calls run async work."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

from rag_pipeline import forking

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0
forking.renew_locks(sys.modules[__name__])


def background_loop() -> asyncio.AbstractEventLoop:
    """The process's loop; its thread is started at the first call and ends with the process."""
    global _loop, _owner  # noqa: PLW0603
    with _lock:
        # A forked child has the loop without its thread.
        if _loop is None or _owner != os.getpid():
            forking.keep(_loop)
            _loop = asyncio.new_event_loop()
            _owner = os.getpid()
            threading.Thread(target=_loop.run_forever, name="rag_pipeline-requests", daemon=True).start()
        return _loop
