from __future__ import annotations

import os
import threading

import pytest

from rag_pipeline.errors import StoreLockedError
from rag_pipeline.store import Store
from rag_pipeline.store.embedded.connection import EmbeddedConnection
from rag_pipeline.store.queueing import turn

PATIENCE = 60


def in_threads(*calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    return threads


def end(threads):
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_threads_that_write_to_one_store_wait_for_each_other_whichever_way_they_came_to_it(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "store")
    writing, most, failures = 0, 0, []

    def write(place):
        nonlocal writing, most
        try:
            with Store(place).writer():
                writing += 1
                most = max(most, writing)
                writing -= 1
        except Exception as error:
            failures.append(error)

    (tmp_path / "store").mkdir()
    places = [tmp_path / "store", tmp_path / "link", tmp_path / "docs" / ".." / "store"] * 4
    end(in_threads(*[lambda place=place: write(place) for place in places]))
    assert failures == []
    assert most == 1


def test_who_waits_too_long_is_told_how_long_and_for_what(tmp_path):
    held, done = threading.Event(), threading.Event()

    def hold():
        with Store(tmp_path / "store").writer():
            held.set()
            done.wait(PATIENCE)

    holding = in_threads(hold)
    held.wait(PATIENCE)
    said = (
        r"^waited 0.05 s for another thread of this process, which has been writing to store .*store since 2\d{3}-.*;"
        r" write again when it is done, or let store.queue_timeout be longer$"
    )
    with pytest.raises(StoreLockedError, match=said) as raised, EmbeddedConnection(tmp_path / "store", 0.05).writer():
        pass
    assert str(os.getpid()) not in str(raised.value)
    done.set()
    end(holding)
    with EmbeddedConnection(tmp_path / "store", 0.05).writer():
        pass


def test_turns_are_taken_in_the_order_of_asking():
    order, waiting = [], []

    def take(number):
        with turn("place", "store"):
            order.append(number)

    from rag_pipeline.store.queueing import _lines

    with turn("place", "store"):
        for number in range(5):
            waiting += in_threads(lambda number=number: take(number))
            while len(_lines["place"].tickets) < number + 2:
                threading.Event().wait(0.001)
    end(waiting)
    assert order == [0, 1, 2, 3, 4]


def test_who_gives_up_leaves_the_line_to_those_behind():
    taken = threading.Event()

    def take():
        with turn("other", "store"):
            taken.set()

    def give_up():
        with pytest.raises(StoreLockedError), turn("other", "store", 0.01):
            pass

    with turn("other", "store"):
        gone = in_threads(give_up)
        behind = in_threads(take)
        end(gone)
    end(behind)
    assert taken.is_set()


def test_stores_do_not_wait_for_each_other(tmp_path):
    with Store(tmp_path / "one").writer(), Store(tmp_path / "two").writer():
        pass
