"""The short way of ``query``: plain questions to a server that runs, and everything else the whole way."""

from __future__ import annotations

import json

import pytest

from rag_pipeline.cli import quick, run
from tests.cli.test_serve import asked_of, imported_by_a_warm_question, serving

QUESTION = "최대 흘수는?"


@pytest.mark.parametrize(
    ("arguments", "plain"),
    [
        (["x"], ("x", None, False)),
        (["x", "--json"], ("x", None, True)),
        (["-k", "3", "x"], ("x", 3, False)),
        (["x", "--top-k", "12", "--json"], ("x", 12, True)),
        ([], None),
        (["x", "y"], None),
        (["x", "-k"], None),
        (["x", "-k", "0"], None),
        (["x", "-k", "-1"], None),
        (["x", "-k", "²"], None),
        (["x", "-k", "9" * 30], None),
        (["x", "-k3"], None),
        (["--", "x"], None),
        (["x", "--no-server"], None),
        (["x", "--explain"], None),
        (["x", "--config", "other.yaml"], None),
        (["--help"], None),
        (["x", "--jsn"], None),
    ],
)
def test_only_plain_questions_go_the_short_way(arguments, plain):
    assert quick._plain(arguments) == plain


def test_without_a_server_nothing_is_shown(project, capsys):
    assert quick.ask_quickly([QUESTION]) is None
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def ingested(project, capsys):
    assert run("ingest", []) == 0
    capsys.readouterr()
    return project


def is_short(arguments=(QUESTION, "--json")):
    """Whether the short way answers, with what the command says without a server."""
    return quick.ask_quickly(list(arguments)) == 0


@pytest.mark.slow
def test_it_says_what_the_whole_way_says(ingested, capsys):
    with serving(ingested):
        for arguments in (
            [QUESTION],
            [QUESTION, "--json"],
            ["-k", "1", QUESTION],
            ["운하 \u200b", "-k", "2", "--json"],
        ):
            assert is_short(arguments)
            short = capsys.readouterr()
            for way in ("--server", "--no-server"):
                assert run("query", [*arguments, way]) == 0
                assert capsys.readouterr() == short
        assert run(None, ["query", QUESTION]) == 0
        assert asked_of(ingested) == 9
        # An empty question is refused as ever.
        assert not is_short([" "])
        assert run("query", [" "]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C.UTF-8", "ko_KR.UTF-8"])
def test_it_imports_next_to_nothing(ingested, monkeypatch, locale):
    monkeypatch.setenv("LC_ALL", locale)
    heavy = [
        *("torch", "chromadb", "langchain", "langchain_core", "transformers", "numpy", "fastapi", "pydantic", "yaml"),
        *("typer", "rich", "asyncio", "urllib.request", "rag_pipeline.config.settings"),
    ]
    assert imported_by_a_warm_question(ingested, ["최대 흘수는?", "--json"], heavy) == "[] 0"


@pytest.mark.slow
def test_whatever_a_configuration_is_made_of_must_be_the_same(ingested, capsys, monkeypatch, tmp_path_factory):
    file = ingested / "config.yaml"
    content = file.read_text("utf-8")
    with serving(ingested):
        assert is_short()
        for name, value in {"RAG_PIPELINE_RETRIEVAL__TOP_K": "1", "HOME": "/elsewhere"}.items():
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                assert not is_short()
        with monkeypatch.context() as patch:
            patch.setenv("RAG_PIPELINE_SERVE__PORT", "9")  # of the server alone
            assert is_short()
        with monkeypatch.context() as patch:
            patch.setattr("rag_pipeline.__version__", "0.0.9")
            assert not is_short()
        file.write_text(content + "retrieval: {top_k: 1}\n", "utf-8")
        assert not is_short()
        capsys.readouterr()
        assert run("query", [QUESTION, "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["passages"]) == 1
        file.write_text(content, "utf-8")
        assert is_short()
        (ingested / ".env").write_text("RAG_PIPELINE_RETRIEVAL__TOP_K=1\n", "utf-8")
        assert not is_short()
        monkeypatch.delenv("RAG_PIPELINE_RETRIEVAL__TOP_K")
        (ingested / ".env").unlink()
        # Another folder, whose configuration is none at all, over the same store.
        monkeypatch.setenv("RAG_PIPELINE_STORE__PATH", str(ingested / "chroma_db"))
        monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
        assert not is_short()


@pytest.mark.slow
def test_a_configuration_that_was_changed_while_a_server_began_is_not_taken_for_its_own(ingested, monkeypatch):
    from rag_pipeline import load_settings
    from rag_pipeline.server import place

    settings = load_settings()
    assert place.inputs_of(settings) == place.inputs(ingested)
    file = ingested / "config.yaml"
    file.write_text(file.read_text("utf-8") + "retrieval: {top_k: 1}\n", "utf-8")
    assert place.inputs_of(settings) is None
    other = ingested / "other.yaml"
    other.write_text("default_collection: docs\n", "utf-8")
    assert place.inputs_of(load_settings(other)) is None
