"""What a store takes on disk, who writes to it, and what Chroma's failures become."""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid

import pytest

from rag_pipeline.errors import StoreError, StoreLockedError, UsageError
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.store.embedded import disk
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


def test_sizes_are_those_of_the_files(filled):
    store, (one, _) = filled
    files = [file for file in store.rglob("*") if file.is_file()]
    assert disk.store_size(store) == sum(file.stat().st_size for file in files)
    segments = {folder for folder, owner in disk._segments(store).items() if owner == one}
    folders = [disk.lexical_folder(store, one), *(store / segment for segment in segments)]
    expected = sum(file.stat().st_size for folder in folders if folder.is_dir() for file in folder.rglob("*"))
    assert disk.index_size(store, one) == expected > 0
    assert disk.index_size(store, "nothing") == 0


def test_only_what_no_collection_refers_to_is_removed(filled):
    store, (one, two) = filled
    kept = sorted(path.name for path in store.iterdir())
    orphan = str(uuid.uuid4())
    for folder in (store / orphan, store / "notes", store / disk.LEXICAL_FOLDER / orphan):
        folder.mkdir()
        (folder / "file").write_text("x")
    (store / str(uuid.uuid4()).upper()).mkdir()
    (store / orphan.replace("-", "")).write_text("a file is no folder")
    strange = sorted(path.name for path in store.iterdir() if path.name not in (*kept, orphan))
    disk.remove_orphaned_indexes(store)
    assert sorted(path.name for path in store.iterdir()) == sorted([*kept, *strange])
    assert sorted(folder.name for folder in (store / disk.LEXICAL_FOLDER).iterdir()) == sorted([one, two])


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


def test_a_store_without_an_index_of_words_is_tidied_too(filled):
    store, _ = filled
    (store / disk.LEXICAL_FOLDER).rename(store / "away")
    orphan = store / str(uuid.uuid4())
    orphan.mkdir()
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
