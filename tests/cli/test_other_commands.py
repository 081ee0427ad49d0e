from __future__ import annotations

import json

import pytest
import yaml

from rag_pipeline.cli import run
from rag_pipeline.cli.output import human_size
from tests.embeddings.local.checkpoints import edit, with_modules

pytestmark = pytest.mark.slow


@pytest.fixture
def call(project, capsys):
    def call(*arguments):
        code = run(None, list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


def test_status_of_an_empty_store_says_what_to_do(call):
    code, out, _ = call("status")
    assert code == 0
    assert "no collection yet; run rag-pipeline ingest first" in out


def test_status_lists_the_collections(call):
    call("ingest")
    code, out, _ = call("status")
    assert code == 0
    for word in ("docs", "tiny", "32", "3", "5", "on disk in all"):
        assert word in out
    status = json.loads(call("status", "--json")[1])
    (row,) = status["collections"]
    assert row.pop("index_bytes") > 0
    assert row == {
        "collection": "docs",
        "embedding": "tiny",
        "model": "tiny",
        "dimension": 32,
        "documents": 3,
        "chunks": 5,
        "lexical_chunks": 5,
        "glosses": 0,
        "damage": "",
        "lexical_damage": "",
    }
    assert status["bytes"] > 0


def test_status_lets_go_of_the_store(call, monkeypatch):
    from rag_pipeline.store import Store

    call("ingest")
    close, closed = Store.close, []
    monkeypatch.setattr(Store, "close", lambda self: (closed.append(self), close(self)))
    call("status", "--json")
    assert len(closed) == 1


def test_status_and_doctor_tell_of_a_lexical_index_that_is_not_there(call, project):
    import shutil

    call("ingest")
    assert "in step" in call("status")[1]
    shutil.rmtree(project / "chroma_db" / "lexical")
    assert "none yet" in call("status")[1]
    code, out, _ = call("doctor")
    assert code == 0
    assert "without a lexical index: docs; the next ingest makes it" in " ".join(out.split())


def test_doctor_finds_a_sound_machine_sound_and_shows_no_key(call, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "very-secret")
    monkeypatch.setenv("GOOGLE_API_KEY", "")
    code, out, err = call("doctor")
    assert code == 0, out
    assert "very-secret" not in out + err
    for word in (
        "Python",
        "SQLite",
        "torch",
        "dtype auto is",
        "embedding tiny",
        "kiwipiepy",
        "store",
        "set, but empty: unset it",
    ):
        assert word in out


def test_doctor_names_what_must_be_mended_with_exit_code_1(call, project, tmp_path, tiny_checkpoint):
    text = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(text.replace(str(tiny_checkpoint), "./nowhere"))
    (tmp_path / "chroma_db").write_text("a file")
    code, out, _ = call("doctor", "--json")
    bad = {check["check"] for check in json.loads(out) if check["state"] == "bad"}
    assert (code, bad) == (1, {"embedding tiny", "store"})


def test_doctor_reports_a_broken_configuration_and_goes_on(call, project):
    (project / "config.yaml").write_text("retreival: {}")
    code, out, _ = call("doctor")
    assert code == 1
    assert "unknown key" in out
    assert "torch" in out


def test_config_prints_the_resolved_settings(call, monkeypatch):
    monkeypatch.setenv("RAG_PIPELINE_RETRIEVAL__TOP_K", "9")
    code, out, _ = call("config")
    assert code == 0
    printed = yaml.safe_load(out)
    assert printed["retrieval"]["top_k"] == 9
    assert printed["embeddings"]["tiny"]["pooling"] == "auto"
    assert json.loads(call("config", "--json")[1])["settings"] == printed


def test_config_and_doctor_show_what_the_checkpoint_says_for_auto(call, project, tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model", pooling={"pooling_mode": "cls"})
    edit(folder / "config_sentence_transformers.json", prompts={"query": "ab: ", "document": "cd: "})
    text = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(text.replace(str(tiny_checkpoint), str(folder)))
    said = {"pooling": "cls", "query_prompt": "ab: ", "document_prompt": "cd: ", "max_tokens": 32}
    assert json.loads(call("config", "--json")[1])["auto"]["tiny"] == said
    assert "# auto of tiny: pooling 'cls', query_prompt 'ab: ', document_prompt 'cd: '" in call("config")[1]
    assert "query_prompt 'ab: '; document_prompt 'cd: '" in " ".join(call("doctor")[1].split())


def test_doctor_names_what_a_provider_does_not_compute(call, project, tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model", ("CNN", {}))
    text = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(text.replace(str(tiny_checkpoint), str(folder)))
    code, out, _ = call("doctor")
    assert code == 1
    assert "use provider: huggingface" in " ".join(out.split())


def test_without_a_command_help_is_shown(call):
    _, out, err = call()
    assert "ingest" in out + err


def test_an_unknown_command_is_one_line_and_exit_code_2(call):
    code, out, err = call("ingset")
    assert (code, out) == (2, "")
    assert "ingset" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("size", "text"), [(None, "?"), (5, "5 B"), (1500, "1.5 kB"), (2_300_000, "2.3 MB"), (10**13, "10000.0 GB")]
)
def test_sizes_are_told_as_a_person_reads_them(size, text):
    assert human_size(size) == text


def test_collections_of_another_space_are_no_obstacle(call, project):
    import chromadb

    assert call("ingest")[0] == 0
    with chromadb.PersistentClient(str(project / "chroma_db")) as client:
        client.create_collection("theirs", embedding_function=None)
    code, out, err = call("status")
    assert code == 0
    assert "docs" in out
    assert "another space than inner product: theirs; see adopt" in err
    assert json.loads(call("status", "--json")[1])["others"] == ["theirs"]
    code, out, _ = call("verify")
    assert code == 0
    assert "theirs" not in out
    assert "theirs" not in call("doctor")[1]
