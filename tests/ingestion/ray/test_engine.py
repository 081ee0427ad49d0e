"""The engine of Ray beside the local one: the same collections, whatever happens on the way. Two workers, one Ray."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from rag_pipeline.config import EngineSettings, load_settings
from rag_pipeline.errors import RagPipelineError, ServiceError, UsageError
from rag_pipeline.ingestion.ray import cluster as ray_cluster
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.locations import as_folder
from rag_pipeline.testing import HashEmbeddings
from tests.conftest import ROOT, started
from tests.folder_server import FolderServer
from tests.ingestion.ray.travelling import Refusing, ShoutingReader, Watched
from tests.ingestion.test_killed import make_documents
from tests.ingestion.test_sync import contents, files
from tests.store.server.servers import running
from tests.store.server.test_connection import on_server

pytestmark = [
    pytest.mark.slow,
    # Ray leaves sockets and files to the collector when it ends.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _one_ray():
    """One Ray for all tests here; the engine leaves a Ray that it finds."""
    workers = EngineSettings(kind="ray", batch_size=20)
    paths = os.pathsep.join([str(ROOT / "tests" / "offline"), str(ROOT)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", paths)
        with ray_cluster.connected(workers):
            yield


@pytest.fixture
def settings(tmp_path, documents, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("engine: {kind: ray, batch_size: 20}")
    return load_settings("config.yaml")


def run(settings, embeddings=None, collection="docs", folder="docs", **options):
    folder = as_folder(folder) if "://" in folder else Path(folder)
    target = IngestTarget(collection, [folder], "bundled")
    return ingest(settings, target, embeddings=embeddings or HashEmbeddings(), **options)


def locally(settings, collection="local", **options):
    return run(settings.with_engine(kind="local"), collection=collection, **options)


@pytest.mark.slow
def test_both_engines_make_the_same_collection_row_by_row(settings, documents, tmp_path):
    make_documents(documents, "첫")
    (documents / "fleet.html").write_text("<h1>선대</h1><p>배 세 척.</p>", "utf-8")
    (documents / "broken.docx").write_bytes(b"no zip")
    (documents / "bulk.md.meta.yaml").write_text("year: 2021\nratio: 0.5\ndry: true\n", "utf-8")
    embeddings = Watched(tmp_path / "log", seconds=0.2)
    seen = []
    report = run(settings, embeddings, on_progress=seen.append)
    local = locally(settings)
    assert contents(settings) == contents(settings, "local")
    assert [report.as_dict()[key] for key in ("files", "chunks")] == [
        local.as_dict()[key] for key in ("files", "chunks")
    ]
    assert report.failures == local.failures
    assert report.tokens == local.tokens
    assert seen[-1].files_done == seen[-1].files == 35
    # Reading is not done by the processes that hold the models, nor any of it here.
    assert len(embeddings.processes("embed")) == 2
    assert not embeddings.processes("count") & embeddings.processes("embed")
    assert os.getpid() not in embeddings.processes("embed")


def test_a_server_gets_the_same_rows(settings, documents, tmp_path):
    locally(settings)
    with running(tmp_path / "db") as server:
        store = f"store: {{mode: server, host: 127.0.0.1, port: {server.port}, path: words}}"
        (tmp_path / "server.yaml").write_text(f"engine: {{kind: ray, batch_size: 20}}\n{store}\n")
        run(load_settings("server.yaml"))
        assert on_server(server) == contents(settings, "local")


def test_updates_removals_and_renames_are_those_of_the_local_engine(settings, documents, tmp_path):
    (tmp_path / "config.yaml").write_text("engine: {kind: ray}")
    run(settings)
    locally(settings)
    text = (documents / "container.md").read_text("utf-8")
    (documents / "container.md").write_text(text + "\n## 전망\n\n더 커진다.\n", "utf-8")
    (documents / "bulk.md").rename(documents / "dry.md")
    (documents / "notes.txt").unlink()
    (documents / "copy.md").write_bytes((documents / "dry.md").read_bytes())
    embeddings = Watched(tmp_path / "log")
    report, local = run(settings, embeddings), locally(settings)
    assert (report.new, report.updated, report.renamed, report.removed, report.chunks_reused) == (1, 1, 1, 1, 4)
    assert report.chunks_reused == local.chunks_reused
    assert [text for text in embeddings.texts() if "더 커진다" not in text] == []
    assert contents(settings) == contents(settings, "local")
    assert files(run(settings, embeddings)) == (0, 0, 3, 0, 0)


def test_a_worker_that_is_killed_has_its_work_done_over(settings, documents, tmp_path):
    make_documents(documents, "첫")
    embeddings = Watched(tmp_path / "log", seconds=0.1)
    killed = []

    def kill_one(_progress):
        if not killed:
            killed.append(min(embeddings.processes("embed")))
            os.kill(killed[0], signal.SIGKILL)

    report = run(settings, embeddings, on_progress=kill_one)
    assert killed
    assert len(embeddings.processes("embed")) >= 2  # the one that takes its place may come too late to get work
    assert (report.new, report.failures) == (33, [])
    locally(settings)
    assert contents(settings) == contents(settings, "local")


DRIVER = """
import sys
from rag_pipeline.config import load_settings
from rag_pipeline.ingestion.run import IngestTarget, ingest
from tests.ingestion.ray.travelling import Watched
from pathlib import Path
settings = load_settings("config.yaml")
ingest(settings, IngestTarget("docs", [Path("docs")], "bundled"), embeddings=Watched(Path("log"), 0.3),
       on_progress=lambda progress: print("wrote", progress.chunks, flush=True))
"""


@pytest.mark.slow
def test_a_driver_that_is_killed_or_interrupted_goes_on_where_it_was(settings, documents, tmp_path):
    make_documents(documents, "첫")
    driver = started("-c", DRIVER, cwd=tmp_path)
    assert driver.stdout.readline().startswith("wrote"), driver.stderr.read()
    driver.kill()
    driver.communicate()
    part = contents(settings)
    assert len(part) > 0

    def interrupt(_progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(settings, on_progress=interrupt)
    more = contents(settings)
    assert len(part) < len(more)
    embeddings = Watched(tmp_path / "log2")
    report = run(settings, embeddings)
    locally(settings)
    whole = contents(settings)
    assert whole == contents(settings, "local")
    assert len(embeddings.texts()) == len(whole) - len(more) == report.chunks_written


def test_a_text_that_is_refused_costs_its_file_only(settings):
    report, local = run(settings, Refusing("1914")), locally(settings, embeddings=Refusing("1914"))
    assert files(report) == files(local) == (2, 0, 0, 0, 1)
    assert report.failures == local.failures
    assert report.failures[0].reason == "section '역사': too rude"
    assert contents(settings) == contents(settings, "local")


@pytest.mark.parametrize("error", [ServiceError("the service is gone; try later"), KeyError("a bug")])
def test_what_fails_for_good_comes_out_as_it_is_after_what_was_embedded_is_written(settings, documents, error):
    make_documents(documents, "첫")
    # Of a batch that is larger than the first group of texts, the rest is never embedded, however busy the machine is.
    with pytest.raises(type(error)) as raised:
        run(settings.with_engine(batch_size=64), Refusing(error=error))
    assert str(raised.value) == str(error)
    assert raised.value.__cause__ is None
    kept = contents(settings)
    assert 0 < len(kept) < 150
    if isinstance(error, RagPipelineError):
        assert run(settings).chunks_total > len(kept)


@pytest.mark.slow
def test_a_vector_that_is_gone_when_it_is_to_be_used_again_is_made_anew(settings, documents, monkeypatch):
    run(settings)
    locally(settings)
    from rag_pipeline.store import Collection

    (documents / "bulk.md").rename(documents / "dry.md")
    with monkeypatch.context() as patch:
        patch.setattr(Collection, "vectors_of", lambda *_: {})
        report = run(settings)
    assert (report.renamed, report.chunks_reused, report.failures) == (1, 0, [])
    locally(settings)
    assert contents(settings) == contents(settings, "local")


def test_readers_of_the_callers_own_go_along(settings, documents):
    (documents / "ship.log").write_text("engine started", "utf-8")
    # Of the workers asked for, two have room; the others would be asked of a cluster that grows.
    run(settings.with_engine(workers=5), readers=[ShoutingReader()])
    assert any("ENGINE STARTED" in text for text, _, _ in contents(settings).values())


def test_a_folder_behind_a_url_is_read_by_the_nodes(settings, tmp_path):
    with FolderServer(tmp_path) as server:
        report = run(settings, folder=f"{server.url}/docs")
        locally(settings, folder=f"{server.url}/docs")
    assert report.new == 3
    assert contents(settings) == contents(settings, "local")


def test_the_model_of_the_configuration_gives_the_same_vectors(project):
    settings = load_settings("config.yaml").with_engine(kind="ray", workers=2)
    target = IngestTarget("docs", [project / "docs"], "tiny")
    ingest(settings, target)
    ingest(settings.with_engine(kind="local"), IngestTarget("local", target.folders, "tiny"))
    ours, theirs = contents(settings), contents(settings, "local")
    assert {key: row[:2] for key, row in ours.items()} == {key: row[:2] for key, row in theirs.items()}
    for key, (_, _, vector) in ours.items():
        assert np.dot(vector, theirs[key][2]) > 0.9999


def test_what_cannot_travel_is_refused_before_anything_is_done(settings):
    class Holding(HashEmbeddings):
        def __init__(self):
            super().__init__()
            import threading

            self.lock = threading.Lock()

    with pytest.raises(UsageError, match="cannot be pickled.*name the embedding in config.yaml"):
        run(settings, Holding())
    import fsspec

    fsspec.filesystem("memory").pipe("/ray-ships/a.md", b"# A\n\ntext")
    with pytest.raises(UsageError, match="in this process only"):
        run(settings, folder="memory://ray-ships")
    with pytest.raises(UsageError, match="does not fit in.*engine.cpus_per_worker"):
        run(settings.with_engine(cpus_per_worker=1000))
