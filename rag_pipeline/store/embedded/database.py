"""What is asked of a store's SQLite database past Chroma, and the little that is changed there.

Chroma writes each record to a log (``embeddings_queue``) before it goes into rows and index, and replays what an index
has not seen when it loads it: the records after the index's number in ``max_seq_id``. As soon as an index is saved, it
deletes what the save holds, and with it the only other copy of the vectors, unless ``automatically_purge`` is false
(chroma/rust/log/src/sqlite_log.rs, 1.5.9).

A process in which Chroma has the database open must not open it by Python's own SQLite as well. Neither copy of the
library sees the locks of the other, and what one closes takes the locks of both with it (POSIX advisory locks; "How To
Corrupt An SQLite Database File", 2.2). So statements run in a small process of their own while a client is open in this
one.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rag_pipeline import forking
from rag_pipeline.errors import StoreError
from rag_pipeline.text import one_line

DATABASE = "chroma.sqlite3"
_BUSY_SECONDS = 30
_LIMIT_SECONDS = 600
_KEEP_LOG = '{"automatically_purge":false,"_type":"EmbeddingsQueueConfigurationInternal"}'
_APART = """
import contextlib, json, sqlite3, sys
address, seconds, statements = sys.argv[1], float(sys.argv[2]), json.load(sys.stdin)
try:
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=seconds)) as database, database:
        json.dump([database.execute(statement, values).fetchall() for statement, values in statements], sys.stdout)
except sqlite3.Error as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
_gate = threading.Lock()
_clients: Counter[Path] = Counter()
forking.renew_locks(sys.modules[__name__])

Statement = tuple[str, Sequence[object]]


@contextlib.contextmanager
def opening(store: Path) -> Iterator[None]:
    """Around the opening of a client of Chroma: from here on, until :func:`closed`, this process asks no other way."""
    with _gate:
        _clients[store.resolve()] += 1
    try:
        yield
    except BaseException:
        closed(store)
        raise


def closed(store: Path) -> None:
    """A client of Chroma was closed."""
    with _gate:
        _clients[store.resolve()] -= 1


def is_open(store: Path) -> bool:
    """Whether a client of Chroma in this process has the database open."""
    return _clients[store.resolve()] > 0


def query(store: Path, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """The rows of a statement that changes nothing, of texts and numbers.

    Raises:
        sqlite3.Error: the database is missing, damaged or of another make.
    """
    with _gate:
        if not _clients[store.resolve()]:
            with _connected(store) as database:
                return database.execute(statement, values).fetchall()
    return [tuple(row) for row in _apart(store, [(statement, values)])[0]]


def query_all(store: Path, statements: Sequence[str]) -> list[list[tuple[object, ...]]]:
    """The rows of each of several statements, as :func:`query`; all of one process, if that takes one.

    Raises:
        sqlite3.Error: the database is missing, damaged or of another make.
    """
    with _gate:
        if not _clients[store.resolve()]:
            with _connected(store) as database:
                return [database.execute(statement).fetchall() for statement in statements]
    answers = _apart(store, [(statement, ()) for statement in statements])
    return [[tuple(row) for row in rows] for rows in answers]


def change(store: Path, statements: Sequence[Statement], *, alone: bool = False) -> None:
    """Carry out statements, all of them or none.

    Args:
        store: the folder.
        statements: each with its values.
        alone: no client of this process is using the database, though one may have it open.

    Raises:
        StoreError: the database cannot be written.
    """
    try:
        if alone:
            with _connected(store) as database, database:
                for statement, values in statements:
                    database.execute(statement, values)
        else:
            _apart(store, statements)
    except sqlite3.Error as error:
        raise StoreError(f"store {store} cannot be written: {one_line(error, 200)}") from None


def _connected(store: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(_address(store), uri=True, timeout=_BUSY_SECONDS))


def _address(store: Path) -> str:
    # Not read-only: after a kill in the middle of a write, SQLite first has to roll the write back.
    return f"{(store.resolve() / DATABASE).as_uri()}?mode=rw"


def _apart(store: Path, statements: Sequence[Statement]) -> list[list[list[object]]]:
    """The rows of each statement, carried out in a process of its own."""
    command = [sys.executable, "-I", "-S", "-c", _APART, _address(store), str(_BUSY_SECONDS)]
    try:
        done = subprocess.run(  # noqa: S603
            command, input=json.dumps(statements), capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise sqlite3.OperationalError(one_line(error)) from None
    if done.returncode:
        kind, _, said = done.stderr.strip().partition(": ")
        busy = kind == sqlite3.OperationalError.__name__
        raise (sqlite3.OperationalError if busy else sqlite3.DatabaseError)(said or f"exit code {done.returncode}")
    rows: list[list[list[object]]] = json.loads(done.stdout)
    return rows


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


def problem(store: Path) -> str:
    """What SQLite finds wrong with the database, which it reads as a whole; empty if nothing, or if it cannot say."""
    try:
        found = query(store, "PRAGMA quick_check(1)")
    except sqlite3.OperationalError:
        return ""  # it is being written, or may not be opened
    except sqlite3.Error as error:
        return one_line(error, 200)
    said = one_line(found[0][0], 200) if found else ""
    return "" if said == "ok" else said


class IndexState(NamedTuple):
    """What the database says of a collection's index."""

    segment: str
    saved: int
    """The last record that its saved files hold; 0: none was saved."""
    unsaved: int
    """Records of the collection in the log after that one."""


def index_state(store: Path, collection_id: str) -> IndexState | None:
    """The state of a collection's index; None where it has none. One question, since each may take a process."""
    found = query(
        store,
        "SELECT segments.id, coalesce(max_seq_id.seq_id, 0), (SELECT count(*) FROM embeddings_queue"
        " WHERE embeddings_queue.seq_id > coalesce(max_seq_id.seq_id, 0) AND topic = ?)"
        " FROM segments LEFT JOIN max_seq_id ON segment_id = segments.id WHERE collection = ? AND scope = 'VECTOR'",
        [topic(collection_id), collection_id],
    )
    return IndexState(str(found[0][0]), int(str(found[0][1])), int(str(found[0][2]))) if found else None


def forget(collection_id: str, before: int) -> Statement:
    """Records that are no longer needed, as Chroma forgets them; the last that a save holds stays."""
    return "DELETE FROM embeddings_queue WHERE seq_id < ? AND topic = ?", [before, topic(collection_id)]


def replay(segment: str, after: int) -> Statement:
    """Have Chroma add to an index all records after one; 0: all."""
    if not after:
        return "DELETE FROM max_seq_id WHERE segment_id = ?", [segment]
    return "INSERT OR REPLACE INTO max_seq_id (segment_id, seq_id) VALUES (?, ?)", [segment, after]


def topic(collection_id: str) -> str:
    """What the log calls a collection."""
    return f"persistent://default/default/{collection_id}"
