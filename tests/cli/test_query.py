from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys

import pytest

from rag_pipeline.cli import run
from tests.conftest import ROOT, offline_environment

pytestmark = pytest.mark.slow


@pytest.fixture
def query(project, capsys, monkeypatch):
    assert run("ingest", []) == 0
    capsys.readouterr()

    def query(*arguments, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run("query", list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return query


def test_it_shows_rank_score_title_section_source_and_passage(query):
    code, out, err = query("최대 흘수는?")
    assert (code, err) == (0, "")
    for word in (
        "최대 흘수는?",
        "#",
        "score",
        "컨테이너선 (Container Ship) › 제원",
        "container.md",
        "최대 흘수 12.04 m.",
    ):
        assert word in out
    assert max(map(display_width, out.splitlines())) <= 100


def display_width(line):
    from rich.cells import cell_len

    return cell_len(line)


def test_json_is_one_object_with_the_stable_keys(query):
    code, out, _ = query("최대 흘수는?", "-k", "2", "--json")
    answer = json.loads(out)
    assert code == 0
    assert list(answer) == ["question", "collection", "mode", "passages", "answer"]
    assert (answer["question"], answer["collection"], answer["mode"], answer["answer"]) == (
        "최대 흘수는?",
        "docs",
        "hybrid",
        None,
    )
    assert [passage["rank"] for passage in answer["passages"]] == [1, 2]
    assert answer["passages"][0]["score"] >= answer["passages"][1]["score"]
    assert "최대 흘수는?" in out  # Korean as it is written, not escaped


def test_without_a_question_standard_input_is_the_question(query):
    code, out, _ = query("--json", stdin="  최대 흘수는?\n".encode())
    assert (code, json.loads(out)["question"]) == (0, "최대 흘수는?")


def test_more_passages_than_there_are_gives_all(query):
    assert len(json.loads(query("배", "-k", "100", "--json")[1])["passages"]) == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([""], ["question is empty"]),
        (["  \n"], ["question is empty"]),
        (["배", "-k", "0"], ["-k must be 1 or more, found 0"]),
        (["배", "-k", "many"], ["-k", "valid integer"]),
        (["배", "--collection", "dcos"], ["unknown collection 'dcos'", "known: docs"]),
        (["--nonsense"], ["--nonsense"]),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(query, arguments, words):
    code, out, err = query(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert all(word in err for word in words), err


def test_an_empty_pipe_is_an_empty_question(query):
    assert query(stdin=b"")[0] == 2


def test_before_any_ingest_it_says_what_to_do(project, capsys):
    assert run("query", ["배"]) == 2
    assert "run rag-pipeline ingest first" in capsys.readouterr().err
    assert not (project / "chroma_db").exists()


def test_a_collection_made_with_other_settings_is_exit_code_3(query, project):
    text = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(
        text.replace("docs: {folder: docs, embedding: tiny}", "docs: {folder: docs, embedding: tiny-cls}")
    )
    code, out, err = query("배")
    assert (code, out) == (3, "")
    assert "'tiny' (pooling 'mean')" in err
    assert "'tiny-cls' (pooling 'cls')" in err
    assert "--rebuild" in err


@pytest.mark.slow
def test_on_a_terminal_it_asks_until_an_empty_line(query, project):
    """A real terminal: a pseudo-terminal pair, as a person would type into."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "query.py"), "-k", "1"],
        cwd=project,
        env=offline_environment({"TERM": "dumb"}),
        stdin=child,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(child)
    os.write(parent, "최대 흘수는?\n배\n\n".encode())
    out, err = process.communicate(timeout=120)
    os.close(parent)
    assert process.returncode == 0, err
    text = out.decode()
    assert text.count("score") == 2
    assert "Asking collection docs. An empty line ends." in err.decode()


@pytest.mark.slow
def test_a_reader_that_has_enough_is_no_error(query, project):
    process = subprocess.run(
        f"{sys.executable} {ROOT / 'query.py'} 배 -k 4 | head -n 1",
        shell=True,
        cwd=project,
        env=offline_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stderr == ""


@pytest.mark.slow
def test_with_every_socket_closed_ingest_and_query_work_on_the_bundled_model(project, cache_dir, python):
    environment = {"RAG_PIPELINE_CACHE_DIR": str(cache_dir)}
    arguments = ["docs", "--collection", "offline", "--embedding", "bundled"]
    done = python(str(ROOT / "ingest.py"), *arguments, cwd=project, env=environment)
    assert done.returncode == 0, done.stderr
    done = python(
        str(ROOT / "query.py"), "최대 흘수는?", "--collection", "offline", "--json", cwd=project, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passages"][0]["source"] == "container.md"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("redirection", "code", "words"),
    [("<&-", 2, "question is empty"), (">/dev/full", 4, "No space left"), (">&-", 2, "question is empty")],
)
@pytest.mark.slow
def test_closed_and_full_streams_are_no_traceback(query, project, redirection, code, words):
    question = "배" if "full" in redirection else ""
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} {ROOT / 'query.py'} {question} {redirection}"],
        cwd=project,
        env=offline_environment(),
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_question_with_bytes_of_another_encoding_is_asked_all_the_same(query):
    code, out, _ = query("caf\udce9 흘수", "--json")
    assert (code, json.loads(out)["question"]) == (0, "caf? 흘수")


def test_a_mode_is_chosen_and_shown(query):
    code, out, err = query("최대 흘수는?", "--mode", "lexical", "--json")
    answer = json.loads(out)
    assert (code, err, answer["mode"]) == (0, "", "lexical")
    assert all(0 < passage["score"] <= 1 for passage in answer["passages"])
    assert "흘수" in answer["passages"][0]["text"]
    code, out, err = query("zebra", "--mode", "lexical")
    assert (code, out, err) == (0, "", "no passage holds a word of the question\n")


def test_explain_says_where_the_score_comes_from(query):
    code, out, _ = query("최대 흘수 12.04 m", "-k", "1", "--explain")
    assert code == 0
    for words in ("inner product", "dense rank", "lexical rank 1", "terms: "):
        assert words in " ".join(out.split())
    explanation = json.loads(query("최대 흘수 12.04 m", "-k", "1", "--explain", "--json")[1])["passages"][0][
        "explanation"
    ]
    assert explanation["lexical_rank"] == 1
    assert "+12.04m" in explanation["terms"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mode", "sparse"], "unknown mode 'sparse'; known: dense, lexical, hybrid"),
        (["--rerank", "magic"], "unknown --rerank 'magic'; known: none, maxsim, cross_encoder"),
        (["--diversity", "2"], "diversity must be from 0 to 1, found 2.0"),
        (["--context", "-1"], "context must be 0 or more"),
        (["--collection", "docs,none"], "unknown collection 'none'"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(query, arguments, said):
    code, out, err = query("최대 흘수는?", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_options_of_retrieval_are_taken(query):
    code, out, _ = query(
        "최대 흘수는?", "--distinct", "--context", "1", "--rerank", "maxsim", "--min-score", "-9", "--json"
    )
    passages = json.loads(out)["passages"]
    assert code == 0
    assert len({passage["source"] for passage in passages}) == len(passages) > 1
    assert query("최대 흘수는?", "--min-score", "99")[1:] == ("", "no passage scores high enough\n")


def test_several_collections_are_asked_at_once(query, capsys):
    assert run("ingest", ["docs", "--collection", "more", "--embedding", "tiny"]) == 0
    capsys.readouterr()
    answer = json.loads(query("최대 흘수는?", "--collection", "docs,more", "--json")[1])
    assert answer["collection"] == "docs,more"
    assert [passage["collection"] for passage in answer["passages"]][:2] == ["docs", "more"]
    assert "[more]" in query("최대 흘수는?", "--collection", "docs", "--collection", "more")[1]
