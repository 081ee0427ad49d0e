"""All who read one store in a process share one client of Chroma."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.documents.chunking import CHUNKING_VERSION
from rag_pipeline.pipeline import Pipeline
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.store.embedded import clients
from rag_pipeline.testing import HashEmbeddings
from tests.store.embedded.test_connection import output, process

pytestmark = pytest.mark.slow

FINGERPRINT = Fingerprint.of(HashEmbeddings().identity.as_dict(), None, CHUNKING_VERSION)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    fill(tmp_path / "chroma_db", "docs", "a")
    return tmp_path


@pytest.fixture
def opened(monkeypatch):
    """How many clients are open: now, and at most until now."""
    counts = {"now": 0, "most": 0}
    make, let_go = clients.Clients.open, clients.Clients.let_go

    def made(self, **how):
        counts["now"] += 1
        counts["most"] = max(counts.values())
        return make(self, **how)

    def closed(self, client):
        counts["now"] -= 1
        let_go(self, client)

    monkeypatch.setattr(clients.Clients, "open", made)
    monkeypatch.setattr(clients.Clients, "let_go", closed)
    return counts


def fill(path: Path, name: str, *ids: str) -> None:
    with contextlib.closing(Store(path)) as store, store.writer():
        collection = store.find(name) or store.create(name, FINGERPRINT, "hash")
        with collection.indexing():
            collection.write_rows(ids, ids, [{}] * len(ids), HashEmbeddings().embed_documents(list(ids)))


def found(store: Store, name: str = "docs") -> list[str]:
    return sorted(hit.id for hit in store.get(name).search(HashEmbeddings().embed_query("a"), 99))


def test_many_open_pipelines_take_the_files_of_one(place):
    files = Path("/proc/self/fd")
    if not files.exists():
        pytest.skip("open files are listed in /proc")
    settings = load_settings(place / "config.yaml")

    def asked(pipeline: Pipeline) -> list[str]:
        return [passage.text for passage in pipeline.retrieve("a", 1)]

    def taken() -> int:
        return len(list(files.iterdir()))

    pipelines = [Pipeline(settings, collection="docs", embeddings=HashEmbeddings()) for _ in range(100)]
    assert asked(pipelines[0]) == ["a"]
    of_one = taken()
    assert all(asked(pipeline) == ["a"] for pipeline in pipelines)
    assert taken() < of_one + 20
    for pipeline in pipelines[:-1]:
        pipeline.close()
    assert asked(pipelines[-1]) == ["a"]
    pipelines[-1].close()


def test_the_last_that_is_closed_closes_the_client(place, opened):
    stores = [Store(place / "chroma_db") for _ in range(3)]
    for store in stores:
        assert found(store) == ["a"]
    assert opened == {"now": 1, "most": 1}
    for store in stores[:-1]:
        store.close()
        store.close()
    assert found(stores[-1]) == ["a"]
    assert opened == {"now": 1, "most": 1}
    stores[-1].close()
    assert opened["now"] == 0
    assert found(stores[0]) == ["a"]
    stores[0].close()


def test_who_is_reading_keeps_the_client_that_others_close(place, opened):
    store = Store(place / "chroma_db")
    with store._connection.use() as client:
        store.close()
        assert opened["now"] == 1
        assert client.client.get_collection("docs", embedding_function=None).count() == 1
    assert opened["now"] == 0


def test_stores_that_are_asked_in_turn_while_one_writes_have_two_clients_at_most(place, opened):
    stores = [Store(place / "chroma_db") for _ in range(5)]
    for number, store in enumerate(stores * 2):
        fill(place / "chroma_db", "docs", f"b{number}")
        assert found(store) == ["a", *(f"b{one}" for one in range(number + 1))]
    assert opened["now"] == 1
    assert opened["most"] <= 2
    for store in stores:
        store.close()
    assert opened["now"] == 0


def test_what_a_writer_has_opened_is_what_all_read_by_afterwards(place, opened):
    reading, writing = Store(place / "chroma_db"), Store(place / "chroma_db")
    assert found(reading) == ["a"]
    with writing.writer():
        docs = writing.get("docs")
        docs.write_rows(["b"], ["b"], [{}], HashEmbeddings().embed_documents(["b"]))
        assert opened["now"] == 2
    assert opened["now"] == 1
    with reading._connection.use() as one, writing._connection.use() as other:
        assert one is other
    assert found(reading) == found(writing) == ["a", "b"]
    assert opened == {"now": 1, "most": 2}
    writing.close()
    assert found(reading) == ["a", "b"]
    reading.close()
    assert opened["now"] == 0


def test_a_writer_that_nobody_reads_with_has_the_only_client(place, opened):
    store = Store(place / "chroma_db")
    assert found(store) == ["a"]
    with store.writer():
        assert found(store) == ["a"]
    store.close()
    assert opened == {"now": 0, "most": 1}


def test_a_folder_is_one_store_by_whichever_name(place, opened):
    (place / "link").symlink_to(place / "chroma_db")
    stores = [Store(place / "chroma_db"), Store(place / "link"), Store(place / "link" / ".." / "chroma_db")]
    assert [found(store) for store in stores] == [["a"]] * 3
    assert opened["now"] == 1
    for store in stores:
        store.close()


def test_a_store_in_the_place_of_another_is_not_read_by_the_client_of_that(place):
    with contextlib.closing(Store(place / "chroma_db")) as staying:
        assert found(staying) == ["a"]
        fill(place / "other", "docs", "b")
        (place / "chroma_db").rename(place / "away")
        (place / "other").rename(place / "chroma_db")
        assert clients.state_of(place / "away")[:2] == clients.state_of(place / "chroma_db")[:2]
        with contextlib.closing(Store(place / "chroma_db")) as fresh:
            assert found(fresh) == ["b"]


def test_a_client_that_has_loaded_many_indexes_is_followed_by_another(place, opened, monkeypatch):
    names = ["docs", *(f"more{number}" for number in range(4))]
    for name in names[1:]:
        fill(place / "chroma_db", name, name)
    monkeypatch.setattr(clients, "most_indexes", lambda: 2)
    opened["most"] = 0
    store = Store(place / "chroma_db")
    collections = [store.get(name) for name in names]
    for _ in range(2):
        assert [collection.count for collection in collections] == [1] * 5
        assert [found(store, name) for name in names] == [["a"], *([name] for name in names[1:])]
    loaded = []
    for collection in collections[:2] * 3:
        _ = collection.count
        with store._connection.use() as client:
            loaded.append(client.opened)
    assert len(set(loaded[2:])) == 1  # those that fit stay
    assert opened == {"now": 1, "most": 1}
    store.close()


def test_an_index_may_be_loaded_for_a_tenth_of_the_files_that_the_process_may_open():
    resource = pytest.importorskip("resource")
    assert clients.most_indexes() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 10


def test_threads_with_stores_of_their_own_read_while_one_writes(place):
    failures: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            while not done.is_set():
                with contextlib.closing(Store(place / "chroma_db")) as store:
                    for _ in range(3):
                        assert "a" in found(store)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(5):
            fill(place / "chroma_db", "docs", f"b{number}")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []


def test_what_a_parent_writes_with_is_not_handed_over_in_its_child(place):
    store = Store(place / "chroma_db")
    with store.writer():
        assert found(store) == ["a"]
        parent, client = store._connection._process, store._connection._current
        store._connection._process = -1  # as in a child that leaves the block
    store._connection._process = parent
    assert store._connection._clients.shared is None
    store._connection._clients.let_go(client)


FORKED = """
import os, sys
from pathlib import Path
from rag_pipeline.store import Store
from rag_pipeline.store.embedded import clients
stores = [Store(Path(sys.argv[1])) for _ in range(2)]
assert [store.get("docs").count for store in stores] == [1, 1]
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    stores[0].close()
    print(stores[1].get("docs").count)
else:
    stores[0].close()
    for store in (stores[1], Store(Path(sys.argv[1]))):
        try:
            store.get("docs")
        except Exception as error:
            print(type(error).__name__, str(error).partition(" process ")[0][-20:], flush=True)
    assert clients.clients_of(Path(sys.argv[1])).shared is None
    os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_process_neither_uses_nor_closes_the_client_of_its_parent(place):
    *told, count = output(process(FORKED, place / "chroma_db")).splitlines()
    assert [line.split()[0] for line in told] == ["StoreError", "StoreError"]
    assert count == "1"
