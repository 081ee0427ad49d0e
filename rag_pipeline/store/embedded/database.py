"""What is asked of a store's SQLite database past Chroma, and the little that is changed there.

Chroma writes each record to a log (``embeddings_queue``) before it goes into rows and index, and replays what an index
has not seen when it loads it: the records after the index's number in ``max_seq_id``. As soon as an index is saved, it
deletes what the save holds, and with it the only other copy of the vectors, unless ``automatically_purge`` is false
(chroma/rust/log/src/sqlite_log.rs, 1.5.9).

A process in which Chroma has the database open must not write to it by Python's own SQLite: neither copy of the library
sees the locks of the other. So statements that change something run in a small process of their own.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rag_pipeline.errors import StoreError
from rag_pipeline.text import one_line

DATABASE = "chroma.sqlite3"
_BUSY_SECONDS = 30
_LIMIT_SECONDS = 600
_KEEP_LOG = '{"automatically_purge":false,"_type":"EmbeddingsQueueConfigurationInternal"}'
_CHANGE = """
import contextlib, json, sqlite3, sys
path, seconds, statements = sys.argv[1], float(sys.argv[2]), json.load(sys.stdin)
try:
    with contextlib.closing(sqlite3.connect(path, timeout=seconds)) as database, database:
        for statement, values in statements:
            database.execute(statement, values)
except sqlite3.Error as error:
    sys.exit(str(error))
"""

Statement = tuple[str, Sequence[object]]


def query(store: Path, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """The rows of a statement that changes nothing.

    Raises:
        sqlite3.Error: the database is missing, damaged or of another make.
    """
    with connected(store) as database:
        return database.execute(statement, values).fetchall()


def connected(store: Path) -> contextlib.closing[sqlite3.Connection]:
    """The database, to be read from."""
    # Not read-only: after a kill in the middle of a write, SQLite first has to roll the write back.
    address = f"{(store / DATABASE).as_uri()}?mode=rw"
    return contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS))


def change(store: Path, statements: Sequence[Statement], *, alone: bool = False) -> None:
    """Carry out statements, all of them or none.

    Args:
        store: the folder.
        statements: each with its values.
        alone: nobody in this process has the database open and in use.

    Raises:
        StoreError: the database cannot be written.
    """
    if alone:
        try:
            with connected(store) as database, database:
                for statement, values in statements:
                    database.execute(statement, values)
        except sqlite3.Error as error:
            raise StoreError(f"store {store} cannot be written: {one_line(error, 200)}") from None
        return
    command = [sys.executable, "-I", "-S", "-c", _CHANGE, str(store / DATABASE), str(_BUSY_SECONDS)]
    try:
        done = subprocess.run(  # noqa: S603
            command, input=json.dumps(statements), capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StoreError(f"store {store} cannot be written: {one_line(error, 200)}") from None
    if done.returncode:
        raise StoreError(f"store {store} cannot be written: {one_line(done.stderr, 200)}")


def keeps_log(store: Path) -> bool:
    """Whether Chroma leaves records in the log that an index holds."""
    with contextlib.suppress(sqlite3.Error, ValueError):
        for (said,) in query(store, "SELECT config_json_str FROM embeddings_queue_config"):
            return json.loads(str(said)).get("automatically_purge") is False
    return False


def keep_log(store: Path, *, alone: bool) -> None:
    """Have Chroma leave them there from now on.

    Args:
        store: the folder.
        alone: as in :func:`change`.

    Raises:
        StoreError: the database cannot be written.
    """
    statement = "INSERT OR REPLACE INTO embeddings_queue_config (id, config_json_str) VALUES (1, ?)"
    change(store, [(statement, [_KEEP_LOG])], alone=alone)


def vector_segment(store: Path, collection_id: str) -> tuple[str, int] | None:
    """The segment that is a collection's index, and the last record that its saved files hold, 0: none was saved."""
    found = query(
        store,
        "SELECT segments.id, max_seq_id.seq_id FROM segments LEFT JOIN max_seq_id ON segment_id = segments.id"
        " WHERE collection = ? AND scope = 'VECTOR'",
        [collection_id],
    )
    return (str(found[0][0]), int(str(found[0][1] or 0))) if found else None


def unsaved(store: Path, collection_id: str, after: int) -> int:
    """How many records of a collection's log come after one."""
    statement = "SELECT count(*) FROM embeddings_queue WHERE seq_id > ? AND topic = ?"
    return int(str(query(store, statement, [after, _topic(collection_id)])[0][0]))


def forget(collection_id: str, before: int) -> Statement:
    """Records that are no longer needed, as Chroma forgets them; the last that a save holds stays."""
    return "DELETE FROM embeddings_queue WHERE seq_id < ? AND topic = ?", [before, _topic(collection_id)]


def replay(segment: str, after: int) -> Statement:
    """Have Chroma add to an index all records after one; 0: all."""
    if not after:
        return "DELETE FROM max_seq_id WHERE segment_id = ?", [segment]
    return "INSERT OR REPLACE INTO max_seq_id (segment_id, seq_id) VALUES (?, ?)", [segment, after]


def _topic(collection_id: str) -> str:
    return f"persistent://default/default/{collection_id}"
