"""What may stand in the place of a question's words, in a real index."""

from __future__ import annotations

import pytest

from rag_pipeline.lexical import analyze
from rag_pipeline.lexical.index import LexicalIndex

TEXTS = {
    "container": "파나막스(Panamax) 컨테이너선의 최대 흘수는 12.04 m이다.",
    "bulk": "수에즈맥스 벌크선은 15만~16만 톤의 석탄을 나른다.",
    "tug": "작은 예인선은 항구에서 일한다.",
    "english": "The harbour of Rotterdam is the largest of Europe.",
    "capacity": "적재 능력은 65,000~75,000 TEU이다.",
    "mixed": "한국어 글에 largest harbour of Europe 이라는 말이 그대로 남아 있다.",
}


@pytest.fixture
def index(tmp_path):
    index = LexicalIndex(tmp_path / "words")
    with index.writer() as writer:
        writer.add(TEXTS)
        writer.commit()
    yield index
    index.close()


def best(index, question):
    asked = index.ask(analyze([question])[0])
    return list(index.search(asked, 10))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Which class is called Panamax?", "container"),  # its gloss
        ("the draft of a ship", "container"),  # the dictionary
        ("suezmax", "bulk"),  # its sound
        ("How much coal?", "bulk"),
        ("로테르담은 어디에 있나", "english"),
        ("70,000 TEU", "capacity"),  # within a range
        ("16만 톤", "bulk"),  # either end of one
        ("150,000 tonnes", "bulk"),
    ],
)
def test_a_question_finds_what_says_it_in_other_letters(index, question, wanted):
    assert best(index, question)[0] == wanted


def test_a_figure_beyond_a_range_is_not_in_it(index):
    assert "capacity" not in best(index, "90,000")


def test_a_korean_text_with_english_words_is_no_translation(index):
    assert best(index, "가장 큰 유럽")[0] == "english"
    assert "mixed" not in best(index, "유럽")


def test_a_part_of_a_latin_word_finds_the_whole_and_the_other_way_round(tmp_path):
    index = LexicalIndex(tmp_path / "other")
    with index.writer() as writer:
        writer.add({"canal": "the Suez route", "ship": "a Panamax vessel", "port": "Portuguese"})
        writer.commit()
    assert best(index, "suezmax") == ["canal"]
    assert best(index, "Panama") == ["ship"]
    assert best(index, "port") == []
    index.close()


def test_an_explanation_names_what_stood_for_what_and_adds_up(index):
    asked = index.ask(analyze(["the draft of a Panamax ship"])[0])
    scores = index.search(asked, 10)
    shares = index.shares(asked, list(scores))
    assert any(term.startswith("draft → ") for term in shares["container"])
    for chunk_id, score in scores.items():
        assert sum(shares[chunk_id].values()) == pytest.approx(score, rel=1e-4)


def test_no_score_is_above_that_of_the_question_itself(index):
    for text in TEXTS.values():
        asked = index.ask(analyze([text])[0])
        assert max(index.search(asked, 10).values()) <= 1
