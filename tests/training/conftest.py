"""A collection of sixty short sections, and a question on each."""

from __future__ import annotations

import json

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.evaluation import load_questions
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.training.judging import OtherText

SECTIONS = 60
_FEW = 12


@pytest.fixture(autouse=True)
def few_other_texts(monkeypatch):
    """A dozen of the passages that come along, which is as good as all of them where the model is a toy."""
    whole = OtherText.load()
    texts = dict(list(whole.texts.items())[:_FEW])
    questions = [question for question in whole.questions if question.relevant <= texts.keys()]
    monkeypatch.setattr(OtherText, "load", lambda: OtherText(texts, questions))


@pytest.fixture
def harbours(project):
    """A project whose collection `docs` holds sixty sections, with `questions.jsonl` asking for each."""
    for number in range(SECTIONS):
        name = f"{'abcdefghij'[number % 10]}{number}"
        text = f"# 선박 {name}\n\n## 흘수\n\nship {name} draws {number} m.\n"
        (project / "docs" / f"{number:02}.md").write_text(text, "utf-8")
    rows = [
        {
            "id": f"q{number}",
            "question": f"draft of {'abcdefghij'[number % 10]}{number}?",
            "relevant": [f"{number:02}.md#흘수"],
        }
        for number in range(SECTIONS)
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (project / "questions.jsonl").write_text("\n".join(lines), "utf-8")
    ingest(load_settings(project / "config.yaml"), IngestTarget("docs", [project / "docs"], "tiny"))
    return project


@pytest.fixture
def settings(harbours):
    return load_settings(harbours / "config.yaml")


@pytest.fixture
def questions(harbours):
    return load_questions(harbours / "questions.jsonl")
