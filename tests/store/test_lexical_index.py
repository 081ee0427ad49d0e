"""The lexical index holds what the collection holds, whatever happens in between."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest

from rag_pipeline.cli import run
from rag_pipeline.config import load_settings
from rag_pipeline.errors import StoreError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.store import Store
from rag_pipeline.testing import HashEmbeddings
from tests.ingestion.test_killed import make_documents, start


@pytest.fixture
def place(tmp_path, documents, monkeypatch):
    (tmp_path / "config.yaml").write_text("default_collection: docs\n")
    monkeypatch.chdir(tmp_path)
    fill()
    return tmp_path


def fill(**options):
    return ingest(
        load_settings("config.yaml"), IngestTarget("docs", [Path("docs")], "x"), embeddings=HashEmbeddings(), **options
    )


def state():
    """Ids in the collection, ids in its index, and the folders of indexes."""
    store = Store(load_settings("config.yaml").resolve_path("chroma_db"))
    try:
        collection = store.get("docs")
        folders = {folder.name for folder in (Path(store.address) / "lexical").iterdir()}
        return collection.ids(), collection.lexical.ids(), folders - {collection.id}
    finally:
        store.close()


def assert_in_step():
    present, indexed, others = state()
    assert present == indexed
    assert present
    assert others == set()


@pytest.mark.slow
def test_new_changed_and_removed_files_are_followed(place):
    assert_in_step()
    (place / "docs" / "new.md").write_text("# 새 문서\n\n등대는 밤에 빛난다.\n", "utf-8")
    (place / "docs" / "bulk.md").write_text("# 벌크선\n\n철광석을 나른다.\n", "utf-8")
    (place / "docs" / "notes.txt").unlink()
    fill()
    assert_in_step()


@pytest.mark.slow
def test_an_index_that_is_gone_or_of_other_rules_is_made_anew(place):
    shutil.rmtree(place / "chroma_db" / "lexical")
    fill()
    assert_in_step()
    next((place / "chroma_db" / "lexical").glob("*/rules.txt")).write_text("other\n")
    fill()
    assert_in_step()


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["meta.json", "*.term", "*.store"])
def test_a_damaged_index_is_named_and_made_anew(place, capsys, pattern):
    for file in (place / "chroma_db" / "lexical").glob(f"*/{pattern}"):
        file.write_bytes(b"\x00{" * 20)
    code = run("verify", [])
    assert (code, "lexical: cannot read the lexical index" in capsys.readouterr().out) == (1, True)
    fill()
    assert_in_step()
    assert run("verify", []) == 0


@pytest.mark.slow
def test_a_collection_made_anew_leaves_no_index_behind(place):
    fill(rebuild=True)
    assert_in_step()
    fill(rebuild=True)
    assert_in_step()


def test_an_index_does_not_hold_what_could_not_be_written(place, monkeypatch):
    from rag_pipeline.store.collection import Collection

    (place / "docs" / "new.md").write_text("# 새 문서\n\n등대는 밤에 빛난다.\n", "utf-8")

    def fail(*_):
        raise StoreError("disk full")

    monkeypatch.setattr(Collection, "write", fail)
    with pytest.raises(StoreError, match="disk full"):
        fill()
    assert_in_step()


def spoil():
    """One chunk too few in the index and one too many."""
    store = Store(load_settings("config.yaml").resolve_path("chroma_db"))
    lexical = store.get("docs").lexical
    with lexical.writer() as writer:
        writer.remove([min(lexical.ids())])
        writer.add({"gone": "a chunk of long ago"})
        writer.commit()
    store.close()


@pytest.mark.slow
def test_verify_finds_an_index_out_of_step_and_mends_it(place, capsys):
    spoil()
    assert run("verify", []) == 1
    assert "lexical: the lexical index lacks 1 chunks and has 1 that were deleted" in capsys.readouterr().out
    assert run("verify", ["--repair"]) == 1
    assert "brought the lexical index in step" in capsys.readouterr().out
    assert run("verify", []) == 0
    assert_in_step()
    shutil.rmtree(place / "chroma_db" / "lexical")
    assert run("verify", ["--repair"]) == 1
    assert "there is no lexical index" in capsys.readouterr().out
    assert_in_step()


@pytest.mark.slow
def test_the_next_ingest_mends_what_is_out_of_step(place):
    spoil()
    fill()
    assert_in_step()


@pytest.mark.slow
def test_a_chunk_that_the_collection_lost_is_not_shown(place):
    from rag_pipeline.retrieval import Searcher, SearchOptions

    spoil()
    store = Store(place / "chroma_db")
    for mode in ("lexical", "hybrid"):
        options = SearchOptions().changed(mode=mode)
        found = Searcher(store.get("docs"), HashEmbeddings(), options).search("a chunk of long ago", 9)
        assert "gone" not in {passage.id for passage in found}
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 0.9])
def test_after_a_kill_the_next_run_brings_both_in_step(tmp_path, monkeypatch, seconds):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("default_collection: docs\n")
    make_documents(tmp_path / "docs", "첫")
    process = start(tmp_path, "slowly")
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    fill()
    assert_in_step()
