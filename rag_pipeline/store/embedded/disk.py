"""What a Chroma store takes on disk.

The lexical index of a collection is in a folder next to Chroma's, named after the collection's id.

Chroma keeps one SQLite database, and per collection a folder of index files named after a segment id. It leaves
that folder behind when a collection is deleted, so a store that is rebuilt would grow each time.

The folder may hold things of its owner's as well, such as when ``store.path`` is ``.``. So a folder is removed only if
every file in it is one that Chroma or tantivy writes, file by file, and nothing is written over that is not a store's.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import stat
import uuid
from collections.abc import Iterable
from pathlib import Path

from rag_pipeline.lexical.index import remove_index
from rag_pipeline.store.embedded import safekeeping
from rag_pipeline.store.embedded.database import DATABASE, is_open, query

__all__ = ["DATABASE", "LEXICAL_FOLDER"]

LEXICAL_FOLDER = "lexical"
# What chromadb 1.5.9 writes of one vector index (chroma/rust/segment/src/local_hnsw.rs); the table of ids comes later.
_INDEX_FILES = frozenset({"header.bin", "data_level0.bin", "length.bin", "link_lists.bin"})
_INDEX_IDS = "index_metadata.pickle"
# What a store keeps beside its database, and what such a file holds from its beginning on.
_OWN_FILES = {
    "writer.lock": re.compile(rb"\Z"),
    "turn.lock": re.compile(rb"\Z"),
    "index.lock": re.compile(rb"\Z"),
    "writer.txt": re.compile(rb"\Z|process \d+ on "),
    "writes": re.compile(rb"\.*\Z"),
}
_LOOKED_AT = 64
_ABSENT = 0
# The first tables that Chroma makes, in the order it makes them.
_MIGRATIONS = "migrations"
CHROMA_TABLES = frozenset({_MIGRATIONS, "collections"})


def tables(store: Path) -> set[str]:
    """Names of the tables in the database of a store.

    Raises:
        sqlite3.Error: it is no database, or damaged.
    """
    if is_open(store):
        return set(CHROMA_TABLES)  # Chroma has found them there
    found = {str(name) for (name,) in query(store, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    if _MIGRATIONS in found:
        query(store, "SELECT dir, version, filename, sql, hash FROM migrations")  # which Chroma reads, or panics
    return found


def left_behind(store: Path) -> bool:
    """Whether a folder holds indexes of a store, for where it holds no database of one."""
    if safekeeping.has_records(store):
        return True
    with contextlib.suppress(OSError):
        return any(_is_uuid(entry.name) and (entry / _INDEX_IDS).exists() for entry in store.iterdir())
    return False


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
    return indexes_size(store, [one for one, owner in segments.items() if owner == collection_id], collection_id)


def indexes_size(store: Path, segments: Iterable[str], collection_id: str) -> int:
    """As :func:`index_size`, of a collection whose segments are known."""
    folders = [*(store / segment for segment in segments), lexical_folder(store, collection_id)]
    return sum(store_size(folder) for folder in folders if folder.is_dir())


def remove_orphaned_indexes(store: Path) -> None:
    """Remove index folders that no collection refers to. Only for the one writer of the store."""
    segments = _segments(store)
    if segments is None:
        return
    for folder in store.iterdir():
        if _is_uuid(folder.name) and folder.name not in segments:
            _remove_vector_index(folder)
    safekeeping.remove_orphans(store, set(segments))
    collections = set(segments.values())
    if (store / LEXICAL_FOLDER).is_dir():
        for folder in (store / LEXICAL_FOLDER).iterdir():
            if _is_uuid(folder.name) and folder.name not in collections:
                remove_index(folder)


def foreign_file(store: Path) -> str:
    """The name of a file that is none of a store's, in the place of one; empty if there is none."""
    for name, content in _OWN_FILES.items():
        kind = _kind(store / name)
        if kind not in (_ABSENT, stat.S_IFREG):
            return name
        try:
            with (store / name).open("rb") as file:
                beginning = file.read(_LOOKED_AT)
        except OSError:  # there is none, another writer has just removed it, or it may not be read
            continue
        if not content.match(beginning):
            return name
    folders = (LEXICAL_FOLDER, safekeeping.FOLDER)
    return next((name for name in folders if _kind(store / name) not in (_ABSENT, stat.S_IFDIR)), "")


def _kind(place: Path) -> int:
    """What there is at a place, links followed, by one look: another process may make or remove it at any time."""
    try:
        return stat.S_IFMT(place.stat().st_mode)
    except OSError:
        return stat.S_IFLNK if place.is_symlink() else _ABSENT


def strangers(store: Path) -> list[str]:
    """What a folder holds that is no store yet, hidden files and one that explains it left out; sorted."""
    if not store.is_dir() or (store / DATABASE).exists():
        return []
    own = {*_OWN_FILES, LEXICAL_FOLDER, safekeeping.FOLDER}
    names = sorted(entry.name for entry in store.iterdir())
    return [name for name in names if name not in own and not name.lower().startswith((".", "readme", "lost+found"))]


def _remove_vector_index(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        return
    with contextlib.suppress(OSError):
        files = {entry.name: entry for entry in folder.iterdir()}
        if files.keys() - {_INDEX_IDS} == _INDEX_FILES and all(file.is_file() for file in files.values()):
            for file in files.values():
                file.unlink()
            folder.rmdir()


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
