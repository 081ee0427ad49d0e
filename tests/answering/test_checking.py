from __future__ import annotations

import pytest

from rag_pipeline.answering.checking import check_answer, cited_numbers, sentences
from rag_pipeline.passages import Passage


def passage(body, source="a.md", section="제원", title="배"):
    return Passage(1, 0.5, "id", title, section, source, f"{title} > {section}\n\n{body}", {})


PASSAGES = [
    passage("- 최대 흘수: 12.04 m\n- 적재 능력: 약 65,000~75,000 t", "bulk.md"),
    passage("The locks opened in 1914.\nThey carry 5,000 TEU at 2만 4천 a year.", "container.md", "history"),
]


def problems(text, question="?"):
    return check_answer(text, question, PASSAGES)[1]


def test_citations_are_found_in_each_form():
    assert cited_numbers("a [1], b [2][3] and [4, 5] but not [x] or [1234]") == [1, 2, 3, 4, 5]


def test_a_citation_belongs_to_the_sentence_before_it():
    found = [sentence.strip() for sentence in sentences("흘수는 12.04 m이다. [1] 다음 문장.[2]\n줄 [3]")]
    assert found == ["흘수는 12.04 m이다. [1]", "다음 문장.[2]", "줄 [3]"]


def test_citations_name_source_section_and_the_line_they_rest_on():
    citations, found = check_answer("적재 능력은 65,000 t입니다 [1]. It opened in 1914 [2].", "?", PASSAGES)
    assert found == []
    assert [citation.as_dict() for citation in citations] == [
        {"number": 1, "source": "bulk.md", "section": "제원", "quote": "- 적재 능력: 약 65,000~75,000 t"},
        {"number": 2, "source": "container.md", "section": "history", "quote": "The locks opened in 1914."},
    ]


def test_a_citation_of_a_passage_that_was_not_given_is_marked():
    citations, found = check_answer("흘수는 12.04 m이다 [1][3].", "?", PASSAGES)
    assert [citation.number for citation in citations] == [1]
    assert found == ["[3] cites a passage that was not given (there are 2)"]
    assert problems("[0]") == ["[0] cites a passage that was not given (there are 2)"]


@pytest.mark.parametrize(
    "text",
    [
        "흘수는 12.04m이다 [1].",
        "흘수는 12.04 m 입니다.[1]",
        "65000 t 또는 7만 5천 t [1].",
        "6만 5,000 t [1]",
        "24,000 a year [2]",
        "2.4만 a year, 5000 TEU [2]",
        "1914년에 열렸다 [2].",
        "1. 흘수 12.04 m [1]\n2. 개통 1914 [2]",
        "3가지 선형이 있고 흘수는 12.04 m이다 [1].",
        "흘수는 12.04 m이고 1914년에 열렸다 [1][2].",
        "흘수는 １２．０４ m이다 [1].",
        "문서에는 답이 없습니다.",
    ],
)
def test_figures_that_stand_in_the_cited_passage_are_fine(text):
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("흘수는 12.40 m이다 [1].", "12.40"),
        ("흘수는 12 m이다 [1].", "12"),
        ("적재 능력은 6만 6천 t이다 [1].", "6만 6천"),
        ("It carries 50,000 TEU [2].", "50,000"),
        ("1914년에 열렸다 [1].", "1914"),
        ("흘수는 15.2 m이다. 그리고 12.04 m이다 [1].", "15.2"),
    ],
)
def test_a_figure_that_stands_in_no_cited_passage_is_marked(text, figure):
    assert problems(text) == [f"the figure {figure} stands in no passage that is cited for it"]


def test_a_figure_of_the_question_may_be_repeated_where_nothing_is_cited():
    assert problems("99 m인 배는 문서에 없습니다.", "흘수 99 m인 배는?") == []
    assert problems("네, 99 m입니다 [1].", "흘수 99 m인 배는?") != []
