from __future__ import annotations

import json

import pytest

from rag_pipeline.errors import UsageError
from rag_pipeline.evaluation.questions import load_questions


def write(path, *rows):
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows))
    return path


def test_a_line_needs_no_more_than_question_and_relevant(tmp_path):
    file = write(
        tmp_path / "q.jsonl",
        {"question": " 최대 흘수는? ", "relevant": "a.md#제원"},
        "",
        {"question": "Draft?", "relevant": []},
    )
    korean, english = load_questions(file)
    assert (korean.text, korean.relevant, korean.language) == ("최대 흘수는?", {"a.md#제원"}, "ko")
    assert (english.language, english.answerable) == ("en", False)
    assert korean.id != english.id


def test_decomposed_places_are_the_composed_ones(tmp_path):
    import unicodedata

    file = write(tmp_path / "q.jsonl", {"question": "x", "relevant": unicodedata.normalize("NFD", "보고서.md")})
    assert load_questions(file)[0].relevant == {"보고서.md"}


def test_a_split_is_chosen(tmp_path):
    rows = [{"question": "a", "relevant": "x", "split": "dev"}, {"question": "b", "relevant": "x", "split": "test"}]
    file = write(tmp_path / "q.jsonl", *rows)
    assert [question.text for question in load_questions(file, "test")] == ["b"]
    with pytest.raises(UsageError, match="no question of split 'train'"):
        load_questions(file, "train")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "line 1: not a JSON object"),
        ("[]", "line 1: not a JSON object"),
        ({"relevant": "x"}, "line 1: no text under 'question'"),
        ({"question": "x"}, "line 1: 'relevant' must be"),
        ({"question": "x", "relevant": [1]}, "line 1: 'relevant' must be"),
    ],
)
def test_a_bad_line_is_named(tmp_path, row, said):
    with pytest.raises(UsageError, match=said):
        load_questions(write(tmp_path / "q.jsonl", row))


def test_the_same_id_twice_is_refused(tmp_path):
    file = write(tmp_path / "q.jsonl", *[{"id": 1, "question": "x", "relevant": "y"}] * 2)
    with pytest.raises(UsageError, match="two questions have the id '1'"):
        load_questions(file)


def test_missing_and_undecodable_files_are_refused_in_words(tmp_path):
    with pytest.raises(UsageError, match="not found"):
        load_questions(tmp_path / "none.jsonl")
    (tmp_path / "q.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read as UTF-8"):
        load_questions(tmp_path / "q.jsonl")


@pytest.fixture
def beir(tmp_path):
    write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "흘수는?"}, {"_id": "q2", "text": "not judged"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tcontainer\t1\nq1\tbulk\t0\n")
    return tmp_path


def test_a_beir_folder_gives_its_judged_questions(beir):
    for split in (None, "test"):
        (question,) = load_questions(beir, split)
        assert (question.id, question.relevant, question.language) == ("q1", {"container"}, "ko")


def test_qrels_in_the_form_of_trec_are_read_too(beir):
    (beir / "qrels" / "test.tsv").write_text("q1\t0\tcontainer\t2\n")
    assert load_questions(beir)[0].relevant == {"container"}


def test_a_folder_that_is_not_beir_is_refused(beir):
    with pytest.raises(UsageError, match="not in BEIR layout"):
        load_questions(beir, "dev")
    (beir / "qrels" / "test.tsv").write_text("heading\nq1\n")
    with pytest.raises(UsageError, match="line 2"):
        load_questions(beir)
