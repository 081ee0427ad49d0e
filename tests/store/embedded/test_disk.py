"""What a store takes on disk, who writes to it, and what Chroma's failures become."""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid

import pytest

from rag_pipeline.errors import StoreError, StoreLockedError, UsageError
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.store.embedded import disk, safekeeping
from rag_pipeline.store.embedded.chroma_errors import translated
from rag_pipeline.store.embedded.lock import writer_lock, writing_now
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def filled(tmp_path):
    """A store of two collections of one chunk, and the ids of both."""
    store, ids = Store(tmp_path / "store"), []
    with store.writer():
        for name in ("one", "two"):
            made = store.create(name, Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash")
            with made.indexing():
                made.write_rows(["a"], ["a tug"], [{}], HashEmbeddings().embed_documents(["a tug"]))
            ids.append(made.id)
    store.close()
    return tmp_path / "store", ids


@pytest.mark.slow
def test_sizes_are_those_of_the_files(filled):
    store, (one, _) = filled
    files = [file for file in store.rglob("*") if file.is_file()]
    assert disk.store_size(store) == sum(file.stat().st_size for file in files)
    segments = {folder for folder, owner in disk._segments(store).items() if owner == one}
    folders = [disk.lexical_folder(store, one), *(store / segment for segment in segments)]
    expected = sum(file.stat().st_size for folder in folders if folder.is_dir() for file in folder.rglob("*"))
    assert disk.index_size(store, one) == expected > 0
    assert disk.index_size(store, "nothing") == 0


def leave_behind(filled):
    """Remove a collection as Chroma does, which leaves its folders; they are returned."""
    store, (one, _) = filled
    (segment,) = (
        store / name for name, owner in disk._segments(store).items() if owner == one and (store / name).exists()
    )
    with sqlite3.connect(store / disk.DATABASE) as database:
        database.execute("DELETE FROM segments WHERE collection = ?", (one,))
    database.close()
    return segment, disk.lexical_folder(store, one)


@pytest.mark.slow
def test_indexes_that_no_collection_refers_to_are_removed(filled):
    store, (_, two) = filled
    before = {path.relative_to(store) for path in store.rglob("*")}
    folders = leave_behind(filled)
    assert all(folder.is_dir() and any(folder.iterdir()) for folder in folders)
    disk.remove_orphaned_indexes(store)
    gone = before - {path.relative_to(store) for path in store.rglob("*")}
    assert {path.parts[0] for path in gone} == {folders[0].name, disk.LEXICAL_FOLDER, safekeeping.FOLDER}
    assert [folder.name for folder in (store / disk.LEXICAL_FOLDER).iterdir()] == [two]


@pytest.mark.slow
def test_an_index_with_a_file_of_someone_elses_in_it_stays_whole(filled):
    store, _ = filled
    folders = leave_behind(filled)
    for folder in folders:
        (folder / "photo.jpg").write_text("mine")
    before = {path for path in store.rglob("*") if safekeeping.FOLDER not in path.parts}
    disk.remove_orphaned_indexes(store)
    assert {path for path in store.rglob("*") if safekeeping.FOLDER not in path.parts} == before


@pytest.mark.slow
def test_folders_of_the_user_in_the_folder_of_a_store_are_never_touched(filled):
    store, _ = filled
    name = str(uuid.uuid4())
    for place in (store, store / disk.LEXICAL_FOLDER):
        for folder in (place / name, place / "thesis", place / str(uuid.uuid4()) / "deep", place / str(uuid.uuid4())):
            folder.mkdir(parents=True)
            (folder / "file.txt").write_text("mine")
        (place / str(uuid.uuid4())).mkdir()
        (place / str(uuid.uuid4())).symlink_to(place / name)
        (place / str(uuid.uuid4())).write_text("a file is no folder")
    own = store / str(uuid.uuid4())
    own.mkdir()
    (own / "header.bin").write_text("of another program")
    before = sorted(store.rglob("*"))
    disk.remove_orphaned_indexes(store)
    assert sorted(store.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["writer.txt", "writer.lock", "turn.lock", "index.lock", "writes", "lexical", "safekeeping"]
)
def test_a_file_of_the_user_in_the_place_of_a_stores_own_is_refused_and_stays(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(StoreError, match=rf"{name} is none of a store's files"), Store(tmp_path).writer():
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["writer.lock", "writer.txt", "lexical"])
def test_what_others_make_and_remove_meanwhile_is_not_taken_for_someone_elses(tmp_path, name):
    done, place = threading.Event(), tmp_path / name

    def make_and_remove():
        while not done.is_set():
            place.mkdir() if name == "lexical" else place.touch()
            place.rmdir() if name == "lexical" else place.unlink()

    other = threading.Thread(target=make_and_remove)
    other.start()
    try:
        assert {disk.foreign_file(tmp_path) for _ in range(2000)} == {""}
    finally:
        done.set()
        other.join()


@pytest.mark.slow
def test_what_a_killed_writer_left_is_not_taken_for_someone_elses(filled):
    store, _ = filled
    (store / "writer.txt").write_text("process 12 on there since 2026-01-01 10:00:00")
    (store / "writes").write_text("." * 1000)
    assert not disk.foreign_file(store)
    (store / "writer.txt").write_text("")
    with Store(store).writer():
        pass


def test_making_a_store_among_other_things_is_said_once(tmp_path, caplog):
    for name in ("README.md", ".gitignore", "writer.lock"):
        (tmp_path / name).touch()
    with Store(tmp_path).writer():
        assert not caplog.records
    (tmp_path / "photo.jpg").touch()
    store = Store(tmp_path)
    with store.writer():
        store.create("one", Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash")
    store.close()
    with Store(tmp_path).writer():
        pass
    (said,) = (record.getMessage() for record in caplog.records)
    assert "(photo.jpg)" in said
    assert "set store.path" in said


def test_in_a_database_of_another_layout_nothing_is_known_and_nothing_removed(tmp_path):
    database = sqlite3.connect(tmp_path / disk.DATABASE)
    database.execute("CREATE TABLE collections (id TEXT)")
    database.close()
    folder = tmp_path / str(uuid.uuid4())
    folder.mkdir()
    disk.remove_orphaned_indexes(tmp_path)
    assert folder.is_dir()
    assert disk.index_size(tmp_path, "one") is None
    assert disk.tables(tmp_path) == {"collections"}


@pytest.mark.slow
def test_a_store_without_an_index_of_words_is_tidied_too(filled):
    store, _ = filled
    orphan, _ = leave_behind(filled)
    (store / disk.LEXICAL_FOLDER).rename(store / "away")
    disk.remove_orphaned_indexes(store)
    assert not orphan.exists()


def test_who_writes_is_known_while_it_writes_and_told_to_others(tmp_path):
    store = tmp_path / "deep" / "store"
    assert not writing_now(store)
    with writer_lock(store):
        assert writing_now(store)
        with (
            pytest.raises(StoreLockedError, match=rf"\(process {os.getpid()} on .* since \d{{4}}-"),
            writer_lock(store),
        ):
            pass
        (store / "writer.txt").unlink()
        with pytest.raises(StoreLockedError, match=r"writing to .*/store; wait until it is done"), writer_lock(store):
            pass
    assert not writing_now(store)
    with writer_lock(store):
        pass


def test_the_right_to_write_is_given_back_after_a_failure(tmp_path):
    with pytest.raises(ZeroDivisionError), writer_lock(tmp_path):
        _ = 1 / 0
    assert not writing_now(tmp_path)
    with writer_lock(tmp_path):
        pass


def test_the_right_to_write_may_be_given_back_by_another_thread(tmp_path):
    held = writer_lock(tmp_path)
    held.__enter__()
    giving_back = threading.Thread(target=held.__exit__, args=(None, None, None))
    giving_back.start()
    giving_back.join()
    with writer_lock(tmp_path):
        pass


def test_a_place_that_cannot_be_a_folder_is_told_in_words(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"store .*/file/store cannot be written: Not a directory$"):  # noqa: SIM117
        with writer_lock(tmp_path / "file" / "store"):
            pass


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("read", r"cannot be read: bad; if it stays so"),
        ("open", r"cannot be opened: bad; if it stays so"),
        ("write", r"cannot be written: bad; is the disk full"),
    ],
)
def test_a_failure_of_chroma_is_one_line_with_advice(action, said):
    class Panic(BaseException):
        """What Chroma's Rust core raises."""

    for failure in (ValueError("bad\nand pages of advice"), Panic("bad")):
        with pytest.raises(StoreError, match=said) as raised, translated(action):
            raise failure
        assert "\n" not in str(raised.value)
        assert raised.value.__cause__ is failure


@pytest.mark.parametrize("action", ["open", "read", "write"])
@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("(code: 11) database disk image is malformed", "its database is damaged: restore the store from a copy"),
        ("(code: 26) file is not a database", "or move it away and ingest again"),
        ("(code: 778) disk I/O error", "is its disk full, or broken"),
    ],
)
def test_what_sqlite_says_is_followed_by_what_helps(action, reason, said):
    with pytest.raises(StoreError, match=said) as raised, translated(action):
        raise ValueError(reason)
    assert "--rebuild" not in str(raised.value)


def test_where_chroma_does_not_say_why_it_cannot_write_the_database_is_looked_at():
    for damage, said in (("Page 3 is broken", "its database is damaged"), ("", "is the disk full")):
        with pytest.raises(StoreError, match=said), translated("write", lambda damage=damage: damage):
            raise ValueError("Failed to apply logs to the metadata segment")


def test_what_is_no_failure_of_chroma_stays_what_it_is():
    for failure in (UsageError("x"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()):
        with pytest.raises(type(failure)) as raised, translated("read"):
            raise failure
        assert raised.value is failure


@pytest.mark.parametrize(
    "said", ["(code: 8) attempt to write a readonly database", "(code: 13) database or disk is full"]
)
def test_a_folder_that_takes_no_writes_is_not_called_damaged(said):
    with pytest.raises(StoreError, match="nothing is damaged, mend that and try again"), translated("read"):
        raise ValueError(said)


@pytest.mark.slow
def test_what_is_not_ours_in_the_folder_of_copies_stays(filled):
    store, _ = filled
    home = store / safekeeping.FOLDER
    home.mkdir(exist_ok=True)
    mine = [home / "notes.json", home / f"{uuid.uuid4()}-thesis", home / f"{uuid.uuid4()}-7" / "photo.jpg"]
    mine[2].parent.mkdir()
    for path in mine:
        path.write_text("mine")
    orphan = home / f"{uuid.uuid4()}.json"
    orphan.write_text("{}")
    disk.remove_orphaned_indexes(store)
    assert all(path.read_text() == "mine" for path in mine)
    assert not orphan.exists()
