from __future__ import annotations

import time
import unicodedata

import pytest

from rag_pipeline.lexical import analyze, load


def words(text):
    return analyze([text])[0].words


def compounds(text):
    return analyze([text])[0].compounds


def test_korean_words_lose_their_particles_and_endings():
    assert set(words("운하를 지나는 배의 갑문이")) >= {"운하", "지나/V", "배", "갑문"}
    assert words("운하를") == words("운하가") == words("운하")


@pytest.mark.parametrize(
    ("compound", "part"),
    [("컨테이너선", "컨테이너"), ("서울대학교병원에서", "병원"), ("고등학교는", "학교"), ("운반선", "운반")],
)
def test_a_compound_noun_is_found_by_its_parts(compound, part):
    assert part in words(compound)


def test_a_compound_is_one_term_whether_or_not_the_analyser_cuts_it():
    assert "+해양경찰청" in compounds("해양경찰청이")


@pytest.mark.parametrize(
    "text",
    [
        "12.04m",
        "12.04 m",
        "12.04 미터",
        "12.040 metres",
        "１２.０４ ｍ",
        "흘수 12.04m급",
        "흘수 12.04 m.",
        "12.04 M deep",
    ],
)
def test_a_number_with_its_unit_is_one_term_however_it_is_written(text):
    assert "+12.04m" in compounds(text)


def test_a_number_has_one_spelling():
    assert words("65,000")[0] == words("65000")[0] == words("65,000.00")[0] == "65000"
    assert words("2016")[0] == "2016"


def test_units_of_different_kinds_stay_apart():
    assert compounds("12 t") != compounds("12 m")
    assert compounds("65,000톤") == compounds("65000 tonnes") == ["+65000t"]


def test_english_words_are_stems_without_stop_words():
    assert words("The ships are carrying containers") == ["ship", "carri", "contain"]


def test_composed_and_decomposed_texts_are_the_same():
    text = "최대 흘수는 12.04 m이다"
    assert analyze([unicodedata.normalize("NFD", text)]) == analyze([text])


def test_chinese_and_kana_are_pairs_of_characters():
    assert words("中文文本") == ["中文", "文文", "文本"]
    assert "テキ" in words("テキスト")
    assert words("東京") == ["東京"]


def test_other_scripts_are_words():
    assert words("Привет мир") == ["привет", "мир"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["", " \n", "?!…", "a/b/c//NNG", "M-2032/표", "/", "+_+", "👍🏽", "\x00\u200b", "가" * 3000]
)
def test_no_text_makes_it_fail_and_no_term_holds_white_space(text):
    (terms,) = analyze([text])
    assert all(term and not term.isspace() and len(term.split()) == 1 for kind in vars(terms).values() for term in kind)


def test_pairs_follow_the_order_of_the_words():
    assert "maximum_draft" in analyze(["maximum draft"])[0].pairs
    assert "maximum_draft" not in analyze(["draft maximum"])[0].pairs


@pytest.mark.slow
def test_long_runs_without_spaces_take_time_by_their_length():
    load()
    started = time.process_time()
    analyze(["a" * 200_000, "b" * 200_000])
    assert time.process_time() - started < 5


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + " t ~ " + "9" * 401 + " t", "1" + "0" * 5000 + "만 톤"])
def test_a_figure_beyond_all_measure_is_a_word_like_others(text):
    assert analyze([text])[0].words
