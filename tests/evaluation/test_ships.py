"""The questions on the ship documents point at passages that are there."""

from __future__ import annotations

import json
from collections import Counter

from rag_pipeline.documents import read_document
from tests.conftest import ROOT

QUESTIONS = [json.loads(line) for line in (ROOT / "evaluation" / "ships.jsonl").read_text("utf-8").splitlines()]


def test_every_relevant_passage_is_a_section_of_the_documents():
    known = {
        f"{file.name}#{' > '.join(section.headings)}"
        for file in (ROOT / "documents" / "ships").glob("*.md")
        for section in read_document(file.name, file.read_bytes()).sections
    }
    named = {passage for question in QUESTIONS for passage in question["relevant"]}
    assert named - known == set()
    assert len({passage.partition("#")[0] for passage in named}) == 6


def test_kinds_languages_and_splits_are_all_there():
    assert len(QUESTIONS) >= 60
    assert (
        len({question["id"] for question in QUESTIONS})
        == len({question["question"] for question in QUESTIONS})
        == len(QUESTIONS)
    )
    assert set(Counter(question["split"] for question in QUESTIONS)) == {"dev", "test"}
    for kind in ("lookup", "confusable", "paraphrase", "unanswerable"):
        for split in ("dev", "test"):
            languages = {q["language"] for q in QUESTIONS if (q["kind"], q["split"]) == (kind, split)}
            assert languages == {"ko", "en"}, (kind, split)


def test_only_unanswerable_questions_have_no_passage():
    assert all(bool(question["relevant"]) == (question["kind"] != "unanswerable") for question in QUESTIONS)


def test_both_reference_questions_are_in_the_test_part():
    reference = {
        q["question"]
        for q in QUESTIONS
        if q["split"] == "test" and q["relevant"][:1] == ["container_panamax.md#주요 제원 (Key figures)"]
    }
    assert "최대 흘수가 12.04 m인 컨테이너선은 무엇인가?" in reference
    assert "Which container ship has a maximum draft of 12.04 m?" in reference
