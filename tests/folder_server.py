"""A folder behind HTTP on loopback, with faults to order."""

from __future__ import annotations

import functools
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


class FolderServer:
    """Serves a folder with listings; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.refused: dict[str, int] = {}
        """Paths, as in the request, that get this status instead; ``*``: all."""
        self.seconds = 0.0
        """How long each answer takes."""
        self.at_once = 0
        """The most requests that were under way at the same time."""
        self._under_way = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder), owner=self)
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, change: int) -> None:
        with self._lock:
            self._under_way += change
            self.at_once = max(self.at_once, self._under_way)


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments, owner: FolderServer, **options) -> None:
        self._owner = owner
        super().__init__(*arguments, **options)

    def send_head(self):
        status = self._owner.refused.get(self.path, self._owner.refused.get("*"))
        if status is not None:
            self.send_error(status)
            return None
        self._owner.count(1)
        time.sleep(self._owner.seconds)
        self._owner.count(-1)
        return super().send_head()

    def log_message(self, *_arguments) -> None:
        pass
