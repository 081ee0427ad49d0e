"""What a Chroma store takes on disk.

The lexical index of a collection is in a folder next to Chroma's, named after the collection's id.

Chroma keeps one SQLite database, and per collection a folder of index files named after a segment id. It leaves
that folder behind when a collection is deleted, so a store that is rebuilt would grow each time.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import uuid
from pathlib import Path

from rag_pipeline.store.embedded import safekeeping
from rag_pipeline.store.embedded.database import DATABASE, is_open, query

__all__ = ["DATABASE", "LEXICAL_FOLDER"]

LEXICAL_FOLDER = "lexical"
# The first tables that Chroma makes, in the order it makes them.
CHROMA_TABLES = frozenset({"migrations", "collections"})


def tables(store: Path) -> set[str]:
    """Names of the tables in the database of a store.

    Raises:
        sqlite3.Error: it is no database, or damaged.
    """
    if is_open(store):
        return set(CHROMA_TABLES)  # Chroma has found them there
    return {str(name) for (name,) in query(store, "SELECT name FROM sqlite_master WHERE type = 'table'")}


def store_size(store: Path) -> int:
    """Bytes of all files of a store."""
    return sum(file.stat().st_size for file in store.rglob("*") if file.is_file())


def lexical_folder(store: Path, collection_id: str) -> Path:
    """Where the lexical index of a collection is."""
    return store / LEXICAL_FOLDER / collection_id


def index_size(store: Path, collection_id: str) -> int | None:
    """Bytes of one collection's index files, dense and lexical; None if Chroma's schema is not the one known."""
    segments = _segments(store)
    if segments is None:
        return None
    folders = [store / segment for segment, collection in segments.items() if collection == collection_id]
    folders.append(lexical_folder(store, collection_id))
    return sum(store_size(folder) for folder in folders if folder.is_dir())


def remove_orphaned_indexes(store: Path) -> None:
    """Remove index folders that no collection refers to. Only for the one writer of the store."""
    segments = _segments(store)
    if segments is None:
        return
    for folder in store.iterdir():
        if folder.is_dir() and _is_uuid(folder.name) and folder.name not in segments:
            shutil.rmtree(folder, ignore_errors=True)
    safekeeping.remove_orphans(store, set(segments))
    collections = set(segments.values())
    if (store / LEXICAL_FOLDER).is_dir():
        for folder in (store / LEXICAL_FOLDER).iterdir():
            if folder.name not in collections:
                shutil.rmtree(folder, ignore_errors=True)


def _segments(store: Path) -> dict[str, str] | None:
    """Collection id by segment id."""
    try:
        return {str(segment): str(owner) for segment, owner in query(store, "SELECT id, collection FROM segments")}
    except sqlite3.Error:
        return None


def _is_uuid(name: str) -> bool:
    with contextlib.suppress(ValueError):
        return str(uuid.UUID(name)) == name
    return False
