"""When a store in a folder is opened again, on two stores of one process, one of which writes."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from filelock import Timeout

from rag_pipeline.errors import CollectionNotFoundError, StoreError, StoreLockedError
from rag_pipeline.lexical import writer as lexical_writer
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.store.embedded import clients, connection
from rag_pipeline.testing import HashEmbeddings
from tests.store.clock import Clock


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(connection, "time", clock)
    monkeypatch.setattr(clients, "time", clock)
    return clock


@pytest.fixture
def stores(tmp_path):
    writing, reading = Store(tmp_path / "store"), Store(tmp_path / "store")
    with writing.writer():
        add(writing.create("docs", Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash"), "a")
    writing.close()
    yield writing, reading
    reading.close()
    writing.close()


def add(collection, *ids):
    collection.write_rows(ids, ids, [{}] * len(ids), HashEmbeddings().embed_documents(list(ids)))


@pytest.mark.slow
def test_while_another_writes_little_of_the_time_goes_into_opening_the_store_again(stores, clock):
    writing, reading = stores
    seen = reading.get("docs")
    versions = [seen.refresh()]

    def opens_again(loading_seconds, *, after, at_once=False):
        with reading._connection.use() as opened:
            opened.loading_seconds = loading_seconds
        add(writing.get("docs"), "b")
        clock.now += after
        versions.append(seen.refresh(at_once=at_once))
        return versions[-1] != versions[-2]

    with reading._connection.use() as opened:
        assert opened.loading_seconds == 0  # by this clock
    with writing.writer():
        assert not opens_again(1.0, after=19.9)
        assert opens_again(1.0, after=0.2)
        assert opens_again(0.0, after=0.1)
        assert not opens_again(100.0, after=1)
        assert opens_again(100.0, after=1, at_once=True)
        assert not opens_again(100.0, after=1)
    assert seen.refresh() != versions[-1]  # nobody writes any more


@pytest.mark.slow
def test_what_is_not_written_to_is_not_opened_again(stores, clock):
    _, reading = stores
    seen = reading.get("docs")
    version = seen.refresh()
    clock.now += 10_000
    assert seen.refresh() == version
    clock.now += 1
    reading.close()
    assert seen.refresh() != version


@pytest.mark.slow
def test_a_writer_keeps_its_own_client_and_knows_afterwards_what_it_wrote(stores, clock):
    writing, _ = stores
    with writing.writer():
        kept = writing.get("docs")
        version = kept.refresh()
        add(kept, "b")
        clock.now += 1000
        assert kept.refresh(at_once=True) == version
    clock.now += 1000
    assert kept.refresh() == version


@pytest.mark.slow
def test_the_number_in_the_address_of_a_closed_client_is_free_for_the_next(tmp_path, stores):
    writing, reading = stores
    writing.close()
    reading.close()
    before = set(clients._numbers_in_use)
    for _ in range(3):
        assert reading.get("docs").count == 1
        assert len(clients._numbers_in_use - before) == 1
        reading.close()
        assert clients._numbers_in_use == before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chromadb.PersistentClient", lambda *_: 1 / 0)
        with pytest.raises(StoreError, match="cannot be opened: division by zero"):
            reading.get("docs")
    assert clients._numbers_in_use == before


@pytest.mark.slow
def test_a_client_stays_open_until_the_last_one_that_uses_it_is_done(stores):
    _, reading = stores
    connection = reading._connection
    released = []
    let_go = connection._clients.let_go
    connection._clients.let_go = lambda opened: released.append(opened) or let_go(opened)
    with connection.use() as first, connection.use() as second:
        assert first is second
        connection.renew(first)
        assert released == []
        with connection.use() as third:
            assert third is not first
    assert released == [first]
    connection.renew(first)  # another is in use by now
    with connection.use() as opened:
        assert opened is third
    connection.renew()
    assert released == [first, third]


def test_while_one_changes_something_nobody_else_loads_an_index(stores):
    writing, reading = stores
    index = reading._connection._index._index
    with writing._connection.changing(), pytest.raises(Timeout):
        index.acquire(timeout=0)
    with index.acquire(timeout=0):
        pass


def test_every_change_is_seen_also_one_that_leaves_the_database_as_large_as_it_was(stores):
    writing, reading = stores
    place = Path(reading.address)
    states = [clients.state_of(place)]
    for _ in range(2):
        with writing._connection.changing():
            pass
        states.append(clients.state_of(place))
    assert len(set(states)) == 3


def test_what_is_in_the_way_of_the_lock_on_the_index_is_told(stores, monkeypatch):
    _, reading = stores
    lock = reading._connection._index

    class Turn:
        failure: Exception

        def __enter__(self):
            raise self.failure

        def __exit__(self, *_):
            pass

    turn = lock._turn = Turn()
    turn.failure = Timeout("turn.lock")
    with pytest.raises(StoreLockedError, match="is being written all the time; try again later"):
        reading.get("docs")
    turn.failure = OSError(errno.ENOLCK, "No locks available")
    with pytest.raises(StoreError, match="cannot be locked: No locks available"):
        reading.get("docs")
    turn.failure = OSError("something without a number")
    with pytest.raises(StoreError, match="cannot be locked: something without a number"):
        reading.get("docs")
    for number in (errno.EACCES, errno.EPERM, errno.EROFS):  # where nobody can write, nobody has to be waited for
        turn.failure = OSError(number, "no")
        assert reading.get("docs").count == 1
        reading.close()


@pytest.mark.slow
def test_a_collection_that_is_gone_is_told_by_name(stores):
    writing, reading = stores
    seen = reading.get("docs")
    with writing.writer():
        writing._delete("docs")
    with pytest.raises(CollectionNotFoundError, match="collection 'docs' is no longer in"):
        _ = seen.count


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.get("docs"),
        lambda store: store.names(),
        lambda store: store.own_names(),
        lambda store: store.foreign("docs").count,
        lambda store: list(store.foreign("docs").pages()),
    ],
)
def test_whatever_fails_in_chroma_is_told_in_words(stores, monkeypatch, read):
    _, reading = stores
    read(reading)
    for name in ("collection", "collections"):
        monkeypatch.setattr(reading._connection, name, lambda *_: 1 / 0)
    with pytest.raises(StoreError, match="the vector store cannot be read: division by zero"):
        read(reading)


@pytest.mark.slow
def test_during_a_long_write_words_are_found_before_its_end(stores, monkeypatch):
    writing, _ = stores
    collection = writing.get("docs")
    with writing.writer(), collection.indexing():
        add(collection, "b")
        assert "b" not in collection.lexical.ids()
        monkeypatch.setattr(lexical_writer, "_SECONDS_BETWEEN_COMMITS", 0.0)
        add(collection, "c")
        assert collection.lexical.ids() == {"a", "b", "c"}
        collection.delete(["b"])
        assert collection.lexical.ids() == {"a", "c"}
        monkeypatch.setattr(lexical_writer, "_SECONDS_BETWEEN_COMMITS", 1000.0)
        add(collection, "d")
    assert collection.lexical.ids() == collection.ids() == {"a", "c", "d"}
    add(collection, "e")
    assert "e" not in collection.lexical.ids()
