"""The ship documents through the Gemini preset of the project's own config.yaml, and answers on the terminal."""

from __future__ import annotations

import json
import shutil

import pytest

from rag_pipeline.testing import gemini_faults as faults
from tests.conftest import ROOT, complaints

pytestmark = pytest.mark.slow

QUESTION = "최대 흘수가 12.04 m인 컨테이너선은?"


@pytest.fixture
def cli(tmp_path, gemini, monkeypatch, capsys):
    """A copy of the project's configuration and documents, ingested with the Gemini preset."""
    from rag_pipeline.cli import run

    shutil.copy(ROOT / "config.yaml", tmp_path)
    shutil.copytree(ROOT / "documents", tmp_path / "documents")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_PIPELINE_COLLECTIONS__SHIPS__EMBEDDING", "gemini")
    monkeypatch.setenv("RAG_PIPELINE_ANSWER__ATTEMPTS", "1")

    def call(command, *arguments):
        code = run(command, list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    code, out, err = call("ingest")
    assert (code, complaints(err)) == (0, [])
    assert "6 new" in out
    return call


@pytest.mark.slow
def test_ingest_and_query_need_only_the_address_and_a_key(python, gemini, tmp_path):
    store = {"RAG_PIPELINE_STORE__PATH": str(tmp_path / "store"), **gemini.environment}
    done = python("ingest.py", "documents/ships", "--collection", "ships-gemini", "--embedding", "gemini", env=store)
    assert (done.returncode, complaints(done.stderr)) == (0, [])
    assert "6 new" in done.stdout
    asked = python("query.py", QUESTION, "--collection", "ships-gemini", "--answer", "--json", env=store)
    assert (asked.returncode, asked.stderr) == (0, "")
    result = json.loads(asked.stdout)
    assert len(result["passages"]) == 4
    assert result["answer"]["grounded"]
    assert {request.model for request in gemini.requests} == {"gemini-embedding-2", "gemini-3.5-flash"}


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
def test_an_answer_follows_the_passages_and_its_sources_follow_it(cli, gemini, how):
    gemini.reply = "파나막스 컨테이너선입니다 [1]."
    code, out, err = cli("query", QUESTION, "--answer", how)
    assert (code, err) == (0, "")
    assert out.index("score") < out.index("Answer\n\n파나막스 컨테이너선입니다 [1].\n\nSources\n  [1] ")
    assert gemini.requests[-1].route == ("streamGenerateContent" if how == "--stream" else "generateContent")


def test_what_the_check_finds_is_a_warning(cli, gemini):
    gemini.reply = "흘수는 99.9 m입니다 [1][9]."
    code, _, err = cli("query", QUESTION, "--answer")
    assert code == 0
    assert "warning: check the answer: [9] cites a passage that was not given (there are 4)\n" in err
    assert "warning: check the answer: the figure 99.9 stands in no passage" in err


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (
            faults.status(403, "denied", route="streamGenerateContent"),
            4,
            "error: no answer: Gemini refused the API key",
        ),
        (faults.finish("SAFETY"), 4, "error: gemini-3.5-flash gave no answer: SAFETY"),
        (faults.finish("MAX_TOKENS", "half"), 0, "warning: the answer was cut off"),
        (faults.finish("MAX_TOKENS"), 4, "error: the answer was used up"),
        (faults.cut_stream(1), 4, "error: the connection was lost"),
    ],
    ids=["refused", "blocked", "cut off", "nothing", "cut stream"],
)
def test_the_passages_are_shown_whatever_becomes_of_the_answer(cli, gemini, fault, code, said):
    gemini.reply = "하나 둘 셋 넷 다섯"
    gemini.expect(fault)
    returned, out, err = cli("query", QUESTION, "--answer")
    assert returned == code
    assert out.count(".md") >= 4
    assert said in err
    assert err.count("\n") == 1


def test_json_keeps_the_passages_when_the_answer_fails(cli, gemini):
    gemini.expect(faults.status(500, route="generateContent"))
    code, out, err = cli("query", QUESTION, "--answer", "--json")
    assert code == 4
    assert "error: no answer:" in err
    assert json.loads(out)["answer"] is None
    assert len(json.loads(out)["passages"]) == 4


@pytest.mark.slow
def test_without_a_key_for_the_chat_model_passages_come_with_one_line_on_how_to_get_answers(
    project, python, monkeypatch
):
    from rag_pipeline.cli import run

    assert run("ingest", []) == 0
    done = python(str(ROOT / "query.py"), "흘수", "--answer", cwd=project)
    assert done.returncode == 2
    assert "container.md" in done.stdout
    assert done.stderr.startswith("error: no answer: no Gemini API key: set GOOGLE_API_KEY")
    assert done.stderr.count("\n") == 1


def test_models_marks_those_that_are_configured(cli):
    code, out, err = cli("models")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "embedding gemini" in lines["gemini-embedding-2"]
    assert "8,192" in lines["gemini-embedding-2"]
    assert "answer" in lines["gemini-3.5-flash"]
    assert "imagen-4.0-generate-001" not in lines
    code, out, _ = cli("models", "--json")
    assert {model["name"]: model["configured"] for model in json.loads(out)}["gemini-3.5-pro"] == []


def test_models_says_when_a_configured_one_is_missing(cli, gemini):
    del gemini.models["gemini-embedding-001"]
    code, _, err = cli("models")
    assert code == 0
    assert "gemini-embedding-001 (embedding gemini-001) is not among the models of this key." in err


def test_an_ingest_that_dies_says_where_it_stopped_and_why(cli, gemini, tmp_path):
    gemini.expect(faults.status(429, quota="RequestsPerDayPerProject", quota_value=1000, after=1, times=None))
    (tmp_path / "more").mkdir()
    for number in range(200):
        (tmp_path / "more" / f"{number}.md").write_text(f"# {number}\n\nbody {number}\n", "utf-8")
    code, out, err = cli("ingest", "more", "--embedding", "gemini", "--collection", "more")
    assert (code, out) == (4, "")
    note, error = err.strip().splitlines()
    assert note == "stopped after 100 chunks, which are kept"
    assert error.startswith("error: Gemini's quota per day is used up (RequestsPerDayPerProject 1000); run the same")
    gemini.forget()
    code, out, _ = cli("ingest", "more", "--embedding", "gemini", "--collection", "more")
    assert (code, len(gemini.embedded())) == (0, 100)
    assert "100 unchanged" in out


def test_dry_run_counts_texts_and_tokens(cli):
    code, out, _ = cli("ingest", "documents/ships", "--collection", "other", "--embedding", "gemini", "--dry-run")
    assert code == 0
    assert "30 texts of about" in out
