"""``compare``, ``map`` and ``questions`` as a user runs them."""

from __future__ import annotations

import json

import pytest

from rag_pipeline.cli import run

pytestmark = pytest.mark.slow


@pytest.fixture
def command(project, capsys):
    assert run("ingest", []) == 0
    capsys.readouterr()
    (project / "questions.jsonl").write_text(
        '{"question": "최대 흘수 12.04 m", "relevant": "container.md#제원", "split": "test"}\n'
        '{"question": "When does the pilot board?", "relevant": ["notes.txt"], "split": "dev"}\n'
        '{"question": "How tall is the tower?", "relevant": [], "split": "test"}\n',
        "utf-8",
    )

    def command(name, *arguments):
        code = run(name, list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return command


def test_compare_shows_a_table_by_mode_and_language(command):
    code, out, err = command("compare", "--questions", "questions.jsonl")
    assert (code, err) == (0, "")
    for words in ("3 questions, 2 of which the documents answer", "hit@1", "nDCG@10", "lexical", "best", "query p50"):
        assert words in out
    assert "en (1): hit@1" in out
    assert max(map(len, out.splitlines())) <= 100


def test_compare_writes_page_and_plot_and_json(command, project):
    code, out, err = command(
        "compare",
        "--questions",
        "questions.jsonl",
        "--modes",
        "lexical,dense",
        "--report",
        "r.html",
        "--plot",
        "p.svg",
        "--json",
    )
    assert (code, err) == (0, "plot: p.svg\nreport: r.html\n")
    rows = json.loads(out)["contestants"]
    assert (rows[0]["mode"], rows[0]["metrics"]["hit@1"]) == ("lexical", 1.0)
    assert "최대 흘수" in (project / "r.html").read_text("utf-8") or rows[1]["metrics"]["hit@1"] == 1.0
    assert (project / "p.svg").read_text("utf-8").startswith("<?xml")


def test_compare_takes_one_split(command):
    out = command("compare", "--questions", "questions.jsonl", "--split", "dev", "--modes", "lexical", "--json")[1]
    assert json.loads(out)["questions"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--questions", "none.jsonl"], "questions none.jsonl not found"),
        (["--questions", "questions.jsonl", "--modes", "magic"], "unknown mode 'magic'"),
        (["--questions", "questions.jsonl", "--report", "r.pdf"], "r.pdf must end in .html or .htm"),
        (["--questions", "questions.jsonl", "--plot", "no/p.png"], "folder no not found"),
        (["--questions", "questions.jsonl", "--collections", "none"], "unknown collection 'none'"),
        ([], "--questions"),
    ],
)
def test_compare_refuses_what_it_cannot_do_before_it_asks_anything(command, arguments, said):
    code, out, err = command("compare", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_without_the_extra_it_says_what_to_install(command, monkeypatch):
    import importlib.util

    original = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "matplotlib" else original(name, *a)
    )
    for arguments in (("compare", "--questions", "questions.jsonl"), ("map",)):
        code, _, err = command(*arguments)
        assert (code, err) == (2, "error: this needs matplotlib: pip install 'rag-pipeline[evaluation]'\n")


def test_map_writes_a_page_and_a_picture(command, project):
    code, out, err = command("map", "최대 흘수는?", "-o", "ships.html")
    assert (code, out, err) == (0, "ships.html\nships.png\n", "")
    page = (project / "ships.html").read_text("utf-8")
    assert "★ 최대 흘수는?" in page
    assert "container.md" in page
    assert (project / "ships.png").read_bytes().startswith(b"\x89PNG")
    assert command("map", "-o", "ships.gif")[0] == 2
    assert command("map", " ")[0] == 2


@pytest.fixture
def chat(gemini, monkeypatch):
    for name, value in gemini.environment.items():
        monkeypatch.setenv(name, value)
    gemini.reply = '[{"question": "도선사는 언제 타는가?", "language": "ko"}]'
    return gemini


@pytest.fixture
def long_document(project):
    (project / "docs" / "long.md").write_text("# 배\n\n## 제원\n\n" + "최대 흘수는 12.04 m이다. " * 8, "utf-8")


def test_questions_writes_lines_that_compare_reads(command, chat, project, long_document):
    code, out, err = command("questions", "docs", "-o", "drafted.jsonl", "--sections", "1")
    assert (code, out) == (0, "")
    assert "1 questions in drafted.jsonl; read and edit them" in err
    row = json.loads((project / "drafted.jsonl").read_text("utf-8"))
    assert row == {
        "id": "draft-001", "question": "도선사는 언제 타는가?", "relevant": ["long.md#제원"], "language": "ko",
    }  # fmt: skip
    assert run("ingest", []) == 0
    assert command("compare", "--questions", "drafted.jsonl", "--modes", "lexical")[0] == 0
    code, _, err = command("questions", "docs", "-o", "drafted.jsonl")
    assert code == 2
    assert "is there already" in err


def test_questions_prints_to_standard_output(command, chat, long_document):
    out = command("questions", "docs")[1]
    assert [json.loads(line)["relevant"] for line in out.splitlines()] == [["long.md#제원"]]


def test_questions_without_a_service_leaves_no_empty_file(command, project, long_document, monkeypatch):
    code, _, err = command("questions", "docs", "-o", "drafted.jsonl")
    assert code == 2
    assert "API key" in err
    assert not (project / "drafted.jsonl").exists()
    assert command("questions", "nowhere")[0] == 2


def test_compare_has_questions_answered_and_counts_what_the_check_says(command, project, gemini):
    arguments = ("compare", "--questions", "questions.jsonl", "--modes", "lexical", "--answers")
    code, out, err = command(*arguments, "--report", "r.html")
    assert (code, err) == (0, "report: r.html\n")
    for words in ("answers by gemini-3.5-flash", "grounded", "2 of 2 (0.34", "0 of 3 (0.00"):
        assert words in " ".join(out.split())
    assert "2 of 2 (0.34 to 1.00)" in (project / "r.html").read_text("utf-8")
    (row,) = json.loads(command(*arguments, "--json")[1])["contestants"]
    assert row["answers"]["right_passage"] == {"count": 2, "of": 2, "interval": [0.34238, 1.0]}
    assert row["answers"]["declined"]["of"] == 1


def test_compare_with_answers_needs_a_key(command, monkeypatch):
    code, _, err = command("compare", "--questions", "questions.jsonl", "--answers")
    assert code == 2
    assert "GOOGLE_API_KEY" in err
