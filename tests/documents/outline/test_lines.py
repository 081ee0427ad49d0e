"""Lines of real-looking documents that are headings, and those that only look like some."""

from __future__ import annotations

import pytest

from rag_pipeline.documents.readers import read_document
from rag_pipeline.documents.readers.base import ReadingOptions


def headings(text, name="a.txt"):
    document = read_document(name, text.encode(), ReadingOptions())
    return list(dict.fromkeys(section.headings for section in document.sections if section.headings))


NOTICE = """참여자 모집 공고

□ 사업 개요
 ○ 사업명: 청년 창업 지원사업
 ○ 사업기간: 2024. 3. ~ 12.
 ○ 지원대상: 만 19세 ~ 39세 이하 청년
   - 공고일 현재 관내 거주자

□ 지원 내용
 ○ 사업화 자금 최대 2,000만원
 ○ 창업 교육 및 멘토링
   ※ 세부 내용은 붙임 참조

□ 신청 방법
 ○ 접수기간: 2024. 2. 1.(목) ~ 2. 29.(목) 18:00까지
 ○ 접수방법: 이메일 접수
 ○ 제출서류
   - 신청서 1부

□ 문의처: 일자리경제과
"""


def test_names_with_their_values_are_items():
    assert headings(NOTICE) == [("사업 개요",), ("지원 내용",), ("신청 방법",)]


def test_parts_may_hold_nothing_but_items_of_other_marks():
    text = """추진계획

Ⅰ. 추진 배경
□ 기후 위기 심화
 ○ 평균기온 상승 1.5도
□ 정책 수요 증가
 ○ 탄소중립 이행 요구
Ⅱ. 추진 과제
□ 태양광 보급
 ○ 2024년까지 1GW
□ 전기차 보급
 ○ 2024년까지 10만대
"""
    assert headings(text) == [
        ("Ⅰ. 추진 배경", "기후 위기 심화"),
        ("Ⅰ. 추진 배경", "정책 수요 증가"),
        ("Ⅱ. 추진 과제", "태양광 보급"),
        ("Ⅱ. 추진 과제", "전기차 보급"),
    ]


def test_an_extract_of_a_statute_leaves_articles_out():
    text = (
        "제1조(목적) 이 법은 배를 위한 것이다.\n제7조(검사) ① 배를 검사한다.\n제7조의2(면제) 군함은 뺀다.\n"
        "제31조(벌칙) 검사를 받지 않으면 벌한다.\n"
    )
    assert headings(text) == [("제1조(목적)",), ("제7조(검사)",), ("제7조의2(면제)",), ("제31조(벌칙)",)]


def test_references_to_articles_and_annexes_are_text():
    text = """제1조(목적) 이 규정은 배의 수수료를 정한다.
[별표 1]에 따른 수수료를 낸다.
(첨부 파일을 확인해 주십시오)
[첨부파일을 확인하세요]
<별지 참조>
제2조(수수료) 다음 조에 따른다.
제9조(검사) 및 제10조(벌칙)에 따른 것은
뺀다.
제3조(시행) 오늘부터 시행한다.
[별표 1] 수수료(제2조 관련)
표
"""
    assert headings(text) == [("제1조(목적)",), ("제2조(수수료)",), ("제3조(시행)",), ("[별표 1] 수수료(제2조 관련)",)]


def test_articles_of_a_contract_in_capitals():
    text = "ARTICLE 1. TERMS\n1.1 A ship floats.\n\nArticle 2. Term\n2.1 It begins today.\n\nEXHIBIT A\nPlans\n"
    assert headings(text) == [("ARTICLE 1. TERMS",), ("Article 2. Term",), ("EXHIBIT A",)]


@pytest.mark.parametrize(
    "text",
    [
        "Section 1 of this law tells about ships.\nSection 2 of this law tells about ports.\n",
        "Part 1 was about ships\n\nPart 2 is about ports\n\nShips are large and float on water.\n",
        "회의록\n\n1. 일시: 2024. 3. 5.\n2. 장소: 회의실\n3. 안건\n가. 예산: 심의\n나. 사업: 승인\n4. 결정: 원안대로\n",
        "**Ann Lee, Bo Kim, Cy Park, Di Choi**\n\nText of some length.\n\n**, Ed Jung**\n\nText of some length.\n",
        "1. 성별은?\n□ 남\n□ 여\n2. 나이는?\n□ 20대\n□ 30대\n",
    ],
)
def test_sentences_and_items_are_no_headings(text):
    assert headings(text) == []


def test_a_list_that_is_indented_does_not_count_among_headings():
    text = """1.  Introduction

   This document describes the protocol:

   1.  The client sends a request.

   2.  The server sends a reply.

2.  Terminology

   The key words are to be interpreted as usual.

3.  Security

   None that are known to the author.
"""
    assert headings(text) == [("1. Introduction",), ("2. Terminology",), ("3. Security",)]


def test_numbered_steps_of_markdown_below_its_headings_are_a_list():
    text = "# t\n\n## Install\n\n1. Clone it\n```\ngit clone\n```\n2. Build it\n```\nmake\n```\n3. Run it\n"
    assert headings(text, "a.md") == [("Install",)]


def test_steps_that_are_sentences_are_none_among_numbered_headings():
    text = (
        "1. Starting\nStart the program from the menu.\n1. Navigate to the directory:\ncd /home/some/where/else\n"
        "2. Press the right button there.\nA menu appears on the screen.\n\n1. Editing\nOpen a file with the menu.\n"
        "2. Saving\nSave the file with the menu.\n3. Leaving\nLeave the program with the menu.\n"
        "4. Files\nAll files are in the folder.\n"
    )
    assert not any("Navigate" in " ".join(path) or "Press" in " ".join(path) for path in headings(text))
    assert ("2. Saving",) in headings(text)
