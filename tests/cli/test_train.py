"""From verdicts of use to a model in use: feedback, questions, train, compare, switch."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from rag_pipeline.cli import run
from rag_pipeline.pipeline import Pipeline
from tests.training.conftest import SECTIONS, few_other_texts, harbours

__all__ = ["few_other_texts", "harbours"]

pytestmark = pytest.mark.slow


@pytest.fixture
def call(harbours, capsys):
    def call(*arguments):
        code = run(None, list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


def killed_while_training(*arguments):
    """Run a command in a process of its own, and kill it in the middle of its first training."""
    command = [sys.executable, "-m", "rag_pipeline", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "training on" in line:
                break
        process.send_signal(signal.SIGKILL)
    return process.returncode


def test_what_people_say_of_passages_becomes_a_model_in_use(call, harbours):
    with Pipeline(harbours / "config.yaml") as pipeline:
        for number in range(SECTIONS):
            name = f"{'abcdefghij'[number % 10]}{number}"
            found = pipeline.retrieve(f"ship {name} draws", 5, where={"source": f"{number:02}.md"}, mode="lexical")
            pipeline.feedback(f"draft of {name}?", found[0].id, "right")
        pipeline.feedback("draft of a0?", found[0].id, "wrong")
    code, _, err = call("questions", "--from-feedback", "-o", "asked.jsonl")
    assert code == 0
    assert "61 verdicts on 60 questions; 0 without a right passage" in err

    train = ["train", "--questions", "asked.jsonl", "-o", "models/own"]
    code, out, _ = call(*train, "--dry-run")
    assert code == 0
    assert "training: 60 pairs, 12 steps, after two trainings on half of them each; all 60 questions judge" in out
    assert not (harbours / "models").exists()
    assert killed_while_training(*train) == -signal.SIGKILL
    assert (harbours / "models" / "own.part").is_dir()
    code, out, err = call(*train, "--json")
    report = json.loads(out)
    assert code == (0 if report["helps"] else 1)
    assert report["folder"].endswith("own" if report["helps"] else "own-no-gain")
    assert not (harbours / "models" / "own.part").exists()
    assert [path.name for path in (harbours / "models").iterdir() if path.name.startswith(".")] == []

    with (harbours / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(f"  own: {{provider: mean_pooling, model: {report['folder']}}}\n")
    assert call("ingest", "docs", "--collection", "docs-own", "--embedding", "own")[0] == 0
    code, out, _ = call("compare", "--questions", "asked.jsonl", "--collections", "docs,docs-own", "--json")
    assert {row["model"] for row in json.loads(out)["contestants"]} == {"tiny", report["folder"].rpartition("/")[2]}

    code, _, err = call("switch", "docs", "--to", "docs-own")
    assert code == 2
    assert "config.yaml says embedding 'tiny' for collection 'docs'" in err
    config = (harbours / "config.yaml").read_text("utf-8").replace("{folder: docs, embedding: tiny}", "{folder: docs}")
    (harbours / "config.yaml").write_text(config, "utf-8")
    with Pipeline(harbours / "config.yaml") as before:
        assert before.retrieve("draft of a0?", 1, mode="lexical")
        code, out, _ = call("switch", "docs", "--to", "docs-own")
        assert code == 0
        assert "docs is now the collection made with own; docs-own the one made with tiny" in out
    assert call("query", "draft of a0?", "--json")[0] == 0
    assert call("ingest")[0] == 0  # nothing changed: it stays with the model that it has
    status = json.loads(call("status", "--json")[1])
    assert {row["collection"]: row["embedding"] for row in status["collections"]} == {"docs": "own", "docs-own": "tiny"}
    assert call("switch", "docs", "--to", "docs-own")[0] == 0
    status = json.loads(call("status", "--json")[1])
    assert {row["collection"]: row["embedding"] for row in status["collections"]} == {"docs": "tiny", "docs-own": "own"}


def test_the_table_the_verdict_and_the_next_steps_are_shown(call):
    code, out, err = call("train", "--questions", "questions.jsonl", "-o", "own")
    assert "questions held back" in out
    assert "other text" in out
    assert "hit@1" in out
    assert "60 questions judge" in err
    assert code == 1 or "rag-pipeline switch docs --to" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no questions to train on; give them with --questions, or --from-documents"),
        (["--questions", "none.jsonl"], "questions none.jsonl not found"),
        (["--questions", "questions.jsonl", "--keep", "1.5"], "--keep 1.5: the share"),
        (["--questions", "questions.jsonl", "--collection", "other"], "unknown collection 'other'"),
        (["--questions", "questions.jsonl", "--embedding", "other"], "unknown embedding 'other'"),
        (["--questions", "questions.jsonl", "-o", "docs"], "docs is there already"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(call, arguments, said):
    code, out, err = call("train", *arguments)
    assert code == 2
    assert said in err
    assert (out, err.strip().count("\n")) == ("", 0)


def test_questions_from_feedback_need_some(call):
    code, _, err = call("questions", "--from-feedback")
    assert code == 2
    assert "cannot be read" in err
    assert call("questions", "docs", "--from-feedback")[0] == 2
    assert call("questions")[0] == 2
