"""``verify`` on real collections that were broken by hand."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sqlite3

import numpy as np
import pytest

from rag_pipeline.cli import run
from rag_pipeline.config import load_settings
from rag_pipeline.errors import StoreError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.pipeline import Pipeline
from rag_pipeline.store import Store
from rag_pipeline.store.checking import Finding, check_collection
from rag_pipeline.testing import HashEmbeddings
from tests.conftest import started

pytestmark = pytest.mark.slow

KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from rag_pipeline.store import Store
from rag_pipeline.store.checking import Finding, check_collection
with Store(Path(sys.argv[1])).writer():
    os.kill(os.getpid(), signal.SIGKILL)
"""
INGESTING = """
import sys
from pathlib import Path
from tests.cli import test_verify as tests
place = Path(sys.argv[1])
for number in range(40):
    text = "".join(f"## Part {part}\\n\\nWord{number} word{part}.\\n\\n" for part in range(40))
    (place / "docs" / f"more{number}.md").write_text(f"# Number {number}\\n\\n{text}")
print("begun", flush=True)
for _ in range(2):
    tests.fill(place, rebuild=sys.argv[2] == "True")
    for number in range(40):
        file = place / "docs" / f"more{number}.md"
        file.write_text(file.read_text().replace("Word", "Another word "))
"""


@pytest.fixture
def place(tmp_path, documents, monkeypatch):
    (tmp_path / "config.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


def fill(place, **options):
    target = IngestTarget("docs", [place / "docs"], "hash")
    return ingest(load_settings(place / "config.yaml"), target, embeddings=HashEmbeddings(), **options)


@pytest.fixture
def chroma(place):
    """The raw collection, opened for breaking."""
    store = Store(place / "chroma_db")
    with store._connection.use() as generation:
        yield store._connection.collection(generation, "docs")
    store.close()


def verify(capsys, *arguments):
    code = run("verify", list(arguments))
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, captured.out


def test_a_whole_collection_is_whole(place, capsys):
    code, out = verify(capsys)
    assert (code, out) == (0, "docs: whole; 4 chunks; the index finds 100.0% of the nearest 10\n")


def test_without_a_collection_there_is_nothing_to_check(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert verify(capsys) == (0, "no collection yet\n")


def test_a_half_written_file_is_found_mended_and_comes_back(place, chroma, capsys):
    got = chroma.get(where={"source": "container.md"})
    chroma.delete(ids=got["ids"][:1])
    code, out = verify(capsys)
    assert code == 1
    assert "half-written: container.md: 1 of 2 chunks" in out
    code, out = verify(capsys, "--repair")
    assert code == 1
    assert "repaired: removed 1 chunks; ingest its folder again" in out
    assert fill(place).new == 1
    assert verify(capsys)[0] == 0


def test_while_another_process_writes_nothing_is_judged_to_be_mended(place, chroma, capsys):
    chroma.delete(ids=chroma.get(where={"source": "container.md"})["ids"][:1])
    writing = Store(place / "chroma_db")
    with writing.writer():
        assert run("verify", ["--repair"]) == 4
        assert "is writing to" in capsys.readouterr().err
        assert run("verify", []) == 0  # to look is allowed
        captured = capsys.readouterr()
        assert captured.out.startswith("docs: being written; 3 chunks")
        assert "not whole yet: container.md: 1 of 2 chunks" in captured.out
        assert "someone is writing to the store" in captured.err
        assert run("verify", ["--json"]) == 0
        told = json.loads(capsys.readouterr().out)["docs"]
        assert (told["being_written"], told["findings"]) == (True, [])
        assert {finding["kind"] for finding in told["unsettled"]} == {"half-written", "lexical"}
    writing.close()
    assert verify(capsys)[0] == 1


def test_a_vector_that_is_broken_is_reported_while_someone_writes(place, chroma, capsys):
    chroma.update(ids=chroma.get()["ids"][:1], embeddings=[[2.0] * 64])
    writing = Store(place / "chroma_db")
    with writing.writer():
        assert run("verify", []) == 1
        assert "1 vectors are not of length one" in capsys.readouterr().out
    writing.close()


def test_what_a_writer_that_was_killed_has_left_is_reported(place, chroma, capsys):
    chroma.delete(ids=chroma.get(where={"source": "container.md"})["ids"][:1])
    killed = started("-c", KILLED_WRITER, place / "chroma_db")
    _, err = killed.communicate(timeout=300)
    assert killed.returncode == -signal.SIGKILL, err
    assert (place / "chroma_db" / "writer.txt").exists()
    code, out = verify(capsys)
    assert (code, "half-written: container.md: 1 of 2 chunks" in out) == (1, True)


def test_what_was_brought_in_while_it_was_looked_at_is_looked_at_again(place, chroma, capsys, monkeypatch):
    (place / "docs" / "more.md").write_text("# More\n\nMore.\n\n# And more\n\nAnd more.\n")
    looked = []

    def check(collection):
        looked.append(collection)
        found = check_collection(collection)
        if len(looked) == 1:
            fill(place)  # after the look, so that what it found is of the time before
            found.findings.append(Finding("lexical", "it lags behind"))
        return found

    monkeypatch.setattr("rag_pipeline.store.repair.check_collection", check)
    assert verify(capsys) == (0, "docs: whole; 6 chunks; the index finds 100.0% of the nearest 10\n")
    assert len(looked) == 2


def test_a_collection_that_cannot_be_checked_for_all_the_writing_is_told_so(place, monkeypatch, capsys):
    def check(_):
        raise StoreError("a row is missing")

    monkeypatch.setattr("rag_pipeline.store.repair.check_collection", check)
    writing = Store(place / "chroma_db")
    with writing.writer():
        assert run("verify", []) == 4
    assert "someone is writing to" in (said := capsys.readouterr().err)
    assert "cannot be checked meanwhile (a row is missing); verify again when it is done" in said
    assert run("verify", []) == 4
    assert "error: a row is missing" in capsys.readouterr().err
    writing.close()


@pytest.mark.parametrize("rebuild", [False, True], ids=["updated", "rebuilt"])
def test_during_an_ingest_no_damage_is_reported(place, capsys, rebuild):
    running = started("-c", INGESTING, place, rebuild)
    assert running.stdout.readline() == "begun\n"
    told = []
    while running.poll() is None:
        told.append((run("verify", []), *capsys.readouterr()))
    _, err = running.communicate()
    assert running.returncode == 0, err
    assert {(code, out.split()[1]) for code, out, _ in told} <= {(0, "whole;"), (0, "being")}, told
    assert any("someone is writing" in err for *_, err in told)
    assert verify(capsys)[0] == 0


def test_what_an_ingest_completes_meanwhile_is_left(place, chroma, capsys, monkeypatch):
    got = chroma.get(where={"source": "container.md"}, include=["embeddings", "documents", "metadatas"])
    rest = {name: got[name][:1] for name in ("ids", "embeddings", "documents", "metadatas")}
    chroma.delete(ids=rest["ids"])
    writer = Store.writer

    @contextlib.contextmanager
    def late(self):
        chroma.add(**rest)  # the other one was done the moment before
        with writer(self):
            yield

    monkeypatch.setattr(Store, "writer", late)
    code, out = verify(capsys, "--repair")
    assert "removed" not in out
    assert sorted(chroma.get()["ids"]) == sorted({*chroma.get()["ids"], *got["ids"]})
    assert (code, "half-written" in out) == (0, False)


def test_repairing_makes_no_store(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert verify(capsys, "--repair") == (0, "no collection yet\n")
    assert not (tmp_path / "chroma_db").exists()


def test_vectors_that_are_broken_are_found_and_made_anew(place, chroma, capsys):
    ids = chroma.get()["ids"]
    chroma.update(ids=ids[:2], embeddings=np.full((2, 64), 0.5, np.float32))
    code, out = verify(capsys, "--json", "--repair")
    (found,) = json.loads(out)["docs"]["findings"]
    assert (code, found["kind"], found["chunks"]) == (1, "vector", 2)
    assert "2 vectors are not of length one (one has 4.000)" in found["detail"]
    fill(place)
    assert verify(capsys)[0] == 0


def test_chunks_stored_twice_are_found_and_one_is_removed(place, chroma, capsys):
    got = chroma.get(limit=1, include=["embeddings", "documents", "metadatas"])
    chroma.add(ids=["other"], embeddings=got["embeddings"], documents=got["documents"], metadatas=got["metadatas"])
    code, out = verify(capsys, "--repair")
    assert code == 1
    assert "duplicate: 1 chunks are stored twice" in out
    assert verify(capsys)[0] == 0


def test_chunks_of_something_else_are_named_and_left(place, chroma, capsys):
    chroma.add(ids=["mine"], embeddings=[[1.0] + [0.0] * 63], documents=["x"], metadatas=[{"a": 1}])
    assert ", 1 of them of no file" in verify(capsys)[1]
    verify(capsys, "--repair")
    assert chroma.get(ids=["mine"])["ids"] == ["mine"]


def test_two_contents_of_a_file_side_by_side_are_named_and_mended_by_the_next_ingest(place, chroma, documents, capsys):
    got = chroma.get(where={"source": "bulk.md"}, include=["embeddings", "documents", "metadatas"])
    metadatas = [{**metadata, "file_sha256": "0" * 64} for metadata in got["metadatas"]]
    chroma.add(ids=["earlier"], embeddings=got["embeddings"], documents=got["documents"], metadatas=metadatas)
    code, out = verify(capsys)
    assert code == 1
    assert "stale: bulk.md: 2 contents side by side" in out
    fill(place)
    assert verify(capsys)[0] == 0


@pytest.mark.slow
def test_an_index_that_misses_neighbours_is_built_anew(place, capsys, monkeypatch):
    for number in range(1500):
        (place / "docs" / f"{number}.md").write_text(f"# {number}\n\n{number * 7919} {number * 104729}\n", "utf-8")
    poor = "store: {hnsw: {max_neighbors: 2, ef_construction: 2, ef_search: 10}}\n"
    (place / "config.yaml").write_text(poor)
    fill(place, rebuild=True)
    code, out = verify(capsys)
    assert code == 1
    assert "index: finds" in out
    (place / "config.yaml").write_text("")
    code, out = verify(capsys, "--repair")
    assert (code, "rebuilt the index" in out) == (1, True)
    code, out = verify(capsys)
    assert (code, "docs: whole; 1504 chunks" in out) == (0, True)
    assert fill(place).unchanged == 1503


def test_a_collection_that_is_not_there_is_an_error(place, capsys):
    assert run("verify", ["--collection", "nothing"]) == 2
    assert "nothing" in capsys.readouterr().err


def spoil_index(place):
    """The files of a saved index, of which one was lost: as a folder restored in part has them."""
    [index] = [folder for folder in (place / "chroma_db").iterdir() if len(folder.name) == 36]
    database = sqlite3.connect(place / "chroma_db" / "chroma.sqlite3")
    with contextlib.closing(database), database:
        database.execute("INSERT INTO max_seq_id (segment_id, seq_id) VALUES (?, 4)", [index.name])


def found_by_words(place):
    with Pipeline(place / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        return [found.source for found in pipeline.retrieve("boards", mode="lexical")]


def test_a_damaged_index_is_reported_repaired_and_leaves_status_alone(place, capsys):
    spoil_index(place)
    code, out = verify(capsys)
    assert code == 1
    assert "damaged: the vector index of collection 'docs' is damaged (index_metadata.pickle is missing)" in out
    assert run("status", ["--json"]) == 0
    captured = capsys.readouterr()
    [row] = json.loads(captured.out)["collections"]
    assert (row["chunks"], row["lexical_chunks"]) == (4, 4)
    assert row["damage"] in captured.err
    assert found_by_words(place) == ["notes.txt"]
    capsys.readouterr()
    code, out = verify(capsys, "--repair")
    assert "repaired: recovered the vector index from its copy, without embedding again" in out
    assert verify(capsys)[0] == 0


def test_what_nothing_can_recover_is_asked_by_words_and_rebuilt(place, capsys):
    spoil_index(place)
    shutil.rmtree(place / "chroma_db" / "safekeeping")
    code, out = verify(capsys, "--repair")
    assert code == 1
    assert "there is no copy of it), so only its words can be asked for; recreate the collection" in out
    with pytest.raises(StoreError, match="rag-pipeline ingest --collection docs --rebuild"):
        (place / "docs" / "more.md").write_text("# More\n\nMore.\n")
        fill(place)
    assert found_by_words(place) == ["notes.txt"]
    fill(place, rebuild=True)
    capsys.readouterr()
    assert verify(capsys)[0] == 0
