"""A lexical index that may not be written is read by way of links: tantivy makes and locks a file to open an index."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

_LOCK = ".tantivy-meta.lock"


def is_needed(folder: Path) -> bool:
    """Whether tantivy could not open an index where it is."""
    lock = folder / _LOCK
    may_lock = os.access(lock, os.W_OK) if lock.exists() else os.access(folder, os.W_OK | os.X_OK)
    return folder.is_dir() and not may_lock


class Links:
    """A temporary folder with links to the files of an index; it goes with this object.

    Args:
        folder: the index.

    Raises:
        OSError: the index cannot be read, or no folder be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = tempfile.TemporaryDirectory(prefix="rag-pipeline-", ignore_cleanup_errors=True)
        self.place = Path(self._made.name)
        """Where the links are."""
        self.renew()

    def renew(self) -> None:
        """Link what a writer has added."""
        for file in self._folder.iterdir():
            if not file.name.endswith(".lock"):
                with contextlib.suppress(FileExistsError):
                    (self.place / file.name).symlink_to(file.resolve())

    def remove(self) -> None:
        """Remove the links."""
        self._made.cleanup()
