"""Vector indexes that are damaged, cut off while being copied or recovered, or written by something else meanwhile."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import chromadb
import numpy as np
import pytest

from rag_pipeline.errors import StoreError
from rag_pipeline.store import Store
from rag_pipeline.store.embedded import database, index_files, safekeeping
from rag_pipeline.store.repair import verify_collections
from tests.saving import save_often
from tests.store.test_store import FINGERPRINT, vectors

pytestmark = pytest.mark.slow

EACH = 30
ROWS = 100
IDS = [f"id-{number:03}" for number in range(2 * ROWS)]
VECTORS = list(vectors(2 * ROWS))
QUESTION = vectors(1, seed=9)[0].tolist()


@pytest.fixture(autouse=True)
def often_saved(monkeypatch):
    save_often(monkeypatch, EACH)


def write(place: Path, start: int, stop: int, name: str = "docs") -> None:
    """Bring rows into a collection, ten at a time."""
    store = Store(place)
    with store.writer():
        collection = store.get(name) if name in store.names() else store.create(name, FINGERPRINT, "hash")
        with collection.indexing():
            for first in range(start, stop, 10):
                part = slice(first, min(first + 10, stop))
                collection.write_rows(IDS[part], IDS[part], [{}] * len(IDS[part]), VECTORS[part])
    store.close()


def vectors_in(place: Path, name: str = "docs") -> dict[str, list[float]]:
    store = Store(place)
    found = {key: vector.round(5).tolist() for key, _, vector in store.get(name).rows()}
    store.close()
    return found


def index_of(place: Path, name: str = "docs") -> Path:
    found = database.query(
        place, "SELECT segments.id FROM segments JOIN collections ON collections.id = collection"
        " WHERE scope = 'VECTOR' AND name = ?", [name]
    )  # fmt: skip
    return place / str(found[0][0])


def log_of(place: Path) -> list[int]:
    return [int(str(number)) for (number,) in database.query(place, "SELECT seq_id FROM embeddings_queue")]


def record_of(place: Path, name: str = "docs") -> safekeeping.Record:
    record = safekeeping._read(place / safekeeping.FOLDER / f"{index_of(place, name).name}.json")
    assert record is not None
    return record


@pytest.fixture
def place(tmp_path):
    write(tmp_path / "store", 0, ROWS)
    return tmp_path / "store"


def test_the_log_is_kept_until_a_copy_holds_what_it_says(tmp_path):
    place = tmp_path / "store"
    write(place, 0, EACH)
    assert (record_of(place).kept_from, record_of(place).saved) == (0, EACH)
    assert log_of(place) == list(range(1, EACH + 1))
    write(place, EACH, ROWS)
    record = record_of(place)
    assert record.kept_from == 2 * EACH
    assert log_of(place) == list(range(2 * EACH, ROWS + 1))
    copies = [path.name for path in (place / safekeeping.FOLDER).iterdir() if path.is_dir()]
    assert copies == [f"{index_of(place).name}-{record.kept_from}"]


def cut(file: str, size: int) -> Callable[[Path], None]:
    return lambda index: os.truncate(index / file, size)


def overwrite(file: str, start: int, size: int) -> Callable[[Path], None]:
    def damage(index: Path) -> None:
        with (index / file).open("rb+") as opened:
            opened.seek(start)
            opened.write(np.random.default_rng(3).bytes(size))

    return damage


def remove(file: str) -> Callable[[Path], None]:
    return lambda index: (index / file).unlink()


def shorten_ids(index: Path) -> None:
    data = (index / index_files.IDS).read_bytes()
    (index / index_files.IDS).write_bytes(data[: len(data) // 2])


def name_a_function(index: Path) -> None:
    (index / index_files.IDS).write_bytes(pickle.dumps({"id_to_label": os.getcwd}))


def point_beyond(index: Path) -> None:
    table = pickle.loads((index / index_files.IDS).read_bytes())
    table["id_to_label"]["more"], table["label_to_id"][100_000] = 100_000, "more"
    (index / index_files.IDS).write_bytes(pickle.dumps(table))


DAMAGES = {
    "all removed": shutil.rmtree,
    "header empty": cut(index_files.HEADER, 0),
    "header garbage": overwrite(index_files.HEADER, 0, 100),
    "header removed": remove(index_files.HEADER),
    "elements cut": cut(index_files.ELEMENTS, 1000),
    "elements garbage": overwrite(index_files.ELEMENTS, 2000, 6000),
    "elements removed": remove(index_files.ELEMENTS),
    "lengths removed": remove(index_files.LENGTHS),
    "links cut": cut(index_files.LINKS, 100),
    "links garbage": overwrite(index_files.LINKS, 0, 300),
    "ids removed": remove(index_files.IDS),
    "ids cut": shorten_ids,
    "ids call a function": name_a_function,
    "ids of elements that are not there": point_beyond,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_never_loaded_and_the_next_writer_recovers_it(place, damage):
    write(place, 0, EACH, "other")
    before = vectors_in(place)
    DAMAGES[damage](index_of(place))
    store = Store(place)
    collection = store.get("docs")
    assert collection.count == len(collection.ids()) == ROWS
    assert collection.texts_of(IDS[:3]) == dict(zip(IDS[:3], IDS[:3], strict=True))
    with pytest.raises(StoreError, match=r"is damaged \(.*recovers it without embedding again"):
        collection.search(QUESTION, 3)
    assert len(store.get("other").search(QUESTION, 3)) == 3
    checks = verify_collections(store)
    assert [finding.kind for finding in checks["docs"].findings] == ["damaged"]
    assert checks["other"].findings == []
    with store.writer():
        assert len(store.get("docs").search(QUESTION, 3)) == 3
    store.close()
    assert vectors_in(place) == before


def test_a_reader_that_stays_open_goes_on_when_a_writer_has_recovered_the_index(place):
    DAMAGES["ids cut"](index_of(place))
    reader = Store(place)
    collection = reader.get("docs")
    with pytest.raises(StoreError, match="is damaged"):
        collection.search(QUESTION, 3)
    store = Store(place)
    with store.writer():
        store.get("docs")
    store.close()
    assert len(collection.search(QUESTION, 3)) == 3
    assert collection.damage == ""
    reader.close()


def test_a_repair_recovers_a_damaged_index_and_says_so(place):
    DAMAGES["ids cut"](index_of(place))
    store = Store(place)
    check = verify_collections(store, repair=True)["docs"]
    assert [finding.kind for finding in check.findings] == ["damaged"]
    assert check.repaired == ["recovered the vector index from its copy, without embedding again"]
    assert verify_collections(store, repair=True)["docs"].findings == []
    store.close()


def test_a_damaged_copy_is_not_put_in_the_place_of_an_index(place):
    [copy] = [path for path in (place / safekeeping.FOLDER).iterdir() if path.is_dir()]
    DAMAGES["elements garbage"](copy)
    DAMAGES["ids cut"](index_of(place))
    store = Store(place)
    with store.writer(), pytest.raises(StoreError, match=r"its copy is damaged, too\).*--collection docs --rebuild"):
        store.get("docs").search(QUESTION, 3)
    with store.writer():
        store.recreate("docs", FINGERPRINT, "hash")
    store.close()


def test_a_store_that_is_copied_without_its_times_is_whole(place, tmp_path):
    shutil.copytree(place, tmp_path / "copied", copy_function=shutil.copyfile)
    store = Store(tmp_path / "copied")
    assert len(store.get("docs").search(QUESTION, 3)) == 3
    store.close()
    write(tmp_path / "copied", ROWS, ROWS + 10)
    assert record_of(tmp_path / "copied").files == index_files.shape(index_of(tmp_path / "copied"))


def test_what_another_client_saves_meanwhile_is_no_damage_and_is_recovered_as_well(place):
    client = chromadb.PersistentClient(str(place))
    theirs = client.get_collection("docs", embedding_function=None)
    ids = [f"theirs-{number}" for number in range(EACH * 2)]
    theirs.upsert(ids=ids, embeddings=vectors(EACH * 2, seed=5), documents=ids)
    client.close()
    after = vectors_in(place)
    assert len(after) == ROWS + EACH * 2
    DAMAGES["elements garbage"](index_of(place))
    store = Store(place)
    with store.writer():
        store.get("docs")
    store.close()
    assert vectors_in(place) == after


def test_the_first_writer_of_a_store_whose_log_was_deleted_copies_its_indexes(place):
    before, saved = vectors_in(place), record_of(place).saved
    shutil.rmtree(place / safekeeping.FOLDER)
    purging = '{"automatically_purge":true,"_type":"EmbeddingsQueueConfigurationInternal"}'
    forgetting = ("DELETE FROM embeddings_queue WHERE seq_id < ?", [saved])
    database.change(
        place, [("UPDATE embeddings_queue_config SET config_json_str = ?", [purging]), forgetting], alone=True
    )
    store = Store(place)
    with store.writer():
        store.get("docs")
    store.close()
    assert database.keeps_log(place)
    DAMAGES["elements garbage"](index_of(place))
    store = Store(place)
    with store.writer():
        store.get("docs")
    store.close()
    assert vectors_in(place) == before


class Cut(BaseException):
    """The process ends here."""


def steps_of(patch: pytest.MonkeyPatch, last: int) -> list[str]:
    """Have the process end before its so many-th step that changes a file or the database; what was done."""
    done: list[str] = []

    def stepping(owner: object, name: str) -> None:
        call = getattr(owner, name)

        def step(*arguments, **options):
            if owner is Path and safekeeping.FOLDER not in arguments[0].parts:
                return call(*arguments, **options)  # locks are made as well
            if len(done) == last:
                raise Cut(name)
            done.append(name)
            return call(*arguments, **options)

        patch.setattr(owner, name, step)

    for name in ("rename", "unlink", "replace", "mkdir"):
        stepping(Path, name)
    stepping(shutil, "rmtree")
    stepping(safekeeping, "_copy_file")
    stepping(database, "change")
    return done


@pytest.mark.parametrize("damage", ["elements garbage", "all removed"])
def test_a_recovery_that_is_cut_off_at_any_step_is_done_again(place, tmp_path, damage):
    before = vectors_in(place)
    DAMAGES[damage](index_of(place))
    shutil.copytree(place, tmp_path / "kept")
    for step in range(100):
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "kept", place)
        store = Store(place)
        with pytest.MonkeyPatch.context() as patch, store.writer():
            _ = store.names()
            done = steps_of(patch, step)
            try:
                store.get("docs")
                cut_off = False
            except (Cut, StoreError):
                cut_off = True
            patch.undo()
        store.close()
        reader = Store(place)
        assert reader.get("docs").count == ROWS
        reader.close()
        store = Store(place)
        with store.writer():
            assert len(store.get("docs").search(QUESTION, 3)) == 3
        store.close()
        assert vectors_in(place) == before, done
        if not cut_off:
            break
    assert step > 8


def test_copying_that_is_cut_off_at_any_step_leaves_what_can_be_recovered(tmp_path):
    write(tmp_path / "kept", 0, 50)
    write(tmp_path / "whole", 0, ROWS)
    wanted = vectors_in(tmp_path / "whole")
    place = tmp_path / "store"
    for step in range(100):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(tmp_path / "kept", place)
        store = Store(place)
        with store.writer():
            collection = store.get("docs")
            with pytest.MonkeyPatch.context() as patch:
                done = steps_of(patch, step)
                try:
                    collection.write_rows(IDS[50:80], IDS[50:80], [{}] * 30, VECTORS[50:80])
                    cut_off = False
                except (Cut, StoreError):
                    cut_off = True
        store.close()
        # At its worst: the index is lost as well.
        DAMAGES["all removed"](index_of(place))
        write(place, 50, ROWS)
        assert vectors_in(place) == wanted, done
        if not cut_off:
            break
    assert step > 8


def test_what_belongs_to_a_collection_that_is_gone_goes_with_it(place):
    assert len(list((place / safekeeping.FOLDER).iterdir())) == 2
    store = Store(place)
    with store.writer():
        store.recreate("docs", FINGERPRINT, "hash")
    assert list((place / safekeeping.FOLDER).iterdir()) == []
    store.close()
