"""Folders behind URLs: a real web server on loopback, and fsspec's file system in memory."""

from __future__ import annotations

import shutil
import socket

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import ServiceError, UsageError
from rag_pipeline.ingestion.dry_run import dry_run
from rag_pipeline.ingestion.preparation import check_folders
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.locations import as_folder
from rag_pipeline.pipeline import Pipeline
from rag_pipeline.testing import HashEmbeddings
from tests.folder_server import FolderServer
from tests.ingestion.test_sync import contents, files

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path, documents, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("")
    (documents / "원양").mkdir()
    (documents / "원양" / "배 하나.md").write_text("# 원양선\n\n먼 바다.\n", "utf-8")
    (documents / "bulk.md.meta.yaml").write_text("year: 2021\n", "utf-8")
    (documents / ".ragignore").write_text("left/\n", "utf-8")
    (documents / "left").mkdir()
    (documents / "left" / "out.md").write_text("x", "utf-8")
    return load_settings("config.yaml")


@pytest.fixture
def server(tmp_path):
    with FolderServer(tmp_path) as serving:
        yield serving


def run(settings, url, collection="docs", **options):
    return ingest(
        settings, IngestTarget(collection, [as_folder(url)], "bundled"), embeddings=HashEmbeddings(), **options
    )


def without_folder(rows):
    """What is the same whatever the folder is called."""
    return sorted(
        (text, tuple(pair for pair in metadata if pair[0] != "folder"), vector)
        for text, metadata, vector in rows.values()
    )


def test_a_folder_behind_a_url_makes_the_collection_that_the_folder_itself_makes(settings, server):
    assert files(run(settings, f"{server.url}/docs/")) == (4, 0, 0, 0, 0)
    ingest(settings, IngestTarget("local", [settings.base_dir / "docs"], "bundled"), embeddings=HashEmbeddings())
    remote = contents(settings)
    assert without_folder(remote) == without_folder(contents(settings, "local"))
    assert {dict(metadata)["folder"] for _, metadata, _ in remote.values()} == {f"{server.url}/docs"}
    assert "원양/배 하나.md" in {dict(metadata)["source"] for _, metadata, _ in remote.values()}


def test_changes_behind_a_url_are_seen_by_content(settings, server, documents):
    run(settings, f"{server.url}/docs")
    (documents / "notes.txt").touch()
    assert files(run(settings, f"{server.url}/docs/")) == (0, 0, 4, 0, 0)
    (documents / "notes.txt").write_text("Another pilot.\n", "utf-8")
    (documents / "bulk.md.meta.yaml").write_text("year: 2022\n", "utf-8")
    (documents / "container.md").rename(documents / "box.md")
    report = run(settings, f"{server.url}/docs")
    assert (report.updated, report.renamed, report.unchanged) == (2, 1, 1)
    (documents / "box.md").unlink()
    assert run(settings, f"{server.url}/docs").removed == 1


def test_files_behind_a_url_are_read_several_at_once(settings, server):
    for number in range(12):
        (settings.base_dir / "docs" / f"{number:02}.md").write_text(f"# {number}\n\n글 {number}.\n", "utf-8")
    server.seconds = 0.05
    run(settings, f"{server.url}/docs")
    assert server.at_once >= 4


@pytest.mark.parametrize("damage", ["empty", "missing", "refused", "subfolder refused", "file refused", "gone"])
def test_whatever_happens_behind_a_url_nothing_is_wiped(settings, documents, tmp_path, damage):
    with FolderServer(tmp_path) as server:
        url = f"{server.url}/docs"
        run(settings, url)
        before = contents(settings)
        expected = UsageError if damage in ("empty", "missing") else ServiceError
        match damage:
            case "empty" | "missing":
                shutil.rmtree(documents)
                if damage == "empty":
                    documents.mkdir()
            case "refused":
                server.refused["*"] = 403
            case "subfolder refused":
                server.refused["/docs/%EC%9B%90%EC%96%91/"] = 403
            case "file refused":
                server.refused["/docs/bulk.md"] = 500
        if damage in ("subfolder refused", "file refused"):
            [failure] = run(settings, url).failures
            assert failure.source in ("원양", "bulk.md")
            assert "cannot be" in failure.reason
        elif damage != "gone":
            with pytest.raises(expected, match=r"/docs (not found|cannot be reached: .*403|holds no readable)"):
                run(settings, url)
    if damage == "gone":  # the server too
        with pytest.raises(ServiceError, match="cannot be reached: .*check address, network and credentials"):
            run(settings, url)
    assert contents(settings) == before


def test_what_is_behind_a_url_can_be_read_with_others_and_named_in_the_configuration(settings, tmp_path, server):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.md").write_text("글", "utf-8")
    (tmp_path / "config.yaml").write_text(
        f"collections: {{docs: {{folder: [more, '{server.url}/docs'], embedding: bundled}}}}", "utf-8"
    )
    with Pipeline("config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        assert pipeline.ingest().new == 5
        assert pipeline.ingest(f"{server.url}/docs").unchanged == 4
        # The folder behind the URL is not asked after where it was not named.
        server.refused["*"] = 500
        report = pipeline.ingest("more")
        assert (report.unchanged, report.gone_folders) == (1, [])


def test_a_folder_of_a_file_system_in_memory(settings):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/ships/a.md", b"# A\n\ntext")
    memory.pipe("/ships/in/b.txt", b"more")
    memory.pipe("/ships/in/.hidden.md", b"no")
    memory.pipe("/ships/in/c.xyz", b"no reader")
    try:
        target = IngestTarget("docs", [as_folder("memory://ships")], "bundled")
        assert dry_run(settings, target).new == 2
        report = run(settings, "memory://ships")
        assert (report.new, report.skipped) == (2, {".xyz": 1})
        memory.rm("/ships/a.md")
        assert run(settings, "memory://ships").removed == 1
        with pytest.raises(UsageError, match="lies inside memory://ships"):
            check_folders([as_folder("memory://ships"), as_folder("memory://ships/in/")])
        with pytest.raises(UsageError, match="is not a folder"):
            run(settings, "memory://ships/in/b.txt")
    finally:
        memory.rm("/ships", recursive=True)


def test_a_file_url_is_the_folder_it_names(settings, documents):
    assert run(settings, documents.as_uri()).new == 4
    assert files(run(settings, str(documents))) == (0, 0, 4, 0, 0)


def test_a_protocol_without_its_package_and_an_unknown_one_say_so(settings):
    with pytest.raises(UsageError, match=r"s3:// needs a package that is missing: pip install s3fs"):
        run(settings, "s3://bucket/docs")
    with pytest.raises(UsageError, match="folder nope://x: Protocol not known: nope"):
        run(settings, "nope://x")


def test_credentials_in_a_url_are_nowhere_to_be_seen(settings, server):
    address = server.url.removeprefix("http://")
    url = f"http://user:geheim@{address}/docs"
    run(settings, url)
    assert "geheim" not in repr(contents(settings)) + repr(as_folder(url)) + str(as_folder(url))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"ftp://user:geheim@127.0.0.1:{taken.getsockname()[1]}/docs"
        with pytest.raises(ServiceError) as refused:
            run(settings, closed)
    assert "geheim" not in str(refused.value)
    server.refused["*"] = 403
    with pytest.raises(ServiceError) as refused:
        run(settings, f"{url}?X-Signature=geheim")
    assert "geheim" not in str(refused.value)
    assert refused.value.__cause__ is None
