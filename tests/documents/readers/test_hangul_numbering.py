"""Automatic numbers as Hangul shows them."""

from __future__ import annotations

import pytest

from rag_pipeline.documents.readers.hangul.numbering import Counters, ListLevel, NumberedList, numbered, numeral


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("DIGIT", {1: "1", 30: "30"}),
        ("CIRCLED_DIGIT", {1: "①", 20: "⑳", 21: "㉑", 50: "㊿", 51: "51"}),
        ("ROMAN_CAPITAL", {1: "I", 4: "IV", 1999: "MCMXCIX", 4000: "4000"}),
        ("ROMAN_SMALL", {9: "ix", 40: "xl"}),
        ("LATIN_CAPITAL", {1: "A", 26: "Z"}),
        ("CIRCLED_LATIN_SMALL", {1: "ⓐ", 26: "ⓩ"}),
        ("HANGUL_SYLLABLE", {1: "가", 14: "하", 15: "거"}),
        ("CIRCLED_HANGUL_SYLLABLE", {1: "㉮", 14: "㉻"}),
        ("HANGUL_JAMO", {1: "ㄱ", 14: "ㅎ"}),
        ("CIRCLED_HANGUL_JAMO", {1: "㉠", 14: "㉭"}),
        ("HANGUL_PHONETIC", {1: "일", 10: "십", 21: "이십일", 305: "삼백오", 1234: "천이백삼십사"}),
        ("IDEOGRAPH", {1: "一", 11: "十一", 20: "二十"}),
        ("CIRCLED_IDEOGRAPH", {1: "㊀", 10: "㊉"}),
        ("DECAGON_CIRCLE", {1: "갑", 10: "계", 11: "11"}),
        ("DECAGON_CIRCLE_HANJA", {3: "丙"}),
        ("UNKNOWN", {7: "7"}),
    ],
)
def test_numbers_are_written_in_their_kind(kind, expected):
    assert {value: numeral(value, kind) for value in expected} == expected


def test_levels_that_were_not_begun_show_where_they_begin():
    levels = tuple(ListLevel("".join(f"^{place}." for place in range(1, level + 1))) for level in range(1, 5))
    counters = Counters({1: NumberedList(levels)})
    assert [counters.next(1, level) for level in (0, 3, 3, 2, 3, 0, 1)] == [
        "1.", "1.1.1.1.", "1.1.1.2.", "1.1.1.", "1.1.1.1.", "2.", "2.1.",
    ]  # fmt: skip


def test_paths_and_beginnings_are_counted():
    counters = Counters({1: NumberedList((ListLevel("^1", start=5), ListLevel("^N"), ListLevel("^n")))})
    assert [counters.next(1, level) for level in (0, 1, 2, 0)] == ["5", "5.1.", "5.1.1", "6"]


def test_lists_and_levels_that_are_not_there_have_no_numbers():
    counters = Counters({1: NumberedList((ListLevel("^9)"),))})
    assert [counters.next(2, 0), counters.next(1, 5), counters.next(1, -1), counters.next(1, 0)] == ["", "", "", ")"]


@pytest.mark.parametrize(
    ("number", "text", "expected"),
    [
        ("제1조", "(목적)", "제1조(목적)"),
        ("제1장", "총칙", "제1장 총칙"),
        ("가.", "(주)한빛", "가. (주)한빛"),
        ("①", "(단서)", "① (단서)"),
        ("", "글", "글"),
        ("1.", "", ""),
    ],
)
def test_a_number_stands_before_its_text(number, text, expected):
    assert numbered(number, text) == expected
