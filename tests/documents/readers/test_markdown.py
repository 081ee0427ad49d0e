from __future__ import annotations

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document


def read(text, **options):
    document = read_document("a.md", text.encode(), ReadingOptions(outline=False, **options))
    return document.title, [(section.headings, section.text) for section in document.sections]


def test_a_heading_without_a_blank_is_a_heading():
    assert read("#제목 하나\n\n##둘째\n\n본문") == ("제목 하나", [(("둘째",), "본문")])


@pytest.mark.parametrize("text", ["#태그 #또\n\n본문", "#하나\n\n#둘\n\n본문", "#1 번\n\n본문", "#!/bin/sh\n\n본문"])
def test_tags_and_numbers_are_no_headings(text):
    assert read(text) == ("a", [((), text)])


def test_a_tag_in_a_text_with_headings_is_no_heading():
    assert read("# 제목\n\n#태그\n\n본문") == ("제목", [((), "#태그\n\n본문")])


def test_a_heading_in_html_is_a_heading_and_what_stands_around_it_stays():
    page = "<div>\n<h1 align='center'>\n<img alt='로고' src='a'> 배 &amp; 항구\n</h1>\n<p>설명</p>\n</div>\n\n본문"
    assert read(page) == ("로고 배 & 항구", [((), "<div>"), ((), "<p>설명</p>\n</div>\n\n본문")])
    assert read("```\n<h1>x</h1>\n```")[0] == "a"


def test_comments_are_left_out_and_said_unless_they_are_asked_for():
    text = "앞\n\n<!-- 암호는\n1234 -->\n\n`<!-- 코드 -->` 뒤"
    assert read(text)[1] == [((), "앞\n\n\n\n`<!-- 코드 -->` 뒤")]
    assert read_document("a.md", text.encode()).warnings == ("1 comment left out (reading.comments)",)
    assert read(text, comments=True)[1] == [((), text)]


def test_a_line_of_a_formula_is_no_heading():
    text = "$$\nE = mc^2\n# not heading\n$$\n\n본문"
    assert read(f"# 수식\n\n{text}\n\n## 절\n\n끝") == ("수식", [((), text), (("절",), "끝")])


def test_a_heading_above_nothing_is_kept_as_a_line():
    assert read("# 문서\n\n## 빈 절\n\n## 또\n\n## 찬 절\n\n본문\n\n### 끝")[1] == [
        ((), "빈 절\n\n또"),
        (("찬 절",), "본문\n\n끝"),
    ]


def test_the_words_of_a_picture_in_a_heading_are_kept():
    assert read("# [문서](http://x.y) `code` ![그림](a.png)\n\n본문")[0] == "문서 code 그림"
