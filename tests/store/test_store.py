from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from rag_pipeline.config import HnswSettings
from rag_pipeline.errors import (
    CollectionMismatchError,
    CollectionNotFoundError,
    StoreError,
    StoreLockedError,
)
from rag_pipeline.store import ChunkRecord, Fingerprint, Store
from rag_pipeline.store.records import FileKey, FileVersion
from rag_pipeline.testing import HashEmbeddings
from tests.conftest import started

FINGERPRINT = Fingerprint.of(HashEmbeddings(dimension=8).identity.as_dict(), None, 1)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    yield store
    store.close()


def records(count, source="a.md", sha="s" * 8, folder="docs"):
    version = FileVersion(FileKey(folder, source), sha)
    return [ChunkRecord(version, i, count, f"글 {i}", "제목", "절") for i in range(count)]


def vectors(count, seed=0):
    made = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_a_collection_is_inner_product_with_our_index_settings(tmp_path):
    store = Store(tmp_path / "store", HnswSettings(max_neighbors=24, ef_construction=150, ef_search=300))
    collection = store.create("docs", FINGERPRINT, "hash")
    with collection._writing() as chroma:
        hnsw = chroma.configuration_json["hnsw"]
    assert (hnsw["space"], hnsw["max_neighbors"], hnsw["ef_construction"], hnsw["ef_search"]) == ("ip", 24, 150, 300)
    again = Store(tmp_path / "store").get("docs")
    assert (again.fingerprint, again.embedding) == (FINGERPRINT, "hash")


def test_a_collection_of_another_space_is_refused(tmp_path, store):
    import chromadb

    client = chromadb.PersistentClient(str(Path(store.address)))
    client.create_collection("cosine", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None)
    with pytest.raises(StoreError, match="'cosine', not inner product.*--rebuild"):
        store.get("cosine")


def test_scores_are_inner_products_best_first(store):
    collection = store.create("docs", FINGERPRINT, "hash")
    rows = vectors(300) * np.linspace(0.5, 2, 300)[:, None].astype(np.float32)  # lengths differ on purpose
    collection.write(records(300), rows)
    question = vectors(1, seed=9)[0]
    hits = collection.search(question, 300)
    exact = rows @ question
    order = np.argsort(-exact)
    assert [hit.metadata["chunk_index"] for hit in hits[:20]] == order[:20].tolist()
    np.testing.assert_allclose([hit.score for hit in hits[:20]], exact[order[:20]], atol=1e-5)


def test_asking_for_more_than_there_is_gives_all(store):
    collection = store.create("docs", FINGERPRINT, "hash")
    assert collection.search(vectors(1)[0], 5) == []
    collection.write(records(3), vectors(3))
    assert len(collection.search(vectors(1)[0], 5)) == 3


@pytest.mark.slow
def test_more_chunks_than_one_batch_of_the_client_are_written_and_deleted(store):
    collection = store.create("docs", FINGERPRINT, "hash")
    with store._connection.use() as opened:
        count = opened.client.get_max_batch_size() + 100
    chunks = records(count)
    collection.write(chunks, vectors(count))
    assert collection.count == count
    files = collection.stored_files()
    assert files.chunks == count
    assert files.holds(chunks[0].version)
    collection.delete([chunk.id for chunk in chunks[1:]])
    assert collection.count == 1
    assert not collection.stored_files().holds(chunks[0].version)


def test_ids_are_deterministic_and_differ_with_content_place_and_folder():
    ids = {
        chunk.id
        for chunk in [
            *records(2),
            *records(2),
            *records(2, sha="t"),
            *records(2, source="b.md"),
            *records(2, folder="other"),
        ]
    }
    assert len(ids) == 8


def test_vectors_of_another_dimension_are_refused_before_anything_is_written(store):
    collection = store.create("docs", FINGERPRINT, "hash")
    with pytest.raises(CollectionMismatchError, match="dimension 8"):
        collection.write(records(1), np.ones((1, 9)))
    assert collection.count == 0


def test_reading_creates_nothing(store):
    assert store.names() == []
    with pytest.raises(CollectionNotFoundError, match="none yet: run rag-pipeline ingest first"):
        store.get("docs")
    assert not Path(store.address).exists()


def test_an_unknown_collection_lists_the_known_ones(store):
    store.create("docs", FINGERPRINT, "hash")
    store.create("abc", FINGERPRINT, "hash")
    with pytest.raises(CollectionNotFoundError, match="unknown collection 'dosc'.*known: abc, docs"):
        store.get("dosc")


def test_a_store_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "store").touch()
    store = Store(tmp_path / "store")
    with pytest.raises(StoreError, match="not a folder"):
        store.names()
    with pytest.raises(StoreError, match="not a folder"), store.writer():
        pass


def test_a_store_that_is_no_chroma_store_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "store"
    path.mkdir()
    content = b"not a database at all, but long enough to be one" * 50
    (path / "chroma.sqlite3").write_bytes(content)
    with pytest.raises(StoreError, match="not readable as a Chroma store.*ingest again"):
        Store(path).names()
    assert (path / "chroma.sqlite3").read_bytes() == content


def test_a_database_of_something_else_is_refused(tmp_path):
    import contextlib
    import sqlite3

    with contextlib.closing(sqlite3.connect(tmp_path / "chroma.sqlite3")) as database:
        database.execute("CREATE TABLE photos (name TEXT)")
    with pytest.raises(StoreError, match="something else than Chroma"), Store(tmp_path).writer():
        pass


def test_a_store_whose_making_was_cut_off_is_none_yet_and_can_be_made(store):
    Path(store.address).mkdir()
    (Path(store.address) / "chroma.sqlite3").touch()
    assert store.names() == []
    assert not store.exists
    assert (Path(store.address) / "chroma.sqlite3").stat().st_size == 0  # reading makes nothing
    with store.writer():
        store.create("docs", FINGERPRINT, "hash")
    assert store.names() == ["docs"]


def test_a_write_cut_off_in_the_database_is_rolled_back_by_whoever_opens_it_next(store):
    """What a kill in the middle of a transaction leaves: a journal that has to be played back."""
    fill(store, "docs", count=5)
    store.close()
    code = (
        "import sqlite3, os, signal, sys\n"
        f"db = sqlite3.connect({str(Path(store.address) / 'chroma.sqlite3')!r}, isolation_level=None)\n"
        "db.execute('PRAGMA cache_size = 1')\ndb.execute('BEGIN')\n"
        "db.execute('CREATE TABLE filler (content BLOB)')\n"
        "for _ in range(200): db.execute('INSERT INTO filler VALUES (randomblob(5000))')\n"
        "db.execute('DELETE FROM collections')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert (Path(store.address) / "chroma.sqlite3-journal").exists()
    assert store.names() == ["docs"]
    assert store.get("docs").count == 5


def test_a_second_writer_of_one_thread_is_refused_at_once_rather_than_wait_for_itself(store):
    with store.writer(), pytest.raises(StoreLockedError, match=r"^this thread is writing to store .* since 2\d{3}-"):  # noqa: SIM117
        with Store(Path(store.address)).writer():
            pass
    with store.writer():
        pass


def test_a_writer_in_another_process_is_seen_and_its_death_frees_the_store(store):
    code = (
        "from rag_pipeline.store import Store; from pathlib import Path; import sys, time\n"
        f"with Store(Path({store.address!r})).writer(): print('held', flush=True); time.sleep(60)"
    )
    process = started("-c", code)
    assert process.stdout.readline().strip() == "held"
    with pytest.raises(StoreLockedError, match=f"process {process.pid}"), store.writer():
        pass
    process.kill()
    process.communicate()
    with store.writer():
        pass


def test_readers_are_not_locked_out(store):
    collection = store.create("docs", FINGERPRINT, "hash")
    collection.write(records(3), vectors(3))
    found = []
    with store.writer():
        reader = threading.Thread(target=lambda: found.append(Store(Path(store.address)).get("docs").count))
        reader.start()
        reader.join()
    assert found == [3]


def fill(store, name, fingerprint=FINGERPRINT, count=2):
    collection = store.create(name, fingerprint, "hash")
    collection.write(records(count), vectors(count))
    return collection


@pytest.mark.slow
def test_a_staged_collection_takes_the_place_of_the_old_and_its_files_go(store):
    fill(store, "docs", count=5)
    staged = store.staging("docs", FINGERPRINT, "hash", "rebuild")
    staged.write(records(2), vectors(2))
    assert store.names() == ["docs"]
    with store.writer():
        store.replace("docs", staged)
    assert store.names() == ["docs"]
    assert store.get("docs").count == 2
    assert len([path for path in Path(store.address).iterdir() if len(path.name) == 36]) == 1


@pytest.mark.slow
def test_replacing_cut_off_between_its_steps_is_finished_by_the_next_writer(store):
    fill(store, "docs", count=5)
    store.staging("docs", FINGERPRINT, "hash", "rebuild").write(records(2), vectors(2))
    store.get("docs").rename("docs.rag-retired")  # ... and here it was killed
    with store.writer():
        assert store.get("docs").count == 2
    assert store._all_names() == {"docs"}


@pytest.mark.slow
def test_replacing_cut_off_before_the_old_was_removed_is_finished_too(store):
    fill(store, "docs", count=2)
    fill(store, "docs.rag-retired", count=5)
    with store.writer():
        assert store.get("docs").count == 2
    assert store._all_names() == {"docs"}


def test_an_unfinished_staged_collection_is_gone_on_with_only_if_it_is_made_the_same_way(store):
    store.staging("docs", FINGERPRINT, "hash", "rebuild").write(records(2), vectors(2))
    assert store.staging("docs", FINGERPRINT, "hash", "rebuild").count == 2
    other = Fingerprint({**FINGERPRINT.values, "pooling": "cls"})
    assert store.staging("docs", other, "hash", "rebuild").count == 0


def test_sizes_on_disk_are_told(store):
    collection = fill(store, "docs")
    fill(store, "more", count=5)
    assert store.disk_size() > store.disk_size(collection) > 0


def test_plain_chromadb_opens_the_store_and_finds_the_same(store):
    import chromadb

    collection = fill(store, "docs", count=20)
    question = vectors(1, seed=4)[0]
    plain = chromadb.PersistentClient(str(Path(store.address))).get_collection("docs", embedding_function=None)
    found = plain.query(query_embeddings=[question], n_results=5)
    hits = collection.search(question, 5)
    assert found["ids"][0] == [hit.id for hit in hits]
    assert found["documents"][0] == [hit.text for hit in hits]
    np.testing.assert_allclose([1 - d for d in found["distances"][0]], [hit.score for hit in hits], atol=1e-6)
