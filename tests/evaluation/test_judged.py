from __future__ import annotations

import json
import unicodedata

import pytest

from rag_pipeline.errors import UsageError
from rag_pipeline.evaluation import load_questions
from rag_pipeline.evaluation.judged import judged_questions


def verdict(question, source, said, section="", **more):
    return {"question": question, "source": source, "section": section, "verdict": said, "collection": "docs", **more}


@pytest.fixture
def file(tmp_path):
    def write(*rows):
        path = tmp_path / "store.feedback.jsonl"
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n", "utf-8")
        return path

    return write


def test_verdicts_on_one_question_become_one_line_that_compare_and_train_read(file, tmp_path):
    decomposed = unicodedata.normalize("NFD", "최대 흘수는?")
    judged = judged_questions(
        file(
            verdict("최대 흘수는?", "a.md", "right", "제원"),
            verdict(f"  {decomposed} ", "a.md", "right", "제원"),
            verdict("최대  흘수는", "b.md", "right"),
            verdict("최대 흘수는?", "c.md", "wrong"),
            verdict("Who boards?", "c.md", "wrong"),
        )
    )
    rows = list(judged.rows())
    assert [(row["question"], row["relevant"], row["language"]) for row in rows] == [
        ("최대 흘수는?", ["a.md#제원", "b.md"], "ko")
    ]
    assert (judged.lines, judged.without_right) == (5, 1)
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    assert [question.relevant for question in load_questions(questions)] == [{"a.md#제원", "b.md"}]


def test_passages_of_a_wrong_answer_are_not_called_wrong(file):
    judged = judged_questions(
        file(
            verdict("x?", "a.md", "right"),
            verdict("x?", "a.md", "wrong", about="answer"),
            verdict("x?", "b.md", "right", about="answer"),
        )
    )
    assert [row["relevant"] for row in judged.rows()] == [["a.md", "b.md"]]
    assert list(judged.disputed()) == []


def test_what_was_called_both_is_left_to_a_person(file):
    judged = judged_questions(
        file(verdict("Which?", "a.md", "right"), verdict("which", "a.md", "wrong"), verdict("Which?", "b.md", "right"))
    )
    assert list(judged.disputed()) == [("Which?", "a.md")]
    assert [row["relevant"] for row in judged.rows()] == [["b.md"]]


def test_verdicts_on_other_collections_are_left_out_where_one_is_named(file):
    path = file(verdict("A?", "a.md", "right"), verdict("B?", "b.md", "right", collection="others"))
    assert [row["question"] for row in judged_questions(path, "others").rows()] == ["B?"]
    assert len(list(judged_questions(path).rows())) == 2


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"question": "a"}', '{"question": "", "source": "a", "verdict": "right"}',
             '{"question": "a", "source": "a", "verdict": "perhaps"}']
)  # fmt: skip
def test_a_line_that_is_no_verdict_is_named(tmp_path, line):
    path = tmp_path / "f.jsonl"
    path.write_text(json.dumps(verdict("A?", "a.md", "right")) + "\n" + line + "\n", "utf-8")
    with pytest.raises(UsageError, match=r"f.jsonl, line 2: not a verdict"):
        judged_questions(path)


def test_a_missing_file_says_where_verdicts_come_from(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        judged_questions(tmp_path / "none.jsonl")
