"""One writer on a server, among processes and machines, also after one was killed."""

from __future__ import annotations

import time

import pytest

from rag_pipeline.assembly import open_store
from rag_pipeline.errors import StoreLockedError
from rag_pipeline.store.names import LEASE, is_reserved
from rag_pipeline.store.server import lease
from tests.conftest import started
from tests.store.server.servers import running
from tests.store.server.test_connection import configure, plain
from tests.store.test_store import FINGERPRINT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server") / "db") as server:
        yield server


@pytest.fixture
def settings(server, tmp_path):
    with plain(server) as client:
        for collection in client.list_collections():
            client.delete_collection(collection.name)
    return configure(tmp_path, server.port)


@pytest.fixture
def store(settings):
    store = open_store(settings)
    yield store
    store.close()


HOLDER = """
import sys, time
from rag_pipeline.assembly import open_store
from rag_pipeline.config import load_settings
with open_store(load_settings(sys.argv[1])).writer():
    print("held", flush=True)
    time.sleep(60)
"""


def other_process(settings):
    process = started("-c", HOLDER, settings.config_file)
    assert process.stdout.readline() == "held\n"
    return process


def leave_a_lease(server, **changes):
    """As a holder on another machine would have left it."""
    with plain(server) as client:
        metadata = {"token": "theirs", "process": 1, "host": "elsewhere", "processes": "", "since": "noon"}
        metadata |= {"beat": client.heartbeat() / 1e9, **changes}
        client.create_collection(LEASE, embedding_function=None, metadata=metadata)


def holder(server):
    with plain(server) as client:
        return client.get_collection(LEASE, embedding_function=None).metadata


def test_a_second_writer_is_refused_at_once_and_told_who_writes(settings, store):
    process = other_process(settings)
    with pytest.raises(StoreLockedError, match=f"process {process.pid} on .* wait until it is done"), store.writer():
        pass
    process.kill()
    process.communicate()


def test_the_right_of_a_killed_process_of_this_machine_is_taken_over_at_once(server, settings, store):
    process = other_process(settings)
    process.kill()
    process.communicate()
    with store.writer():
        assert holder(server)["process"] != process.pid
        store.create("docs", FINGERPRINT, "hash")
    with plain(server) as client:
        assert [collection.name for collection in client.list_collections()] == ["docs"]


def test_the_right_of_a_machine_that_is_silent_too_long_is_taken_over_and_no_sooner(server, store):
    leave_a_lease(server)
    with pytest.raises(StoreLockedError, match="process 1 on elsewhere since noon.*ends after 60 s"), store.writer():
        pass
    with plain(server) as client:
        chroma = client.get_collection(LEASE, embedding_function=None)
        chroma.modify(metadata={**chroma.metadata, "beat": client.heartbeat() / 1e9 - lease.LAPSE_SECONDS - 1})
    with store.writer():
        assert holder(server)["token"] != "theirs"


def test_a_process_of_another_container_is_not_taken_for_a_dead_one_of_ours(server, store):
    import socket

    leave_a_lease(server, host=socket.gethostname(), processes="pid:[1]", process=2**22 + 1)
    with pytest.raises(StoreLockedError), store.writer():
        pass


def test_a_holder_shows_that_it_lives(server, store, monkeypatch):
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.05)
    with store.writer():
        first = holder(server)["beat"]
        deadline = time.monotonic() + 20
        while holder(server)["beat"] == first:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_holder_whose_right_another_took_writes_no_more(server, store, monkeypatch):
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.05)
    with store.writer():
        with plain(server) as client:
            client.delete_collection(LEASE)
        leave_a_lease(server)
        deadline = time.monotonic() + 20
        with pytest.raises(StoreLockedError, match="run the same command again"):
            while time.monotonic() < deadline:
                store.create("docs", FINGERPRINT, "hash")
                store._delete("docs")
    assert holder(server)["token"] == "theirs"


def test_giving_the_right_back_does_not_take_the_next_holders(server, store):
    """The reply to the last request is lost, and another has begun before it is sent again."""
    with plain(server) as client, pytest.raises(StoreLockedError), store.writer():
        client.delete_collection(LEASE)
        leave_a_lease(server)
        raise StoreLockedError
    assert holder(server)["token"] == "theirs"


def test_a_server_out_of_order_for_a_moment_costs_no_right(server, store, monkeypatch):
    from chromadb.errors import InternalError

    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)
    with store.writer(), store._connection.use() as opened:
        failed = []

        def broken():
            failed.append(1)
            raise InternalError("out of order")

        monkeypatch.setattr(opened.client, "heartbeat", broken)
        deadline = time.monotonic() + 20
        while len(failed) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        store.create("docs", FINGERPRINT, "hash")


def test_a_holder_out_of_reach_for_long_gives_up_before_others_take_over(server, store, monkeypatch):
    assert lease.HOLD_SECONDS < lease.LAPSE_SECONDS
    with pytest.raises(StoreLockedError, match="out of reach for 30 s; run the same"), store.writer():
        now = lease._seconds()
        monkeypatch.setattr(lease, "_seconds", lambda: now + lease.HOLD_SECONDS + 1)
        store.create("docs", FINGERPRINT, "hash")


def test_what_keeps_the_right_is_no_collection_for_users(server, store):
    with store.writer():
        assert store.names() == []
        assert is_reserved(LEASE)


def test_whoever_holds_it_is_writing_until_it_ends(server, settings, store):
    assert not store.being_written
    with store.writer():
        reader = open_store(settings)
        assert reader.being_written
        reader.close()
    assert not store.being_written
    leave_a_lease(server)
    assert store.being_written
    with plain(server) as client:
        client.delete_collection(LEASE)
    leave_a_lease(server, beat=time.time() - lease.LAPSE_SECONDS - 5)
    assert not store.being_written
