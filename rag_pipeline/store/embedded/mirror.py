"""A store that may not be written is opened by way of a copy of its database: Chroma's client writes as it opens.

The copy is in a folder of its own among the temporary ones, with links to the index folders, which Chroma only reads
as long as nothing is written. It lasts as long as the client.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path

from rag_pipeline.errors import StoreError
from rag_pipeline.store.embedded.database import DATABASE


def is_needed(store: Path) -> bool:
    """Whether Chroma could not open a store where it is."""
    file = store / DATABASE
    return file.exists() and not (os.access(file, os.W_OK) and os.access(store, os.W_OK | os.X_OK))


def make(store: Path) -> tempfile.TemporaryDirectory[str]:
    """The copy; clean it up after the client is closed.

    Raises:
        StoreError: the database cannot be read, or there is no room for a copy.
    """
    copy = tempfile.TemporaryDirectory(prefix="rag-pipeline-", ignore_cleanup_errors=True)
    try:
        address = f"{(store.resolve() / DATABASE).as_uri()}?mode=ro"
        with (
            contextlib.closing(sqlite3.connect(address, uri=True)) as source,
            contextlib.closing(sqlite3.connect(Path(copy.name) / DATABASE)) as target,
        ):
            source.backup(target)
        for entry in store.iterdir():
            if entry.is_dir():
                (Path(copy.name) / entry.name).symlink_to(entry.resolve())
    except (OSError, sqlite3.Error) as error:
        copy.cleanup()
        raise StoreError(
            f"store {store} may not be written, and cannot be read by way of a copy in {tempfile.gettempdir()}"
            f" ({error}); see whether you may read it, and whether there is room"
        ) from None
    return copy
