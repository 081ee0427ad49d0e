"""One collection takes the place of another, is cut off at each step, and is asked for meanwhile."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from rag_pipeline.assembly import open_store
from rag_pipeline.config import load_settings
from rag_pipeline.errors import CollectionNotFoundError
from rag_pipeline.ingestion.adoption import adopt
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.pipeline import Pipeline
from rag_pipeline.retrieval import Searcher
from rag_pipeline.store import Store, changing_places
from rag_pipeline.store.names import RETIRED, STAGING
from rag_pipeline.testing import HashEmbeddings
from tests.conftest import started
from tests.store.test_store import FINGERPRINT, fill, records, store, vectors

__all__ = ["store"]

# Every change to the database that putting a collection in another's place makes.
STEPS = 3


class CutOffError(Exception):
    pass


def cut_off_before(change: int, store: Store, name: str = "docs") -> None:
    """A collection of 3 rows takes the place of one, up to the change of that number."""
    made = 0
    changing = store._connection.changing

    @contextlib.contextmanager
    def counted():
        nonlocal made
        made += 1
        if made > change:
            raise CutOffError
        with changing():
            yield

    with store.writer():
        staged = store.staging(name, FINGERPRINT, "hash", "rebuild")
        staged.write(records(3), vectors(3))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store._connection, "changing", counted)
            with pytest.raises(CutOffError):
                store.replace(name, staged)


@pytest.mark.slow
@pytest.mark.parametrize("change", range(STEPS))
def test_whoever_looks_a_name_up_finds_the_old_or_the_new_one_wherever_it_was_cut_off(store, change):
    fill(store, "docs", count=5)
    cut_off_before(change, store)
    store.close()
    reader = Store(Path(store.address))
    assert reader.names() == reader.own_names() == ["docs"]
    found = reader.get("docs")
    assert found.name == "docs"
    assert found.count == reader.find("docs").count == reader.foreign("docs").count == (3 if change else 5)
    assert len(found.search(vectors(1)[0], 5)) == found.count
    assert reader.find("docs" + STAGING) is reader.find("docs" + RETIRED) is None
    with pytest.raises(CollectionNotFoundError, match="unknown collection 'other' in .*; known: docs"):
        reader.get("other")
    reader.close()
    with store.writer():
        assert store._all_names() == ({"docs"} if change else {"docs", "docs" + STAGING})
        assert store.get("docs").count == (3 if change else 5)


@pytest.mark.parametrize("change", range(STEPS))
def test_a_reader_that_is_open_goes_on_wherever_it_was_cut_off(store, change):
    reader = Store(Path(store.address))
    fill(store, "docs", count=5)
    opened = reader.get("docs")
    assert opened.count == 5
    cut_off_before(change, store)
    assert opened.count == (3 if change else 5)
    assert opened.name == "docs"
    reader.close()


def test_one_that_was_taken_away_is_found_where_nothing_is_staged(store):
    fill(store, "docs" + RETIRED, count=5)
    assert store.names() == store.own_names() == ["docs"]
    assert store.get("docs").count == 5


def test_one_that_is_only_staged_is_not_taken_for_a_whole_one(store):
    fill(store, "docs" + STAGING, count=5)
    assert (store.names(), store.find("docs")) == ([], None)


class Renaming:
    """Has a writer take its next step before any of the questions of a reader."""

    def __init__(self, names, steps):
        self.names, self.steps = dict(names), iter(steps)

    def get_collection(self, name, embedding_function):
        from chromadb.errors import NotFoundError

        with contextlib.suppress(StopIteration):
            old, new = next(self.steps) or ("", "")
            if old:
                made = self.names.pop(old)
                self.names.update({new: made} if new else {})
        if name not in self.names:
            raise NotFoundError(name)
        return self.names[name]


@pytest.mark.parametrize("delays", [(a, b, c) for a in range(4) for b in range(4) for c in range(4)])
def test_no_step_between_two_questions_hides_a_collection(delays):
    steps = [("docs", "docs" + RETIRED), ("docs" + STAGING, "docs"), ("docs" + RETIRED, "")]
    spread = [one for delay, step in zip(delays, steps, strict=True) for one in ([None] * delay + [step])]
    client = Renaming({"docs": "old", "docs" + STAGING: "new"}, spread)
    assert changing_places.look_up(client, "docs") in ("old", "new")


def test_a_name_that_chroma_refuses_is_not_asked_for():
    assert changing_places.look_up(Renaming({"../docs": "none of ours"}, []), "../docs") is None


@pytest.mark.slow
def test_a_rebuild_goes_on_with_what_a_rebuild_left_and_with_nothing_else(store):
    for operation, left in (("rebuild", 2), ("adopt", 0), ("repair", 0), (None, 0)):
        with store.writer():
            if store._all_names():
                store._delete("docs" + STAGING)
            made = store.create("docs" + STAGING, FINGERPRINT, "hash", staged_for=operation)
            made.write(records(2), vectors(2))
            assert store.staging("docs", FINGERPRINT, "hash", "rebuild").count == left, operation


# From here on with processes that are killed.

KILLED = """
import os, signal, sys
from pathlib import Path
from chromadb.api.models.Collection import Collection
from rag_pipeline.store import Store
from tests.store import test_changing_places as tests
moment, operation, place = sys.argv[1], sys.argv[2], Path(sys.argv[3])
modify, renamed = Collection.modify, 0
def kill():
    os.kill(os.getpid(), signal.SIGKILL)
def modified(self, name=None, **more):
    global renamed
    if name is None:
        return modify(self, **more)
    renamed += 1
    if moment == f"before {renamed}":
        kill()
    modify(self, name, **more)
    if moment == f"after {renamed}":
        kill()
Collection.modify = modified
if moment == "staged":
    from rag_pipeline.store.collection import Collection as Ours
    write_rows = Ours.write_rows
    Ours.write_rows = lambda *given: (write_rows(*given), kill())
getattr(tests, operation)(place)
"""
MOMENTS = ["staged", "before 1", "after 1", "before 2", "after 2"]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "tug.md").write_text("# Tugs\n\nA tug tows ships.\n")
    (tmp_path / "config.yaml").write_text("")
    return tmp_path


def rebuild(place: Path) -> None:
    target = IngestTarget("docs", [place / "docs"], "hash")
    ingest(load_settings(place / "config.yaml"), target, embeddings=HashEmbeddings(), rebuild=True)


def adopted(place: Path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag_pipeline.ingestion.adoption.make_embeddings", lambda *_: HashEmbeddings())
        return adopt(load_settings(place / "config.yaml"), "docs", "bundled", replace=True)


def plain_collection(place: Path) -> None:
    import chromadb

    client = chromadb.PersistentClient(str(place / "chroma_db"))
    made = client.create_collection("docs", embedding_function=None, configuration={"hnsw": {"space": "cosine"}})
    texts = [f"old text {number}" for number in range(50)]
    rows = np.asarray(HashEmbeddings().embed_documents(texts), dtype=np.float32)
    made.add(ids=texts, embeddings=rows, documents=texts)
    client.close()


def killed(moment: str, operation: str, place: Path) -> None:
    running = started("-c", KILLED, moment, operation, place)
    _, err = running.communicate(timeout=300)
    assert running.returncode == -signal.SIGKILL, err


def texts(place: Path) -> list[str]:
    with contextlib.closing(open_store(load_settings(place / "config.yaml"))) as opened:
        collection = opened.get("docs")
        return sorted(collection.texts_of(sorted(collection.ids())).values())


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_adoption_can_be_run_again_wherever_it_was_killed(place, moment):
    plain_collection(place)
    killed(moment, "adopted", place)
    with contextlib.closing(open_store(load_settings(place / "config.yaml"))) as opened:
        assert opened.names() == ["docs"]
        assert opened.foreign("docs").count == 50
    assert adopted(place).chunks == 50
    assert texts(place) == sorted(f"old text {number}" for number in range(50))


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rebuild_after_an_adoption_that_was_killed_holds_the_folder_alone(place, moment):
    plain_collection(place)
    killed(moment, "adopted", place)
    rebuild(place)
    assert ["A tug tows ships." in text for text in texts(place)] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_collection_whose_rebuild_was_killed_can_be_asked_and_rebuilt(place, moment):
    rebuild(place)
    (place / "docs" / "tug.md").write_text("# Tugs\n\nA tug pushes ships.\n")
    killed(moment, "rebuild", place)
    with Pipeline(load_settings(place / "config.yaml"), collection="docs", embeddings=HashEmbeddings()) as pipeline:
        assert [passage.source for passage in pipeline.retrieve("tug")] == ["tug.md"]
        assert not pipeline.verify().findings
        assert [found.metadata["source"] for found in pipeline.vector_store().similarity_search("tug")] == ["tug.md"]
    rebuild(place)
    assert ["A tug pushes ships." in text for text in texts(place)] == [True]


REBUILDING = """
import sys
from pathlib import Path
from tests.store import test_changing_places as tests
for _ in range(int(sys.argv[2])):
    tests.rebuild(Path(sys.argv[1]))
    print("rebuilt", flush=True)
"""


@pytest.mark.slow
def test_new_readers_find_the_collection_while_it_is_rebuilt_again_and_again(place):
    rebuild(place)
    running = started("-c", REBUILDING, place, 12)
    asked, failures = 0, []
    stop = threading.Event()

    def ask() -> None:
        nonlocal asked
        while not stop.is_set():
            fresh = open_store(load_settings(place / "config.yaml"))
            try:
                found = Searcher(fresh.get("docs"), HashEmbeddings()).search("a tug tows", 1)
                assert [passage.source for passage in found] == ["tug.md"]
                asked += 1
            except Exception as error:
                failures.append(repr(error))
            finally:
                fresh.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    _, err = running.communicate(timeout=300)
    stop.set()
    for thread in threads:
        thread.join()
    assert running.returncode == 0, err
    assert asked
    assert failures == []
