"""The numbers that Word writes before paragraphs are part of the text."""

from __future__ import annotations

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document
from rag_pipeline.documents.readers.office.numerals import slide_number, written_number
from tests.documents.making_office import level, numbered, paragraph, word


def lists(*levels, more="", key=1, abstract=0):
    inside = "".join(levels)
    return (
        f'<w:abstractNum w:abstractNumId="{abstract}">{inside}</w:abstractNum>'
        f'<w:num w:numId="{key}"><w:abstractNumId w:val="{abstract}"/>{more}</w:num>'
    )


def read(body, numbering, styles=""):
    parts = {"numbering": numbering, "styles": styles}
    return read_document("문서.docx", word(body, parts), ReadingOptions()).sections


def lines(body, numbering, styles=""):
    (section,) = read(body, numbering, styles)
    return [line for line in section.text.split("\n") if line]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("decimal", {1: "1", 12: "12"}),
        ("decimalZero", {1: "01", 12: "12"}),
        ("upperRoman", {4: "IV", 1999: "MCMXCIX"}),
        ("lowerRoman", {9: "ix"}),
        ("upperLetter", {1: "A", 26: "Z", 27: "AA", 53: "AAA"}),
        ("lowerLetter", {2: "b", 28: "bb"}),
        ("ganada", {1: "가", 2: "나", 14: "하", 15: "가"}),
        ("chosung", {1: "ㄱ", 14: "ㅎ"}),
        ("decimalEnclosedCircle", {1: "①", 20: "⑳", 21: "21"}),
        ("decimalEnclosedParen", {3: "⑶"}),
        ("decimalEnclosedFullstop", {3: "⒊"}),
        ("decimalFullWidth", {10: "１０"}),
        ("koreanDigital", {1: "일", 10: "일영", 23: "이삼"}),
        (
            "koreanCounting",
            {1: "일", 10: "십", 12: "십이", 20: "이십", 105: "백오", 1234: "천이백삼십사", 10001: "만일"},
        ),
        ("koreanLegal", {1: "하나", 11: "열하나", 20: "스물", 100: "100"}),
        ("koreanDigital2", {3: "三"}),
        ("chineseCounting", {11: "十一", 20: "二十", 111: "一百十一"}),
        ("ideographTraditional", {1: "甲", 10: "癸", 11: "甲"}),
        ("ordinal", {1: "1st", 2: "2nd", 3: "3rd", 11: "11th", 112: "112th"}),
        ("numberInDash", {3: "- 3 -"}),
        ("nobody knows", {7: "7"}),
        ("upperRoman", {0: "0", 100_000_000: "100000000"}),
    ],
)
def test_a_number_is_written_in_its_format(form, expected):
    assert {number: written_number(number, form) for number in expected} == expected


def test_numbers_of_slides_have_their_brackets():
    schemes = (
        "arabicPeriod",
        "arabicParenR",
        "arabicParenBoth",
        "alphaUcPeriod",
        "romanLcParenR",
        "circleNumWdBlackPlain",
    )
    assert [slide_number(2, scheme) for scheme in schemes] == ["2.", "2)", "(2)", "B.", "ii)", "②"]


def test_articles_and_their_parts_are_numbered_as_word_shows_them():
    numbering = lists(
        level(0, "decimal", "제%1조", '<w:suff w:val="space"/>'),
        level(1, "decimalEnclosedCircle", "%2"),
        level(2, "ganada", "%3.", '<w:suff w:val="nothing"/>'),
    )
    body = "".join(
        [numbered("(목적)"), numbered("(정의)"), numbered("첫째", 1), numbered("둘째", 1), numbered("하나", 2),
         numbered("둘", 2), numbered("셋째", 1), numbered("다시", 2), numbered("(부칙)"), numbered("처음", 1)]
    )  # fmt: skip
    assert lines(body, numbering) == [
        "제1조 (목적)", "제2조 (정의)", "① 첫째", "② 둘째", "가.하나", "나.둘", "③ 셋째", "가.다시",
        "제3조 (부칙)", "① 처음",
    ]  # fmt: skip


def test_numbers_of_several_levels_name_those_above_them():
    numbering = lists(
        level(0, "upperRoman", "%1."), level(1, "decimal", "%1.%2"), level(2, "decimal", "%1.%2.%3", "<w:isLgl/>")
    )
    body = numbered("가") + numbered("나", 1) + numbered("다", 2) + numbered("라", 2) + numbered("마", 1)
    assert lines(body, numbering) == ["I. 가", "I.1 나", "1.1.1 다", "1.1.2 라", "I.2 마"]


def test_a_list_goes_on_after_other_text_and_another_may_begin_anew():
    start = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride>'
    numbering = (
        lists(level(0, "decimal", "%1."))
        + f'<w:num w:numId="2"><w:abstractNumId w:val="0"/>{start}</w:num>'
        + f'<w:num w:numId="3"><w:abstractNumId w:val="0"/>'
        f'<w:lvlOverride w:ilvl="0">{level(0, "upperLetter", "(%1)", start=3)}</w:lvlOverride></w:num>'
    )
    body = numbered("가") + paragraph("글") + numbered("나") + numbered("다", key=2) + numbered("라", key=2)
    assert lines(body, numbering) == ["1. 가", "글", "2. 나", "5. 다", "6. 라"]
    assert lines(numbered("가", key=3) + numbered("나", key=3), numbering) == ["(C) 가", "(D) 나"]


def test_a_level_may_never_begin_anew():
    numbering = lists(level(0, "decimal", "제%1장"), level(1, "decimal", "제%2조", '<w:lvlRestart w:val="0"/>'))
    body = numbered("총칙") + numbered("목적", 1) + numbered("정의", 1) + numbered("계약") + numbered("체결", 1)
    assert lines(body, numbering) == ["제1장 총칙", "제1조 목적", "제2조 정의", "제2장 계약", "제3조 체결"]


def test_empty_paragraphs_count_and_bullets_do_not_show_a_number():
    numbering = lists(level(0, "decimal", "%1."), level(1, "bullet", "\uf0b7"))
    assert lines(numbered("가") + numbered("") + numbered("다"), numbering) == ["1. 가", "3. 다"]
    (section,) = read(numbered("가") + numbered("점", 1) + numbered("둘째 점", 1), numbering)
    assert section.text == "1. 가\n  - 점\n  - 둘째 점"


def test_a_style_may_be_numbered_and_a_heading_has_its_number():
    numbering = lists(
        level(0, "decimal", "제%1장", '<w:pStyle w:val="h1"/>'), level(1, "decimal", "제%2조", '<w:pStyle w:val="h2"/>')
    )
    listed = '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>'
    styles = (
        f'<w:style w:type="paragraph" w:styleId="h1"><w:name w:val="heading 1"/>{listed}</w:style>'
        f'<w:style w:type="paragraph" w:styleId="h2"><w:name w:val="heading 2"/>{listed}</w:style>'
    )
    off = '<w:pStyle w:val="h1"/><w:numPr><w:numId w:val="0"/></w:numPr>'
    body = (
        paragraph("총칙", '<w:pStyle w:val="h1"/>') + paragraph("목적", '<w:pStyle w:val="h2"/>') + paragraph("글")
        + paragraph("부록", off) + paragraph("표")
    )  # fmt: skip
    assert [(section.headings, section.text) for section in read(body, numbering, styles)] == [
        (("제1장 총칙", "제1조 목적"), "글"),
        (("부록",), "표"),
    ]


def test_a_list_may_be_that_of_a_style_for_lists():
    numbering = (
        '<w:abstractNum w:abstractNumId="1"><w:numStyleLink w:val="법령"/></w:abstractNum>'
        + lists(level(0, "ganada", "%1."), key=7, abstract=0)
        + '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>'
    )
    styles = (
        '<w:style w:type="numbering" w:styleId="법령"><w:name w:val="법령"/>'
        '<w:pPr><w:numPr><w:numId w:val="7"/></w:numPr></w:pPr></w:style>'
    )
    assert lines(numbered("하나") + numbered("둘"), numbering, styles) == ["가. 하나", "나. 둘"]


def test_a_number_in_bold_heads_what_follows_unless_it_is_one_of_a_list():
    numbering = lists(level(0, "decimal", "%1."))
    bold = numbered("개요").replace("<w:rPr></w:rPr>", "<w:rPr><w:b/></w:rPr>")
    assert lines(bold + paragraph("글"), numbering) == ["**1. 개요**", "글"]
    assert lines(bold + bold, numbering) == ["1. 개요", "2. 개요"]
