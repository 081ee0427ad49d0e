"""Every letter that PDFium finds on a page is in the document once, less what is left out on purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import product

import pytest

from rag_pipeline.documents.document import Section
from rag_pipeline.documents.readers import ReadingOptions, read_document
from tests import formats
from tests.documents.making_pdf import Page, write
from tests.documents.readers.test_pdf import BOOK, ENGLISH, KOREAN, LEFT, MARKS, RIGHT, ROWS, XS, YS, laid


def letters(texts: Iterable[str]) -> Counter[str]:
    return Counter(letter for text in texts for letter in text if letter.isalnum())


def shown(content: bytes) -> Counter[str]:
    """What PDFium itself finds within the pages."""
    import pypdfium2

    found = Counter[str]()
    for page in pypdfium2.PdfDocument(content):
        found += letters([page.get_textpage().get_text_bounded()])
    return found


def written(sections: Iterable[Section]) -> Counter[str]:
    """What is in the texts, and in headings where they begin."""
    found, before = Counter[str](), ()
    for section in sections:
        new = next((place for place, (a, b) in enumerate(zip(section.headings, before, strict=False)) if a != b), None)
        begin = min(len(section.headings), len(before)) if new is None else new
        found += letters([section.text, *section.headings[begin:]])
        before = section.headings
    return found


def everything() -> Page:
    page = Page().text(70, 810, "머리말 하나").lines(70, 790, ENGLISH).grid(XS, YS, ROWS)
    for number in range(3):
        page.text(60, 640 - 16 * number, LEFT[number]).text(320, 640 - 16 * number, RIGHT[number])
    page.lines(70, 560, laid(KOREAN, 250, whole_words=False, spaces_at_ends=False)).text(360, 735, "표 옆")
    page.grid([70, 160, 250], [400, 375, 350], [["a", ""], ["", "b"]]).text(150, 380, "across the rule")
    page.lines(70, 330, ["1. first", "2. second con-", "tinued", "• third"]).text(40, 300, "upwards text", angle=90)
    page.box(60, 200, 200, 60).text(70, 240, "in a box", form=True).text(300, 240, "굵은 글", bold=True)
    return page.text(70, 100, "שלום"[::-1]).text(200, 100, "x²·y₃ ½ 가😀").text(280, 30, "- 7 -")


@pytest.mark.slow
@pytest.mark.parametrize(("rotate", "crop"), [*product([0, 90, 180, 270], [None, (50, 90, 500, 750)])])
def test_no_letter_is_lost_or_doubled_on_a_page_that_has_everything(rotate, crop):
    page = everything()
    page.rotate, page.crop = rotate, crop
    content = write(page)
    assert written(read_document("a.pdf", content).sections) == shown(content)


@pytest.mark.parametrize(
    "content",
    [
        write(*BOOK, bookmarks=MARKS),
        write(everything(), everything()),
        formats.pdf("최대 흘수 12.04 m인 컨테이너선은 파나막스이다."),
        formats.ruled_pdf([["이름", "흘수", "비고"], ["가람", "9.1", "첫째\n둘째"], ["나루", "", "셋째"]]),
    ],
)
def test_no_letter_of_a_document_is_lost_or_doubled(content):
    document = read_document("a.pdf", content, ReadingOptions(page_headers=True, outline=False))
    # A heading may have the number of its line, or be in no line at all.
    lost, more = shown(content) - written(document.sections), written(document.sections) - shown(content)
    assert not lost
    assert not more - letters(["부록 총칙"])
