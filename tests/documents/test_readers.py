from __future__ import annotations

import unicodedata

import pytest

from rag_pipeline.documents import read_document
from rag_pipeline.errors import DocumentError

SHIP = """# 벌크선 _ 파나막스 (Bulk Carrier)

머리말.

## 제원 (Key figures)

| 항목 | 값 |
|---|---|
| 흘수 | 12.04 m |

### 화물

석탄

## 역사

```python
# not a heading
def f():
    return 1
```
"""


def sections(text: str, name: str = "a.md"):
    return [(s.headings, s.text) for s in read_document(name, text.encode()).sections]


def test_markdown_becomes_sections_with_their_headings():
    document = read_document("ship.md", SHIP.encode())
    assert document.title == "벌크선 _ 파나막스 (Bulk Carrier)"
    assert [section.headings for section in document.sections] == [
        (),
        ("제원 (Key figures)",),
        ("제원 (Key figures)", "화물"),
        ("역사",),
    ]
    assert document.sections[1].text == "| 항목 | 값 |\n|---|---|\n| 흘수 | 12.04 m |"


def test_code_keeps_its_indentation_and_its_hashes():
    assert sections(SHIP)[-1][1] == "```python\n# not a heading\ndef f():\n    return 1\n```"


def test_a_setext_heading_is_a_heading():
    assert sections("Title\n=====\n\nbody\n\nPart\n----\n\nmore") == [((), "body"), (("Part",), "more")]


def test_markup_in_a_heading_is_left_out():
    assert sections("# A **b** `c` [d](http://e)\n\nx\n\n## *F*\n\ny")[1][0] == ("F",)
    assert read_document("x.md", b"# A **b** `c` [d](http://e)\n\nx").title == "A b c d"


def test_a_heading_inside_a_quotation_or_list_does_not_cut():
    assert sections("# T\n\n> # quoted\n> text\n\n- # listed\n") == [((), "> # quoted\n> text\n\n- # listed")]


def test_a_second_title_is_a_section_and_an_equal_one_too():
    assert [headings for headings, _ in sections("# A\n\nx\n\n# B\n\ny\n\n## C\n\nz\n\n# A\n\nw")] == [
        (),
        ("B",),
        ("B", "C"),
        ("A",),
    ]


def test_without_a_heading_the_file_name_is_the_title():
    assert read_document("항해 기록.md", "본문".encode()).title == "항해 기록"
    assert read_document("log.txt", b"# not a heading here\n").sections[0].text == "# not a heading here"


def test_headings_alone_are_text():
    assert sections("# A\n\n## B\n\n## C\n") == [((), "A\nB\nC")]


def test_text_and_name_come_out_composed():
    decomposed = unicodedata.normalize("NFD", "한글 문서")
    document = read_document(f"{decomposed}.txt", decomposed.encode())
    assert document.title == document.sections[0].text == "한글 문서"


def test_windows_and_old_mac_line_ends_are_line_ends():
    assert sections("# T\r\n\r\na\r\nb\r\r## S\r\rc") == [((), "a\nb"), (("S",), "c")]


@pytest.mark.parametrize("content", [b"", b" \n\t\n", "\ufeff".encode()])
def test_a_file_without_text_is_refused(content):
    with pytest.raises(DocumentError, match="holds no text|is empty"):
        read_document("a.md", content)
