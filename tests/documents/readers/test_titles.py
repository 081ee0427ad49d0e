"""Titles that a person wrote, and those that a program did."""

from __future__ import annotations

import pytest

from rag_pipeline.documents.readers.titles import useful_title


@pytest.mark.parametrize(
    "title",
    [
        "(anonymous)",
        "untitled",
        "Untitled document",
        "Untitled-1",
        "Document1",
        "PowerPoint Presentation",
        "PowerPoint 프레젠테이션",
        "제목 없음",
        "프레젠테이션1",
        "(unspecified)",
        "2024_리그규정.pdf",
        "safety report final (2).docx",
        "C:\\Users\\me\\Desktop\\safety report of the year at sea.hwp",
        "Microsoft Word - 보고서.docx",
        "How we write the yearly report of all ships.docx",
        "새 Microsoft Word 문서",
        "통합 문서1",
        "빈 문서 1",
        "無題",
        "제목을 입력하십시오",
        "Click to add title",
        " - ",
        "",
    ],
)
def test_what_a_program_wrote_is_no_title(title):
    assert useful_title(title) == ""


@pytest.mark.parametrize(
    ("title", "useful"),
    [
        ("선박 안전  점검\n보고서", "선박 안전 점검 보고서"),
        ("Microsoft Word - 안전 점검 보고서", "안전 점검 보고서"),
        ("Document control at sea", "Document control at sea"),
        ("How a search engine reads your robots.txt", "How a search engine reads your robots.txt"),
        ("Node.js", "Node.js"),
        ("2024", "2024"),
        ("Page 1", "Page 1"),
        ("Untitled Goose Game", "Untitled Goose Game"),
    ],
)
def test_what_a_person_wrote_is_kept_in_one_line(title, useful):
    assert useful_title(title) == useful
