"""Collections in numbers: what is counted all at once is what opening each of them tells."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
from pathlib import Path

import pytest

from rag_pipeline.store import Store
from rag_pipeline.store.embedded import database, disk
from rag_pipeline.store.embedded.connection import EmbeddedConnection
from rag_pipeline.store.names import RETIRED, STAGING
from tests.store.test_store import FINGERPRINT, fill, records, store, vectors

__all__ = ["store"]


@pytest.fixture
def opened(monkeypatch):
    """Names of the collections whose index was loaded."""
    names = []
    load = EmbeddedConnection._load

    def noted(self, client, chroma, name):
        names.append(name)
        return load(self, client, chroma, name)

    monkeypatch.setattr(EmbeddedConnection, "_load", noted)
    return names


def one_by_one(store: Store):
    """Overviews that are made by opening each collection."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store._connection, "tallies", lambda _: {})
        return store.overviews()[0]


@pytest.mark.slow
def test_what_is_counted_at_once_is_what_opening_each_tells(store, opened):
    files = store.create("files", FINGERPRINT, "hash")
    with files.indexing():
        files.write(records(3), vectors(3))
        files.write(records(2, source="b.md"), vectors(2))
        files.write(records(1, source="b.md", folder="other"), vectors(1))
        files.write(records(2, source="b.md", sha="t" * 8), vectors(2))
        files.write(records(9, source="c.md")[4:6], vectors(2))  # half-written
        files.delete([records(3)[0].id, records(3)[1].id])
    texts = store.create("texts", FINGERPRINT, "hash")
    texts.write_rows(["a", "b"], ["a", "b"], [{}, {"source": "a.md", "folder": "docs"}], vectors(2))
    texts.write(records(2), vectors(2))
    store.create("empty", FINGERPRINT, "hash")
    fill(store, "between" + STAGING, count=2)
    fill(store, "between" + RETIRED, count=3)
    fill(store, "begun" + STAGING, count=2)
    store.close()
    reader = Store(Path(store.address))
    opened.clear()
    found = reader.overviews()[0]
    assert opened == []
    counted = [(one.name, one.documents, one.chunks, one.lexical_chunks) for one in found]
    assert counted == [("between", 1, 2, 0), ("empty", 0, 0, 0), ("files", 4, 8, 8), ("texts", 1, 4, 0)]
    assert {one.embedding for one in found} == {"hash"}
    assert all(one.fingerprint == FINGERPRINT for one in found)
    assert found == one_by_one(reader)
    assert opened == [one.name for one in found]
    reader.close()


@pytest.mark.slow
def test_an_index_that_is_damaged_is_told_in_the_same_words(store, monkeypatch):
    monkeypatch.setattr(store._connection, "index_configuration", _saved_often)
    fill(store, "docs", count=30)
    store.close()
    (ids,) = Path(store.address).glob("*/index_metadata.pickle")
    ids.unlink()
    (found,), _ = store.overviews()
    assert "the vector index of collection 'docs' is damaged (index_metadata.pickle is missing)" in found.damage
    assert [found] == one_by_one(store)


def _saved_often(_):
    return {"hnsw": {"space": "ip", "batch_size": 5, "sync_threshold": 10}}


@pytest.mark.slow
def test_more_collections_take_no_more_processes_and_no_more_requests(store, monkeypatch, opened):
    started, asked = [], []
    run, get = subprocess.run, EmbeddedConnection._look_up
    monkeypatch.setattr(
        database.subprocess, "run", lambda *given, **how: (started.append(given), run(*given, **how))[1]
    )
    monkeypatch.setattr(EmbeddedConnection, "_look_up", lambda *given: (asked.append(given), get(*given))[1])
    costs = []
    for made in (2, 10):
        for number in range(made):
            fill(store, f"docs-{made}-{number}")
        store.close()
        for noted in (started, asked, opened):
            noted.clear()
        assert all(one.chunks == 2 for one in store.overviews()[0])
        assert len(store.names()) >= made
        costs.append((len(started), len(asked), len(opened)))
    assert costs[0] == costs[1]
    assert costs[0][0] <= 1
    assert costs[0][1:] == (0, 0)


def change(store: Store, statement: str) -> None:
    store.close()
    with contextlib.closing(sqlite3.connect(Path(store.address) / disk.DATABASE)) as opened, opened:
        opened.execute(statement)


def test_what_the_log_holds_and_the_rows_do_not_is_counted_by_opening_the_collection(store, opened):
    for name in ("docs", "whole"):
        fill(store, name)
    (chroma,) = [one for name, one in store._own()[0].items() if name == "docs"]
    rows = f"(SELECT id FROM segments WHERE scope = 'METADATA' AND collection = '{chroma.id}')"
    for statement in (
        f"DELETE FROM embeddings WHERE segment_id = {rows}",
        f"DELETE FROM max_seq_id WHERE segment_id = {rows}",
    ):
        change(store, statement)
    opened.clear()
    assert [one.chunks for one in store.overviews()[0]] == [2, 2]
    assert opened == ["docs"]


def test_tables_that_are_not_known_are_not_asked(store, opened):
    fill(store, "docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag_pipeline.store.embedded.tallies._CHUNKS", "SELECT nothing FROM nowhere")
        opened.clear()
        store.close()
        assert [one.chunks for one in store.overviews()[0]] == [2]
    assert opened == ["docs"]
