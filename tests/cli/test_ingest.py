from __future__ import annotations

import contextlib
import json
import signal
import time

import pytest

from rag_pipeline.cli import run
from rag_pipeline.errors import CollectionNotFoundError, StoreError
from rag_pipeline.store import Store
from tests.conftest import ROOT, complaints, started


@pytest.fixture
def ingest(project, capsys):
    def ingest(*arguments):
        code = run("ingest", list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return ingest


@pytest.mark.slow
def test_it_brings_in_the_default_collection_and_says_so_in_one_line(ingest):
    code, out, err = ingest()
    assert (code, err) == (0, "")
    assert out.startswith("docs: 3 new, 0 updated, 0 unchanged, 0 removed, 0 failed; 5 chunks; ")
    assert out.rstrip().endswith("tokens/s")
    code, out, _ = ingest()
    assert out.startswith("docs: 0 new, 0 updated, 3 unchanged, 0 removed, 0 failed; 5 chunks; ")
    assert "tokens/s" not in out


@pytest.mark.slow
def test_json_is_one_object_with_the_stable_keys(ingest):
    code, out, _ = ingest("--json")
    report = json.loads(out)
    assert code == 0
    assert list(report) == ["collection", "embedding", "files", "chunks", "seconds", "failures", "warnings"]
    assert report["files"] == {"new": 3, "updated": 0, "unchanged": 0, "renamed": 0, "removed": 0, "failed": 0}


@pytest.mark.slow
def test_failed_files_are_named_with_their_reason_and_the_exit_code_is_1(ingest, documents):
    (documents / "scan.txt").write_bytes(b"\x89PNG\0\0")
    (documents / "blank.md").write_text("  \n")
    (documents / "photo.jpg").write_bytes(b"x")
    code, out, err = ingest()
    assert code == 1
    assert "3 new, 0 updated, 0 unchanged, 0 removed, 2 failed" in out
    assert "warning: scan.txt: binary, not text" in err
    assert "warning: blank.md: holds no text" in err
    assert "warning: 1 file passed over: no reader for .jpg" in err


@pytest.mark.slow
def test_a_folder_and_a_collection_may_be_named(ingest, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "a.md").write_text("# 보고\n\n글", "utf-8")
    assert ingest("reports", "--embedding", "tiny")[1].startswith("reports: 1 new")
    assert ingest("docs", "reports", "--collection", "both", "--embedding", "tiny")[1].startswith("both: 4 new")
    assert Store(tmp_path / "chroma_db").names() == ["both", "reports"]
    # Later it goes on with the embedding it was made with.
    assert ingest("reports")[1].startswith("reports: 0 new, 0 updated, 1 unchanged")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], ["folder", "nowhere", "not found"]),
        (["config.yaml"], ["config.yaml is not a folder"]),
        (["empty"], ["empty", "no readable document", ".md", "Nothing was changed"]),
        (["--embedding", "tinny"], ["unknown embedding 'tinny'", "bundled, tiny"]),
        (["--collection", "other"], ["no folder given", "'other'", "docs"]),
        (["docs", "--collection", "한글"], ["'한글' cannot name a collection", "--collection"]),
        (["docs", "--collection", "docs.rag-retired"], ["cannot name a collection"]),
        (["--config", "missing.yaml"], ["missing.yaml not found"]),
        (["--nonsense"], ["No such option", "--nonsense"]),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(ingest, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    code, out, err = ingest(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert all(word in err for word in words), err
    assert not (tmp_path / "chroma_db").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("other", "told"), [("tiny-cls", "pooling 'mean'"), ("tiny-prompt", "document_prompt ''")])
def test_another_embedding_is_exit_code_3_naming_both_and_the_remedy(ingest, other, told):
    ingest()
    code, out, err = ingest("--embedding", other)
    assert (code, out) == (3, "")
    assert f"'tiny' ({told})" in err
    assert f"'{other}'" in err
    assert f"--embedding {other} --rebuild" in err
    assert "--embedding tiny" in err
    code, out, _ = ingest("--embedding", other, "--rebuild")
    assert (code, out[:11]) == (0, "docs: 3 new")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(ingest, tmp_path):
    code, out, _ = ingest("--dry-run")
    plan = "add     bulk.md\nadd     container.md\nadd     notes.txt\n"
    assert (code, out) == (0, plan + "docs: would be 3 new, 0 updated, 0 unchanged, 0 removed, 0 failed; 0 chunks\n")
    assert not (tmp_path / "chroma_db").exists()


def test_a_second_writer_is_exit_code_4_at_once(ingest, tmp_path):
    with Store(tmp_path / "chroma_db").writer():
        code, _, err = ingest()
    assert code == 4
    assert "is writing to" in err


def test_an_unreadable_store_is_exit_code_4_and_left_alone(ingest, tmp_path):
    (tmp_path / "chroma_db").mkdir()
    (tmp_path / "chroma_db" / "chroma.sqlite3").write_bytes(b"garbage" * 1000)
    code, _, err = ingest()
    assert code == 4
    assert "not readable as a Chroma store" in err
    assert (tmp_path / "chroma_db" / "chroma.sqlite3").read_bytes() == b"garbage" * 1000


def test_an_incomplete_model_folder_is_exit_code_2_and_names_what_is_missing(
    ingest, tiny_copy, tiny_checkpoint, project
):
    (tiny_copy / "tokenizer.json").unlink()
    text = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(text.replace(str(tiny_checkpoint), str(tiny_copy)))
    code, _, err = ingest()
    assert code == 2
    assert "lacks a tokenizer" in err


# The command itself, with an embedding that takes its time, so that there is always something to interrupt.
# A run of the tests in the background of a shell ignores Ctrl-C and hands that on; a user's own shell does not.
SLOWLY = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from rag_pipeline.cli import main
from rag_pipeline.ingestion import preparation
from rag_pipeline.testing import HashEmbeddings

class Slow(HashEmbeddings):
    def embed_documents(self, texts):
        time.sleep(float(sys.argv[1]))
        return super().embed_documents(texts)

preparation.make_embeddings = lambda *_: Slow()
main("ingest", sys.argv[2:])
"""


@pytest.mark.parametrize(
    ("sign", "code", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")]
)
@pytest.mark.slow
def test_interrupted_it_says_how_to_go_on_and_goes_on_there(project, documents, python, sign, code, said):
    for number in range(1000):
        (documents / f"{number}.md").write_text(f"# {number}\n\n가나다 라마바 {number}\n", "utf-8")
    process = started("-c", SLOWLY, "1.0", cwd=project)
    store = Store(project / "chroma_db")
    deadline = time.monotonic() + 120
    written = 0
    # Beyond the first batch, so that one is counted as written.
    while written <= 32 and time.monotonic() < deadline:
        time.sleep(0.05)
        with contextlib.suppress(CollectionNotFoundError, StoreError):  # the store is only just being made
            written = store.get("docs").count
    process.send_signal(sign)
    out, err = process.communicate()
    assert process.returncode == code, (out, err)
    assert "chunks, which are kept" in err
    assert f"error: {said}; what was done is kept: run the same command again" in err
    assert "Traceback" not in err
    kept = store.get("docs").count
    store.close()
    done = python("-c", SLOWLY, "0", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["chunks"]["total"] == 1004
    assert 0 < report["files"]["unchanged"] <= kept


@pytest.mark.slow
def test_the_script_itself_runs(project, python):
    done = python(str(ROOT / "ingest.py"), cwd=project)
    assert (done.returncode, complaints(done.stderr)) == (0, [])
    assert "docs: 3 new" in done.stdout


@pytest.mark.slow
def test_a_store_within_the_folder_is_no_part_of_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.md").write_text("# Tugs\n\nA tug tows ships.\n")
    (tmp_path / "chroma_db").mkdir()
    (tmp_path / "chroma_db" / "writer.txt").write_text("process 1 on elsewhere")
    assert run("ingest", [".", "--collection", "here"]) == 0
    assert "1 new" in capsys.readouterr().out
    assert run("ingest", [".", "--collection", "here"]) == 0
    out, err = capsys.readouterr()
    assert "1 unchanged" in out
    assert err == ""
