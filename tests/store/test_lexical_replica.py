"""A machine's copy of the index of words is brought in step with rows that lie elsewhere."""

from __future__ import annotations

import logging
import threading

import pytest
from filelock import FileLock

from rag_pipeline.errors import StoreError, StoreLockedError
from rag_pipeline.lexical.index import LexicalIndex
from rag_pipeline.store import lexical_replica
from rag_pipeline.store.lexical_replica import REVISION_KEY, LexicalReplica, bring_in_step, ids_of, new_revision
from tests.store.clock import Clock


class Rows:
    """Rows of a collection elsewhere."""

    name = "docs"
    ids_a_request = 2

    def __init__(self, folder, texts):
        self.lexical = LexicalIndex(folder)
        self.texts = dict(texts)
        self.asked = []
        self.looks = 0
        self.problem = None

    @property
    def count(self):
        return len(self.texts)

    def ids(self):
        self.looks += 1
        if self.problem is not None:
            raise self.problem
        return set(self.texts)

    def texts_of(self, ids):
        self.asked.append(list(ids))
        return {key: self.texts[key] for key in ids}


class Found:
    """A collection as it was looked up: what the copy is told of it."""

    def __init__(self, revision=None):
        self.metadata = None if revision is None else {REVISION_KEY: revision}


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(lexical_replica, "time", clock)
    return clock


@pytest.fixture
def rows(tmp_path):
    return Rows(tmp_path / "words" / "docs", {"a": "a tug", "b": "a buoy", "c": "a lock"})


def test_revisions_are_never_the_same_and_say_whether_there_is_more_to_come():
    assert new_revision() != new_revision()
    assert new_revision().startswith("written ")
    assert new_revision(writing=True).startswith("writing ")


def test_an_index_gets_what_it_lacks_a_few_rows_at_a_time_and_loses_what_is_gone(rows):
    with rows.lexical.writer() as writer:
        bring_in_step(rows, writer, set(), {"a", "b", "c"})
        writer.commit()
    assert rows.asked == [["a", "b"], ["c"]]
    del rows.texts["b"]
    rows.texts["d"] = "a dock"
    with rows.lexical.writer() as writer:
        bring_in_step(rows, writer, ids_of(rows.lexical), set(rows.texts))
        writer.commit()
    assert rows.asked[2:] == [["d"]]
    assert rows.lexical.ids() == {"a", "c", "d"}


def test_a_copy_is_made_once_and_made_up_after_each_other_revision(rows):
    replica = LexicalReplica(rows)
    replica.follow(Found("one"))
    assert (rows.lexical.ids(), rows.lexical.revision, rows.looks) == ({"a", "b", "c"}, "one", 1)
    same = Found("one")
    replica.follow(same)
    replica.follow(same)
    assert rows.looks == 1
    rows.texts["d"] = "a dock"
    del rows.texts["a"]
    replica.follow(Found("two"))
    assert (rows.lexical.ids(), rows.lexical.revision, rows.looks) == ({"b", "c", "d"}, "two", 2)
    assert replica.problem == ""


def test_rows_of_a_writer_who_says_nothing_are_seen_by_their_number(rows):
    replica = LexicalReplica(rows)
    replica.follow(Found())
    rows.texts["d"] = "a dock"
    seen = Found()
    replica.follow(seen)
    assert rows.lexical.ids() == {"a", "b", "c", "d"}
    rows.texts["e"] = "a quay"
    replica.follow(seen)  # the same look at the collection says nothing new
    assert rows.looks == 2
    assert rows.lexical.revision == ""


def test_a_copy_that_is_missing_or_damaged_is_made_anew(rows):
    replica = LexicalReplica(rows)
    seen = Found("one")
    replica.follow(seen)
    rows.lexical.discard()
    replica.follow(seen)
    assert rows.lexical.ids() == {"a", "b", "c"}
    rows.lexical.close()
    for file in rows.lexical.folder.glob("*.store"):
        file.write_bytes(b"")
    (rows.lexical.folder / "meta.json").write_text("damaged")
    replica.follow(Found("one"))
    assert rows.lexical.ids() == {"a", "b", "c"}
    assert replica.problem == ""


def test_while_others_write_little_of_the_time_goes_into_following(rows, clock):
    ids = rows.ids

    def slowly():
        clock.now += 1
        return ids()

    rows.ids = slowly
    replica = LexicalReplica(rows)
    replica.follow(Found("writing 1"))
    assert rows.looks == 1
    clock.now += 19
    replica.follow(Found("writing 2"))
    assert rows.looks == 1
    clock.now += 1
    replica.follow(Found("writing 3"))
    assert rows.looks == 2
    replica.follow(Found("written"))  # who has done writing is followed at once
    assert rows.looks == 3


def test_a_problem_is_said_and_tried_again_only_after_a_while(rows, clock):
    replica = LexicalReplica(rows)
    rows.problem = StoreError("the server is away")
    clock_at = rows.ids

    def slowly():
        clock.now += 1
        return clock_at()

    rows.ids = slowly
    replica.follow(Found("one"))
    assert replica.problem == "the server is away"
    replica.follow(Found("one"))
    assert rows.looks == 1
    rows.problem = None
    clock.now += 20
    replica.follow(Found("one"))
    assert (replica.problem, rows.lexical.ids()) == ("", {"a", "b", "c"})


def test_a_place_that_cannot_be_written_is_a_problem_in_words(tmp_path):
    (tmp_path / "words").write_text("a file")
    replica = LexicalReplica(Rows(tmp_path / "words" / "docs", {"a": "a tug"}))
    replica.follow(Found("one"))
    assert "cannot be kept in" in replica.problem
    assert "set store.path to a folder that can be written" in replica.problem
    with pytest.raises(StoreError, match=r"\((File exists|Not a directory)\)"), replica.writing():
        pass


def test_where_another_process_makes_up_the_copy_one_goes_on_with_what_there_is(rows):
    replica = LexicalReplica(rows)
    replica.follow(Found("one"))
    rows.texts["d"] = "a dock"
    with FileLock(rows.lexical.folder.with_suffix(".lock")):
        replica.follow(Found("two"))
    assert rows.lexical.ids() == {"a", "b", "c"}
    assert rows.lexical.revision == "one"
    replica.follow(Found("two"))
    assert rows.lexical.ids() == {"a", "b", "c", "d"}


def test_a_writer_waits_for_the_index_no_longer_than_so_long(rows, monkeypatch):
    monkeypatch.setattr(lexical_replica, "_LOCK_SECONDS", 0.05)
    replica = LexicalReplica(rows)
    rows.lexical.folder.parent.mkdir(parents=True)
    with (
        FileLock(rows.lexical.folder.with_suffix(".lock")),
        pytest.raises(StoreLockedError, match="still making the index of the words of 'docs'"),
        replica.writing(),
    ):
        pass
    with replica.writing():
        pass


def test_while_this_machine_writes_those_who_ask_go_on_with_the_copy_as_it_is(rows):
    replica = LexicalReplica(rows)
    replica.follow(Found("one"))
    rows.texts["d"] = "a dock"
    with replica.writing():
        asking = threading.Thread(target=replica.follow, args=[Found("two")])
        asking.start()
        asking.join(30)
        assert not asking.is_alive()
        assert rows.looks == 1
    replica.follow(Found("two"))
    assert rows.looks == 2


def test_a_long_wait_is_explained_and_a_short_one_is_not(rows, monkeypatch, caplog):
    monkeypatch.setattr(lexical_replica, "_MANY", 3)
    with caplog.at_level(logging.WARNING):
        LexicalReplica(rows).follow(Found("one"))
    assert "index of the words of 'docs' in step with the server: 3 chunks" in caplog.text
    caplog.clear()
    rows.texts["d"] = "a dock"
    with caplog.at_level(logging.WARNING):
        LexicalReplica(rows).follow(Found("two"))
    assert caplog.text == ""
