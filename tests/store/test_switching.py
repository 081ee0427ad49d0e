"""Two collections change names: readers of the first find one or the other at any time, also after a kill."""

from __future__ import annotations

import pytest

from rag_pipeline.errors import CollectionNotFoundError
from rag_pipeline.store import Store
from tests.store.test_store import FINGERPRINT, fill, records, store, vectors

pytestmark = pytest.mark.slow

__all__ = ["store"]


def counts(store):
    reader = Store(store._connection._path)
    found = {name: reader.get(name).count for name in reader.names()}
    reader.close()
    return found


@pytest.fixture
def two(store):
    fill(store, "docs", count=2)
    fill(store, "tuned", count=5)
    return store


def test_two_change_names_and_go_back(two):
    reader = Store(two._connection._path).get("docs")
    for expected in ({"docs": 5, "tuned": 2}, {"docs": 2, "tuned": 5}):
        with two.writer():
            two.switch("docs", "tuned")
        assert counts(two) == expected
        reader.refresh(at_once=True)
        assert reader.count == expected["docs"]
    metadata = two.get("docs")._read(lambda chroma: chroma.metadata)
    assert not [key for key in metadata if "moves" in key or "staged" in key]


@pytest.mark.parametrize("at", range(7))
def test_cut_off_anywhere_the_name_is_found_and_the_next_writer_finishes(two, monkeypatch, at):
    done = []

    def cut_off(change):
        def changed(self, *arguments):
            if len(done) == at:
                raise KeyboardInterrupt
            done.append(arguments)
            return change(self, *arguments)

        return changed

    with monkeypatch.context() as patch:
        for name in ("_rename", "_mark"):
            patch.setattr(Store, name, cut_off(getattr(Store, name)))
        with pytest.raises(KeyboardInterrupt), two.writer():
            two.switch("docs", "tuned")
    assert len(done) == at
    assert counts(two)["docs"] in (2, 5)
    with two.writer():
        pass
    begun = any(arguments[1:] == ("docs.rag-rebuild",) for arguments in done)
    assert counts(two) == ({"docs": 5, "tuned": 2} if begun else {"docs": 2, "tuned": 5})


def test_a_switch_that_never_began_does_not_change_what_a_rebuild_deletes(two, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt), two.writer():
            two.switch("docs", "tuned")
    with two.writer():
        two._delete("tuned")
        staged = two.staging("docs", FINGERPRINT, "hash", "rebuild")
        staged.write(records(3), vectors(3))
        two.replace("docs", staged)
    assert counts(two) == {"docs": 3}


def test_a_collection_that_is_not_there_is_named(two):
    with (
        two.writer(),
        pytest.raises(CollectionNotFoundError, match="unknown collection 'other'; known: docs, tuned|other"),
    ):
        two.switch("docs", "other")
    assert counts(two) == {"docs": 2, "tuned": 5}
