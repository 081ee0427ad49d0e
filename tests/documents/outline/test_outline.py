from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.outline import outlined
from rag_pipeline.documents.readers import read_document
from rag_pipeline.documents.readers.base import ReadingOptions


def parts(text, name="a.txt", **options):
    """Headings and the first line of the text of each section."""
    document = read_document(name, text.encode(), ReadingOptions(**options))
    return [(section.headings, section.text.split("\n")[0].strip()) for section in document.sections]


STATUTE = """선박법

제1장 총칙

제1조(목적) 이 법은 배의 안전을 위한 것이다.
제2조(정의) 이 법에서 쓰는 말은 다음과 같다.
1. "배"란 물에 뜨는 것을 말한다.
2. "흘수"란 잠긴 깊이를 말한다.
제4조(벌칙)에 따라 정한 것은 뺀다.
제2조의2(적용) ① 모든 배에 쓴다.
② 군함은 뺀다.

제2장 검사

제3조 삭제 <2010. 1. 1.>
제4조(벌칙) 검사를 받지 않으면 벌한다.

부칙 <제1호>

이 법은 공포한 날부터 시행한다.

[별표 1] 수수료(제4조 관련)

검사 1,000원
"""


def test_articles_of_a_statute_are_sections_with_their_numbers():
    assert parts(STATUTE) == [
        ((), "선박법"),
        (("제1장 총칙", "제1조(목적)"), "이 법은 배의 안전을 위한 것이다."),
        (("제1장 총칙", "제2조(정의)"), "이 법에서 쓰는 말은 다음과 같다."),
        (("제1장 총칙", "제2조의2(적용)"), "① 모든 배에 쓴다."),
        (("제2장 검사",), "제3조 삭제 <2010. 1. 1.>"),
        (("제2장 검사", "제4조(벌칙)"), "검사를 받지 않으면 벌한다."),
        (("부칙 <제1호>",), "이 법은 공포한 날부터 시행한다."),
        (("[별표 1] 수수료(제4조 관련)",), "검사 1,000원"),
    ]


def test_a_reference_to_an_article_at_the_beginning_of_a_line_is_text():
    assert not any("제4조(벌칙)" in headings and "정한" in text for headings, text in parts(STATUTE))


def test_articles_of_a_contract_may_stand_on_lines_of_their_own():
    text = "제 1 조 (목적)\n이 계약은 배를 판다.\n\n제 2 조 [대금]\n1. 백억 원이다.\n2. 세 번에 낸다.\n"
    assert parts(text) == [(("제 1 조 (목적)",), "이 계약은 배를 판다."), (("제 2 조 [대금]",), "1. 백억 원이다.")]


@pytest.mark.parametrize("line", ["**{}:**", "**{}**:", "**{}**", "__{}__", "***{}***"])
def test_lines_wholly_in_bold_are_headings(line):
    text = f"{line.format('정의')}\n파나마 운하를 지나는 배이다.\n\n{line.format('주요 특징')}\n- 최대 흘수 12.04 m\n"
    assert parts(text, "a.md") == [
        (("정의",), "파나마 운하를 지나는 배이다."),
        (("주요 특징",), "- 최대 흘수 12.04 m"),
    ]


def test_a_bold_line_at_the_top_stands_above_the_others():
    text = "**파나막스**\n\n**정의**\n\n파나마 운하를 지나는 배이다.\n\n**역사**\n\n운하는 1914년에 열렸다.\n"
    assert [headings for headings, _ in parts(text, "a.md")] == [("파나막스", "정의"), ("파나막스", "역사")]


@pytest.mark.parametrize(
    "text",
    [
        "# 글\n\n**중요**\n\n하나뿐인 굵은 줄은 강조이지 제목이 아니다.\n",
        "# 글\n\n**조심하십시오.**\n\n뜨거운 물이 나올 수 있다.\n\n**문을 닫는다.**\n\n찬 바람이 들어올 수 있다.\n",
        "# 글\n\n**길이**: 294 m이고 다른 것은 없다.\n\n**폭**: 32 m이고 다른 것은 없다.\n",
    ],
)
def test_emphasis_is_no_heading(text):
    assert [headings for headings, _ in parts(text, "a.md")] == [()]


@pytest.mark.parametrize(
    "text",
    [
        "살 것\n1. 사과\n2. 배\n3. 감\n\n그리고 빵도 산다고 한다.\n",
        "살 것\n\n1. 사과\n2. 배\n\n그리고 빵도 산다고 한다. 다음에는 물도 산다.\n",
        "가. 사과\n나. 배\n다. 감\n",
        "① 사과\n② 배\n③ 감\n",
        "1. 물을 끓인다.\n소금을 넣고 기다린다고 한다.\n2. 면을 넣는다.\n잘 저어 주면서 기다린다고 한다.\n",
        "1. Fill the tank with\nwater and close the lid.\n2. Start the engine and wait\nuntil it is warm.\n3. Go.\n",
        "2016. 6. 26. 열림\n2016. 7. 1. 닫힘\n\n12.04 m 흘수\n\n1.5 배 빠르다\n1.6 배 느리다\n",
        "신청서\n□ 동의함\n□ 동의하지 않음\n\n이름: 홍길동\n",
        "7. 여섯이 없는 일곱\n\n이 줄은 번호가 하나뿐이라 제목이 아니다.\n",
    ],
)
def test_a_list_stays_a_list(text):
    assert [headings for headings, _ in parts(text)] == [()]


def test_items_of_markdown_with_text_below_them_stay_a_list():
    text = "# 조리\n\n1. 물 끓이기\n   소금을 넣고 기다린다고 한다.\n2. 면 넣기\n   잘 저어 주면서 기다린다.\n"
    assert [headings for headings, _ in parts(text, "a.md")] == [()]


def test_a_list_within_a_list_stays_one():
    text = "1. 갑판\n가. 돛대\n나. 돛\n2. 선창\n가. 화물\n나. 평형수\n3. 기관\n가. 주기관\n나. 발전기\n"
    assert [headings for headings, _ in parts(text)] == [()]


@pytest.mark.slow
@pytest.mark.parametrize("line", ["1) 가", "제1조(가)", "가. 나", "**가**", "1.1 가나", "□ 가", "Ⅰ. 가", "(((((((("])
def test_the_time_is_in_proportion_however_many_lines_look_alike(line):
    """If each line looked at all those after it, they would take an hour."""
    document = Document("글", (Section((), f"{line}\n" * 50_000),))
    assert outlined(document).sections


def test_levels_nest_as_they_first_appear():
    text = (
        "Ⅰ. 개요\n\n1. 목적\n이 문서는 배를 다루는 문서이다.\n가. 범위\n모든 배를 다루지만 군함은 뺀다.\n"
        "나. 기간\n2026년 한 해 열두 달 동안이다.\n2. 근거\n선박안전법 제4조에 따른 것이다.\n\n"
        "Ⅱ. 결과\n\n1. 검사\n모두 합격하였다고 알려져 있다.\n2. 평가\n대체로 좋은 편이라고 알려져 있다.\n"
    )
    assert [headings for headings, _ in parts(text)] == [
        ("Ⅰ. 개요", "1. 목적"),
        ("Ⅰ. 개요", "1. 목적", "가. 범위"),
        ("Ⅰ. 개요", "1. 목적", "나. 기간"),
        ("Ⅰ. 개요", "2. 근거"),
        ("Ⅱ. 결과", "1. 검사"),
        ("Ⅱ. 결과", "2. 평가"),
    ]


@pytest.mark.parametrize(
    "signs", [("1)", "2)"), ("가)", "나)"), ("(1)", "(2)"), ("(가)", "(나)"), ("①", "②"), ("I.", "II.")]
)
def test_every_way_of_counting_may_be_an_outline(signs):
    first, second = signs
    text = f"{first} 목적\n이 문서는 배를 다루는 문서이다.\n{second} 범위\n모든 배를 다루지만 군함은 뺀다.\n"
    assert [headings for headings, _ in parts(text)] == [(f"{first} 목적",), (f"{second} 범위",)]


def test_squares_of_official_documents_are_headings_and_circles_below_them_items():
    text = "□ 추진 배경\n ○ 배가 커져 수심이 모자라게 되었음\n ○ 준설이 필요함\n□ 추진 계획\n ○ 16 m로 준설함\n"
    assert [headings for headings, _ in parts(text)] == [("추진 배경",), ("추진 계획",)]


def test_numbered_headings_in_english():
    text = (
        "1 Introduction\nShips are large and float on water.\n\n1.1 Scope\nContainer ships of every class.\n\n"
        "1.2 Terms\nDraft is how deep a ship lies.\n\n2 Method\nWe measured everything twice.\n\n"
        "2.1 Scope\nOnly ships which were in port.\n\nAppendix A\nPlans of the ship.\n"
    )
    assert [headings for headings, _ in parts(text)] == [
        ("1 Introduction",),
        ("1 Introduction", "1.1 Scope"),
        ("1 Introduction", "1.2 Terms"),
        ("2 Method",),
        ("2 Method", "2.1 Scope"),
        ("Appendix A",),
    ]


def test_a_table_of_contents_has_no_sections():
    text = "차례\n제1장 총칙 ..... 1\n제2장 검사 ..... 5\n\n제1장 총칙\n\n첫째 장이다.\n\n제2장 검사\n\n둘째 장이다.\n"
    assert [headings for headings, _ in parts(text)] == [(), ("제1장 총칙",), ("제2장 검사",)]


def test_code_tables_and_quotations_hold_no_headings():
    body = "제1조(목적) 이 법은 배를 위한 것이다.\n제2조(정의) 배란 물에 뜨는 것이다.\n"
    fenced = f"# 글\n\n```\n{body}```\n"
    quoted = "# 글\n\n" + "".join(f"> {line}\n" for line in body.splitlines())
    assert parts(fenced, "a.md") == [((), "```")]
    assert [headings for headings, _ in parts(quoted, "a.md")] == [()]


def test_headings_of_the_document_stay_above_and_begin_anew():
    text = (
        "# 법\n\n## 첫째 편\n\n제1조(목적) 이 법은 배를 위한 것이다.\n\n제2조(정의) 배란 뜨는 것이다.\n\n"
        "## 둘째 편\n\n머리말이다.\n\n제3조(검사) 배를 검사한다.\n"
    )
    assert parts(text, "a.md") == [
        (("첫째 편", "제1조(목적)"), "이 법은 배를 위한 것이다."),
        (("첫째 편", "제2조(정의)"), "배란 뜨는 것이다."),
        (("둘째 편",), "머리말이다."),
        (("둘째 편", "제3조(검사)"), "배를 검사한다."),
    ]


def test_an_article_goes_on_over_a_page():
    pages = ("제1조(목적) 이 법은 배를 위한 것이다.\n제2조(정의) 배란", "물에 뜨는 것이다.\n제3조(검사) 배를 검사한다.")
    document = Document("법", tuple(Section((), text, {"page": number}) for number, text in enumerate(pages, 1)))
    assert [(section.headings, section.text, dict(section.place)) for section in outlined(document).sections] == [
        (("제1조(목적)",), "이 법은 배를 위한 것이다.", {"page": 1}),
        (("제2조(정의)",), "배란", {"page": 1}),
        (("제2조(정의)",), "물에 뜨는 것이다.", {"page": 2}),
        (("제3조(검사)",), "배를 검사한다.", {"page": 2}),
    ]


def test_rows_and_slides_are_left_as_they_are():
    text = "1. 목적\n이 문서는 배를 다루는 문서이다.\n2. 범위\n모든 배를 다루지만 군함은 뺀다."
    for place in ({"slide": 1}, {"rows": "1-4"}, {"sheet": "가"}):
        document = Document("표", (Section((), text, place),))
        assert outlined(document) is document


def test_it_can_be_turned_off():
    assert [headings for headings, _ in parts(STATUTE, outline=False)] == [()]


_LINES = st.sampled_from(
    [
        *STATUTE.split("\n"),
        *("**정의**", "**주요 특징:**", "1. 목적", "2. 범위", "1.1 대상", "가. 배", "나. 항만", "□ 배경", "○ 계획"),
        *(
            "본문이 이어지는 줄이다.",
            "| 가 | 나 |",
            "> 인용",
            "```",
            "    들여 쓴 줄",
            "- 항목",
            "",
            "Chapter 1",
            "Chapter 2",
        ),
    ]
)


@given(st.lists(st.lists(_LINES, max_size=30), max_size=4), st.booleans())
def test_no_line_is_lost(sections, indented_is_list):
    document = Document("글", tuple(Section((), "\n".join(lines)) for lines in sections))
    found = outlined(document, indented_is_list=indented_is_list)
    kept = "\n".join("\n".join([*section.headings, section.text]) for section in found.sections)
    for line in (line.strip() for lines in sections for line in lines):
        words = line.strip("*:_ ").removeprefix("□ ").removeprefix("○ ")
        for word in words.split():
            assert word in kept


@pytest.mark.parametrize(
    "line", ["제{}조(목적) 이 법은", "제{}장 총칙", "제1조의{}(정의) 뜻", "Section {} Scope", "{}. 제목", "{}) 제목"]
)
def test_a_number_of_thousands_of_digits_counts_no_part_and_is_kept(line):
    written = line.format("9" * 5000)
    text = "\n".join(section.text for section in read_document("a.txt", f"{written}\n\n글".encode()).sections)
    assert "9" * 5000 in text
