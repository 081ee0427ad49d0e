"""The database of a store asked past Chroma: never by a second SQLite of a process that has it open."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from rag_pipeline.errors import StoreError
from rag_pipeline.store import ChunkRecord, Fingerprint, Store
from rag_pipeline.store.embedded import database
from rag_pipeline.store.records import FileKey, FileVersion
from rag_pipeline.testing import HashEmbeddings

COUNT = "SELECT count(*) FROM embeddings"


def write(store, number):
    identity = HashEmbeddings(dimension=8).identity.as_dict()
    version = FileVersion(FileKey("docs", f"{number}.md"), "now")
    with store.writer():
        collection = store.get("docs") if number else store.create("docs", Fingerprint.of(identity, None, 1), "hash")
        vector = np.eye(8, dtype=np.float32)[number]
        collection.write([ChunkRecord(version, 0, 1, f"글 {number}", "T", "", str(number), {})], [vector])


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    write(made, 0)
    yield made
    made.close()


def test_while_a_client_is_open_no_second_sqlite_opens_the_database(store, tmp_path, monkeypatch):
    opened = []
    connect = sqlite3.connect
    assert store.get("docs").count == 1
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: opened.append(1) or connect(*given, **more))
    assert database.is_open(tmp_path / "store")
    assert database.query(tmp_path / "store", COUNT) == [(1,)]
    assert store.find("docs") is not None
    assert store.get("docs").text_hashes() == {"0"}
    assert not opened


def test_when_it_is_closed_it_is_asked_here(store, tmp_path, monkeypatch):
    store.close()
    assert not database.is_open(tmp_path / "store")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("no process is needed"))
    assert database.query(tmp_path / "store", COUNT) == [(1,)]


def test_the_same_store_by_another_way_counts_as_open(store, tmp_path):
    store.get("docs")
    (tmp_path / "link").symlink_to(tmp_path / "store", target_is_directory=True)
    assert database.is_open(tmp_path / "link")


def test_a_lock_that_chroma_holds_survives_a_question_past_it(store, tmp_path):
    """POSIX locks are of the process: here another process must find the lock, whatever was asked meanwhile."""
    store.get("docs")
    place = tmp_path / "store" / database.DATABASE
    held = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sqlite3, subprocess, sys\n"
            "from pathlib import Path\n"
            "from rag_pipeline.store.embedded import database\n"
            "store = Path(sys.argv[1])\n"
            "holder = sqlite3.connect(store / database.DATABASE, isolation_level=None)\n"
            "holder.execute('BEGIN IMMEDIATE')\n"
            "with database.opening(store):\n"
            "    assert database.query(store, 'SELECT 1') == [(1,)]\n"
            "other = 'import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute(\\'BEGIN IMMEDIATE\\')'\n"
            "command = [sys.executable, '-c', other, str(store / database.DATABASE)]\n"
            "done = subprocess.run(command, capture_output=True)\n"
            "sys.exit(0 if b'locked' in done.stderr else 'the lock was lost')\n",
            str(place.parent),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert held.returncode == 0, held.stderr


@pytest.mark.parametrize("is_open", [True, False])
def test_what_is_wrong_is_said_in_the_same_way_from_either_process(store, tmp_path, is_open):
    if is_open:
        store.get("docs")
    else:
        store.close()
    with pytest.raises(sqlite3.Error, match="no such table: unknown"):
        database.query(tmp_path / "store", "SELECT * FROM unknown")
    with pytest.raises(StoreError, match="cannot be written: .*no such table: unknown"):
        database.change(tmp_path / "store", [("DELETE FROM unknown", [])])
