"""The same commands, collections and answers on a real Chroma server, also where server and network fail."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time

import chromadb
import numpy as np
import pytest

from rag_pipeline.assembly import open_store
from rag_pipeline.cli import run
from rag_pipeline.config import load_settings
from rag_pipeline.errors import (
    CollectionMismatchError,
    ConfigurationError,
    ServiceError,
    StoreError,
    StoreUnreachableError,
    UsageError,
)
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import Searcher, open_searcher
from rag_pipeline.store.names import LEASE
from rag_pipeline.store.server.connection import LOOK_SECONDS
from rag_pipeline.testing import HashEmbeddings
from tests.conftest import ROOT, offline_environment
from tests.ingestion.test_killed import make_documents
from tests.store.server.servers import Network, free_port, often, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chroma(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server") / "db") as server:
        yield server


@contextlib.contextmanager
def plain(server):
    """Chroma's own client."""
    client = chromadb.HttpClient("127.0.0.1", server.port)
    client._admin_client._server._session.close()
    try:
        yield client
    finally:
        client._server._session.close()


@pytest.fixture
def server(chroma):
    """The server, with nothing in it."""
    with plain(chroma) as client:
        for collection in client.list_collections():
            client.delete_collection(collection.name)
    return chroma


@pytest.fixture
def place(tmp_path, documents, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(place, port, name="config", mode="server", **more):
    """A configuration file; each has a folder of its own for what a machine keeps."""
    store = {"mode": mode, "host": "127.0.0.1", "port": port, "path": f"local-{name}", "timeout": 20, **more}
    file = place / f"{name}.yaml"
    file.write_text(json.dumps({"default_collection": "docs", "store": store}))
    return load_settings(file)


def fill(settings, folder, **options):
    return ingest(settings, IngestTarget("docs", [folder], "hash"), embeddings=HashEmbeddings(), **options)


def searcher(settings, **options):
    return open_searcher(settings, "docs", embeddings=HashEmbeddings(), **options)


def rows(collection):
    got = collection.get(include=["documents", "metadatas", "embeddings"])
    vectors = np.round(got["embeddings"], 6).tolist()
    return {
        chunk: (text, tuple(sorted(metadata.items())), tuple(vector))
        for chunk, text, metadata, vector in zip(got["ids"], got["documents"], got["metadatas"], vectors, strict=True)
    }


def on_server(server):
    with plain(server) as client:
        return rows(client.get_collection("docs", embedding_function=None))


def names(server):
    with plain(server) as client:
        return [collection.name for collection in client.list_collections()]


def in_folder(place, folder):
    """What an embedded store holds of the same folder, made in one go."""
    (place / "embedded.yaml").write_text("")
    settings = load_settings(place / "embedded.yaml")
    fill(settings, folder)
    client = chromadb.PersistentClient(str(place / "chroma_db"))
    return rows(client.get_collection("docs", embedding_function=None))


def test_a_server_holds_what_a_folder_would_row_by_row(server, place, documents):
    fill(configure(place, server.port, "a"), documents)
    assert on_server(server) == in_folder(place, documents)


def test_a_folder_of_collections_is_served_as_it_is(place, documents):
    held = in_folder(place, documents)
    with running(place / "chroma_db") as server:
        settings = configure(place, server.port)
        assert on_server(server) == held
        asked = searcher(settings, mode="lexical")
        assert [passage.source for passage in asked.search("곡물", 1)] == ["bulk.md"]
        asked.close()
        assert fill(settings, documents).unchanged == 3


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_questions_find_the_same_as_in_a_folder(server, place, documents, mode):
    settings = configure(place, server.port, "a")
    fill(settings, documents)
    in_folder(place, documents)
    embedded = load_settings(place / "embedded.yaml")
    for question in ("최대 흘수 12.04 m", "the pilot boards", "곡물"):
        one, other = searcher(settings, mode=mode), searcher(embedded, mode=mode)
        found = [(passage.id, passage.text, passage.score) for passage in one.search(question, 4)]
        expected = [(passage.id, passage.text, passage.score) for passage in other.search(question, 4)]
        assert [row[:2] for row in found] == [row[:2] for row in expected]
        assert [row[2] for row in found] == pytest.approx([row[2] for row in expected], abs=1e-5)
        one.close()
        other.close()


def test_all_commands_work_the_same(server, project, capsys):
    config = (project / "config.yaml").read_text("utf-8")
    (project / "config.yaml").write_text(
        f"{config}\nstore: {{mode: server, host: 127.0.0.1, port: {server.port}}}\n", "utf-8"
    )
    assert run("ingest", []) == 0
    assert "3 new" in capsys.readouterr().out
    assert run("ingest", []) == 0
    assert "3 unchanged" in capsys.readouterr().out
    (project / "docs" / "bulk.md").unlink()
    assert run("ingest", ["--dry-run"]) == 0
    assert "remove  bulk.md" in capsys.readouterr().out
    assert run("ingest", ["--rebuild"]) == 0
    assert "2 new" in capsys.readouterr().out
    assert run("query", ["The pilot boards", "-k", "1", "--json"]) == 0
    [passage] = json.loads(capsys.readouterr().out)["passages"]
    assert passage["source"] == "notes.txt"
    assert run("status", ["--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["store"] == f"Chroma server http://127.0.0.1:{server.port}"
    [row] = status["collections"]
    assert row["documents"] == 2
    assert row["lexical_chunks"] == row["chunks"]
    assert run("verify", []) == 0
    assert f"docs: whole; {row['chunks']} chunks" in capsys.readouterr().out
    assert run("doctor", []) == 0
    assert f"Chroma server http://127.0.0.1:{server.port}: docs" in " ".join(capsys.readouterr().out.split())
    assert not (project / "chroma_db" / "chroma.sqlite3").exists()


def test_plain_chroma_finds_the_same_in_a_collection_of_ours(server, place, documents):
    settings = configure(place, server.port, "a")
    fill(settings, documents)
    with plain(server) as client:
        opened = client.get_collection("docs", embedding_function=None)
        found = opened.query(query_embeddings=[HashEmbeddings().embed_query("곡물")], n_results=3)
    asked = searcher(settings, mode="dense")
    ours = asked.search("곡물", 3)
    asked.close()
    assert found["ids"][0] == [passage.id for passage in ours]
    assert [1 - distance for distance in found["distances"][0]] == pytest.approx([one.score for one in ours], abs=1e-6)


READER = """
import sys, time
from pathlib import Path
from rag_pipeline.config import load_settings
from rag_pipeline.retrieval import open_searcher
from rag_pipeline.testing import HashEmbeddings
asked = open_searcher(load_settings(sys.argv[1]), "docs", embeddings=HashEmbeddings())
while not Path(sys.argv[2]).exists():
    for passage in asked.search("둘째 문서의 글", 5):
        assert passage.text and passage.source, passage
    print("asked", flush=True)
time.sleep(float(sys.argv[3]))
print(sorted({passage.text[:5] for passage in asked.search("문서의 번째 글", 200)}), flush=True)
asked.close()
"""


def test_two_readers_ask_during_a_write_and_soon_see_nothing_stale(server, place):
    settings = configure(place, server.port, "writer")
    make_documents(place / "many", "첫")
    fill(settings, place / "many")
    stop = place / "stop"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(place / f"{name}.yaml"), str(stop), str(LOOK_SECONDS)],
            env=offline_environment({"PYTHONPATH": str(ROOT)}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("writer", "other")  # one with the writer's index of words, one with its own
        if configure(place, server.port, name)
    ]
    for reader in readers:
        assert reader.stdout.readline() == "asked\n", reader.stderr.read()
    make_documents(place / "many", "둘째")
    fill(settings, place / "many")
    stop.touch()
    for reader in readers:
        out, err = reader.communicate(timeout=120)
        assert reader.returncode == 0, err
        *_, last = out.splitlines()
        assert "첫" not in last
    assert on_server(server) == in_folder(place, place / "many")


@pytest.mark.parametrize("rebuild", [False, True], ids=["added to", "recreated"])
def test_a_reader_that_stays_open_finds_new_words_within_the_stated_time(server, place, documents, rebuild):
    fill(configure(place, server.port, "a"), documents)
    asked = searcher(configure(place, server.port, "b"), mode="lexical")
    assert asked.search("쇄빙선", 3) == []
    (documents / "new.md").write_text("# 쇄빙선\n\n얼음을 깬다.\n", "utf-8")
    fill(configure(place, server.port, "a"), documents, rebuild=rebuild)
    time.sleep(LOOK_SECONDS)
    assert [passage.source for passage in asked.search("쇄빙선", 3)] == ["new.md"]
    asked.close()


def test_a_reader_without_a_place_for_words_goes_on_with_vectors_and_says_so(server, place, documents):
    fill(configure(place, server.port, "a"), documents)
    (place / "local-b").write_text("a file where the folder should be")
    settings = configure(place, server.port, "b")
    with pytest.warns(UserWarning, match="ranked by their vectors alone.*index of words cannot be kept"):
        asked = searcher(settings)
    assert asked.search("곡물", 1)[0].source
    asked.close()
    with pytest.raises(CollectionMismatchError, match="index of words cannot be kept in .*set store.path"):
        searcher(settings, mode="lexical")


def test_a_server_killed_during_an_ingest_gives_a_clear_error_and_the_next_run_goes_on(tmp_path):
    make_documents(tmp_path / "docs", "첫")
    with running(tmp_path / "db") as server:
        settings = configure(tmp_path, server.port, "a", attempts=3)

        class Killing(HashEmbeddings):
            def embed_documents(self, texts):
                if len(self.embedded) > 40:
                    server.kill()
                return super().embed_documents(texts[:20]) + (self.embed_documents(texts[20:]) if texts[20:] else [])

        with pytest.raises(
            ServiceError, match="cannot be reached.*is it running there.*run the same command"
        ) as raised:
            ingest(settings, IngestTarget("docs", [tmp_path / "docs"], "hash"), embeddings=Killing())
        assert raised.value.exit_code == 4
        assert "\n" not in str(raised.value)
        server.start()
        fill(settings, tmp_path / "docs")
        assert on_server(server) == in_folder(tmp_path, tmp_path / "docs")


def test_a_server_that_is_restarted_during_an_ingest_costs_it_a_pause_only(tmp_path):
    make_documents(tmp_path / "docs", "첫")
    with running(tmp_path / "db") as server:
        settings = configure(tmp_path, server.port, "a")
        restarted = []

        class Restarting(HashEmbeddings):
            def embed_documents(self, texts):
                if not restarted:
                    server.kill()
                    restarted.append(threading.Timer(1.5, server.start))
                    restarted[0].start()
                return super().embed_documents(texts)

        report = ingest(settings, IngestTarget("docs", [tmp_path / "docs"], "hash"), embeddings=Restarting())
        restarted[0].join()
        assert report.failures == []
        assert on_server(server) == in_folder(tmp_path, tmp_path / "docs")


@pytest.mark.slow
def test_over_a_network_that_drops_delays_and_resets_nothing_is_lost_and_nothing_twice(server, place):
    make_documents(place / "many", "첫")
    network = Network(server.port)
    settings = configure(place, network.port, "a", timeout=2, attempts=12)
    network.fault = often(1, 0.25)
    fill(settings, place / "many")
    make_documents(place / "many", "둘째")
    (place / "many" / "03.md").unlink()
    fill(settings, place / "many")
    asked = searcher(settings)
    found = [passage.source for passage in asked.search("둘째 문서 7의 2번째 글", 3)]
    asked.close()
    network.close()
    assert set(network.faults) >= {"drop", "reset", "cut"}
    assert on_server(server) == in_folder(place, place / "many")
    assert found[0] == "07.md"
    assert names(server) == ["docs"]


def test_a_rebuild_over_such_a_network_leaves_one_collection(server, place, documents):
    network = Network(server.port)
    settings = configure(place, network.port, "a", timeout=2, attempts=12)
    fill(settings, documents)
    network.fault = often(5, 0.25)
    fill(settings, documents, rebuild=True)
    network.close()
    assert names(server) == ["docs"]
    assert len(on_server(server)) == 4


def test_a_server_that_is_not_there_is_an_error_of_one_line(place, documents, capsys):
    configure(place, free_port(), attempts=2)
    for command in (["ingest", "docs"], ["query", "x"], ["status"]):
        assert run(command[0], command[1:]) == 4
        error = capsys.readouterr().err.strip()
        assert "cannot be reached" in error
        assert "store.host and store.port" in error
        assert "\n" not in error


def test_something_else_at_the_port_is_told_from_chroma(place, gemini):
    settings = configure(place, int(gemini.url.rsplit(":", 1)[1]), attempts=1)
    with pytest.raises((ServiceError, StoreError), match="no Chroma server; see store.host"):
        open_store(settings).names()


def test_a_wrong_tenant_or_database_is_named(server, place):
    with pytest.raises(StoreError, match="Database \\[nope\\] not found"):
        open_store(configure(place, server.port, database="nope")).names()


def test_headers_are_sent_with_every_request_and_never_shown(server, place, documents, capsys):
    network = Network(server.port)
    settings = configure(place, network.port, headers={"Authorization": "Bearer hush"}, attempts=1)
    fill(settings, documents)
    assert network.sent
    assert all(b"hush" in request for request in network.sent)
    assert "hush" not in repr(settings)
    assert run("config", []) == 0
    assert "hush" not in capsys.readouterr().out
    network.fault = lambda: "drop"
    assert run("query", ["x"]) == 4
    assert "hush" not in "".join(capsys.readouterr())
    network.close()


@pytest.mark.parametrize(
    ("store", "problem"),
    [
        (
            {"headers": {"Authorization": "Bearer hush\nX: 1"}},
            "store.headers.Authorization: found \\*\\*\\*; allowed: one line",
        ),
        ({"headers": {"bad name": "hush"}}, "store.headers"),
        ({"host": "me:hush@chroma"}, "store.host"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_being_shown(place, store, problem):
    with pytest.raises(ConfigurationError, match=problem) as raised:
        configure(place, 1, **store)
    assert "Bearer" not in str(raised.value)


def test_the_end_of_a_line_is_no_part_of_a_header(server, place, documents):
    network = Network(server.port)
    fill(configure(place, network.port, headers={"Authorization": "Bearer hush\n"}), documents)
    network.close()
    assert all(b"authorization: bearer hush\r\n" in request.lower() for request in network.sent)


def test_a_proxy_whose_server_is_away_is_a_server_out_of_reach(server, place, documents):
    network = Network(server.port)
    settings = configure(place, network.port, attempts=2)
    fill(settings, documents)
    asked = searcher(settings, mode="dense")
    network.fault = lambda: "502"
    with pytest.raises(StoreUnreachableError, match="cannot be reached \\(HTTP 502\\)"):
        asked.search("곡물", 1)
    asked.close()
    with pytest.raises(StoreUnreachableError, match="cannot be reached \\(HTTP 502\\)"):
        open_store(settings).names()
    network.close()


def test_a_damaged_copy_of_the_words_is_made_anew(server, place, documents):
    settings = configure(place, server.port)
    fill(settings, documents)
    for file in (place / "local-config").rglob("meta.json"):
        file.write_bytes(b"\x00{" * 20)
    asked = searcher(settings, mode="lexical")
    assert [passage.source for passage in asked.search("곡물", 1)] == ["bulk.md"]
    asked.close()


def test_who_asks_by_vectors_alone_makes_no_copy_of_the_words(server, place, documents):
    fill(configure(place, server.port, "a"), documents)
    asked = searcher(configure(place, server.port, "b"), mode="dense")
    assert asked.search("곡물", 1)
    asked.close()
    assert not (place / "local-b").exists()


def test_closing_does_not_disturb_a_question_under_way(server, place, documents):
    network = Network(server.port)
    settings = configure(place, network.port)
    fill(settings, documents)
    store = open_store(settings)
    collection = store.get("docs")
    waiting, go_on = threading.Event(), threading.Event()

    def hold():
        waiting.set()
        go_on.wait(20)
        return "pass"

    network.fault = hold
    found = []
    thread = threading.Thread(target=lambda: found.append(collection.count))
    thread.start()
    assert waiting.wait(20)
    store.close()
    go_on.set()
    thread.join()
    network.close()
    assert found == [4]


def test_tls_is_spoken_and_certificates_are_checked(server, place, documents, monkeypatch, tmp_path):
    import ssl

    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    network = Network(server.port, tls=context)
    settings = configure(place, network.port, "a", tls=True, attempts=1)
    with pytest.raises(ServiceError, match="cannot be reached: its certificate is not trusted"):
        fill(settings, documents)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    fill(settings, documents)
    network.close()
    assert len(on_server(server)) == 4


@pytest.fixture
def cloud(server, monkeypatch):
    """Chroma Cloud's client against a server of ours; what the cloud adds are limits and a key."""
    monkeypatch.setenv("CHROMA_API_KEY", "ck-hush")
    network = Network(server.port)
    yield network
    network.close()


def test_the_cloud_gets_the_key_and_no_more_than_it_takes(server, cloud, place):
    make_documents(place / "many", "첫")
    names = {"tenant": "default_tenant", "database": "default_database"}
    settings = configure(place, cloud.port, "a", mode="cloud", **names)
    for number in range(30):
        lines = "\n".join(f"## 절 {part}\n\n{number}의 {part}\n" for part in range(12))
        (place / "many" / f"more{number}.md").write_text(f"# 더 {number}\n\n{lines}", "utf-8")
    fill(settings, place / "many")
    asked = searcher(settings)
    assert asked.search("7의 3", 1)
    asked.close()
    api = [request for request in cloud.sent if b"/heartbeat" not in request]
    assert all(b"x-chroma-token: ck-hush" in request.lower() for request in api)
    held = on_server(server)
    assert len(held) > 500
    for request in api:
        body = request.partition(b"\r\n\r\n")[2]
        sent = json.loads(body) if body else {}
        assert len(sent.get("ids") or []) <= 300
        assert (sent.get("limit") or 0) <= 300
        assert (sent.get("n_results") or 0) <= 300
    with plain(server) as client:
        metadata = client.get_collection("docs", embedding_function=None).metadata
    assert all(len(str(value).encode()) <= 256 for value in metadata.values())
    assert held == in_folder(place, place / "many")


def test_in_the_cloud_a_collection_is_still_known_by_how_it_was_made(server, cloud, place, documents):
    names = {"tenant": "default_tenant", "database": "default_database"}
    settings = configure(place, cloud.port, mode="cloud", **names)
    fill(settings, documents)
    with pytest.raises(CollectionMismatchError, match="dimension"):
        ingest(settings, IngestTarget("docs", [documents], "hash"), embeddings=HashEmbeddings(32))


def test_a_file_whose_chunk_the_cloud_does_not_take_is_named_and_the_rest_goes_in(server, cloud, place, documents):
    names = {"tenant": "default_tenant", "database": "default_database"}
    settings = configure(place, cloud.port, mode="cloud", **names)
    (documents / "long.md").write_text("# 긴 글\n\n" + "가나다라 " * 2000, "utf-8")
    target = IngestTarget("docs", [documents], "hash")
    report = ingest(settings, target, embeddings=HashEmbeddings(max_tokens=100_000))
    [failure] = report.failures
    assert failure.source == "long.md"
    assert "Chroma Cloud takes 16,384; set chunking.max_tokens to less" in failure.reason
    assert report.new == 3


def test_metadata_and_filters_that_the_cloud_does_not_take_are_named(server, cloud, place, documents):
    names = {"tenant": "default_tenant", "database": "default_database"}
    settings = configure(place, cloud.port, mode="cloud", **names)
    (documents / "bulk.md.meta.yaml").write_text("아주긴이름을가진메타데이터: 1\n", "utf-8")
    report = fill(settings, documents)
    assert [failure.source for failure in report.failures] == ["bulk.md"]
    assert "a key of more than the 36 bytes of Chroma Cloud" in report.failures[0].reason
    asked = searcher(settings)
    with pytest.raises(UsageError, match="takes 8 comparisons at most, found 9"):
        asked.search("x", 1, where={f"k{number}": number for number in range(9)})
    asked.close()


def test_the_cloud_without_a_key_says_where_to_put_it(place):
    settings = configure(place, 1, mode="cloud")
    with pytest.raises(ConfigurationError, match="CHROMA_API_KEY=… into .env"):
        open_store(settings).names()


def test_a_searcher_is_shared_by_threads(server, place, documents):
    settings = configure(place, server.port)
    fill(settings, documents)
    asked: Searcher = searcher(settings)
    found = []
    threads = [threading.Thread(target=lambda: found.append(asked.search("곡물", 1)[0].source)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked.close()
    assert found == ["bulk.md"] * 8


def test_between_two_renamings_the_staged_collection_is_found(server, place, documents):
    settings = configure(place, server.port)
    fill(settings, documents)
    with plain(server) as client:
        client.get_collection("docs", embedding_function=None).modify(name="docs.rag-rebuild")
        client.create_collection("docs.rag-retired", embedding_function=None)
    store = open_store(settings)
    assert (store.names(), store.own_names()) == (["docs"], ["docs"])
    found = searcher(settings).search("최대 흘수는?", 1)
    assert [passage.source for passage in found] == ["container.md"]
    (overview,), others = store.overviews()
    assert (overview.name, overview.documents, overview.index_bytes, others) == ("docs", 3, None, [])
    assert store.find("../docs") is None
    with store.writer():
        assert set(names(server)) - {LEASE} == {"docs"}
    store.close()
