"""What every ingest starts from: folders listed once, one client of Chroma, one choice of the embedding."""

from __future__ import annotations

from collections import Counter

import chromadb
import fsspec
import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.ingestion import preparation
from rag_pipeline.ingestion.dry_run import dry_run
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.locations import as_folder
from rag_pipeline.pipeline import Pipeline
from rag_pipeline.store import Store
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def remote(monkeypatch):
    """A folder behind a URL with a subfolder, and how often each of the two was listed."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/reports/a.md", b"# A\n\nOne.\n")
    memory.pipe("/reports/in/b.md", b"# B\n\nTwo.\n")
    listed: Counter[str] = Counter()
    listing = type(memory).ls

    def counted(self, path, *arguments, **options):
        listed[path.rstrip("/")] += 1
        return listing(self, path, *arguments, **options)

    monkeypatch.setattr(type(memory), "ls", counted)
    yield listed
    memory.rm("/reports", recursive=True)


@pytest.mark.slow
def test_an_ingest_lists_each_folder_once(project, remote):
    settings = load_settings()
    target = IngestTarget("reports", [as_folder("memory://reports")], "tiny")
    for _ in range(2):
        remote.clear()
        ingest(settings, target)
        assert remote == {"/reports": 1, "/reports/in": 1}
    remote.clear()
    dry_run(settings, target)
    assert remote == {"/reports": 1, "/reports/in": 1}


def test_an_ingest_into_a_store_that_is_there_opens_chroma_once(project, monkeypatch):
    settings = load_settings()
    ingest(settings, IngestTarget("docs", [project / "docs"], "tiny"))
    opened = []
    client = chromadb.PersistentClient
    monkeypatch.setattr(chromadb, "PersistentClient", lambda *given, **more: opened.append(1) or client(*given, **more))
    # The embedding is not named: it is that of the collection.
    report = ingest(settings, IngestTarget("docs", [project / "docs"]))
    assert (report.embedding, report.unchanged, len(opened)) == ("tiny", 3, 1)


def test_without_a_name_the_embedding_is_the_bundled_one_for_a_new_collection(project, monkeypatch):
    asked = []
    monkeypatch.setattr(preparation, "make_embeddings", lambda _, name: asked.append(name) or HashEmbeddings())
    assert ingest(load_settings(), IngestTarget("new", [project / "docs"])).embedding == "bundled"
    assert asked == ["bundled"]


def test_a_folder_without_documents_leaves_no_empty_store(project):
    (project / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no readable document"):
        ingest(load_settings(), IngestTarget("new", [project / "empty"], "tiny"))
    assert not (project / "chroma_db").exists()


@pytest.mark.slow
def test_folders_are_listed_under_the_lock_where_there_is_a_store(project, monkeypatch):
    settings = load_settings()
    ingest(settings, IngestTarget("docs", [project / "docs"], "tiny"))
    held = []
    scan = preparation.scan_folder

    def scanning(*given):
        held.append(Store(project / "chroma_db")._connection._path.joinpath("writer.txt").exists())
        return scan(*given)

    monkeypatch.setattr(preparation, "scan_folder", scanning)
    ingest(settings, IngestTarget("docs", [project / "docs"], "tiny"))
    assert held == [True]


def test_an_embedding_of_ones_own_gets_the_patterns_and_metadata_of_the_configuration(project):
    (project / "config.yaml").write_text(
        "collections:\n  docs: {folder: docs, exclude: ['*.txt'], metadata: [{files: '*.md', values: {year: 2024}}]}\n",
        "utf-8",
    )
    with Pipeline("config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        assert pipeline.ingest().new == 2
        assert len(pipeline.retrieve("흘수", 10, where={"year": 2024})) == 3
