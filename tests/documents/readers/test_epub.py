from __future__ import annotations

import pytest

from rag_pipeline.documents.readers import read_document
from rag_pipeline.errors import DocumentError
from tests import formats

CONTAINER = "<container><rootfiles><rootfile full-path='OPS/book.opf'/></rootfiles></container>"


def book(pages, *, spine=None, toc="", more=None, extra=""):
    """An EPUB of pages by name; the spine names all of them unless told otherwise."""
    items = "".join(f"<item id='{name}' href='{name}.xhtml' media-type='application/xhtml+xml'/>" for name in pages)
    nav = (
        "<item id='nav' href='nav.xhtml' media-type='application/xhtml+xml' properties='scripted nav'/>" if toc else ""
    )
    order = "".join(f"<itemref idref='{name}'/>" for name in (pages if spine is None else spine))
    files = {
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": "<package xmlns:dc='http://purl.org/dc/elements/1.1/'><metadata><dc:title>책</dc:title></metadata>"
        f"<manifest>{items}{nav}{extra}</manifest><spine>{order}</spine></package>",
        **{
            f"OPS/{name}.xhtml": f"<html><head><title/></head><body>{body}</body></html>"
            for name, body in pages.items()
        },
        **(more or {}),
    }
    if toc:
        files["OPS/nav.xhtml"] = f"<html><body><h1>차례</h1><nav epub:type='toc'><ol>{toc}</ol></nav></body></html>"
    return formats.archive(files)


def sections(content):
    return [(section.headings, section.text) for section in read_document("a.epub", content).sections]


def test_every_page_is_read_once_those_of_the_spine_first():
    content = book({"주": "<p>주석 쪽</p>", "하나": "<p>첫째</p>", "둘": "<p>둘째</p>"}, spine=["하나", "둘", "하나"])
    assert sections(content) == [((), "첫째"), ((), "둘째"), ((), "주석 쪽")]


def test_pages_stand_below_the_parts_of_the_table_of_contents_which_is_not_text():
    toc = (
        "<li><span>1부</span><ol><li><a href='a.xhtml'>1장</a></li><li><a href='b.xhtml'>2장</a></li></ol></li>"
        "<li><a href='c.xhtml'>맺음말</a></li>"
    )
    content = book(
        {"a": "<h1>1장</h1><p>가</p>", "b": "<p>나</p>", "c": "<p>다</p>"}, spine=["nav", "a", "b", "c"], toc=toc
    )
    assert sections(content) == [(("1부", "1장"), "가"), (("1부", "2장"), "나"), (("맺음말",), "다")]


def test_one_page_without_headings_is_cut_where_the_table_of_contents_says():
    toc = "<li><a href='a.xhtml#x'>첫 절</a></li><li><a href='a.xhtml#y'>둘째 절</a></li>"
    content = book({"a": "<p id='x'>가</p><p id='y'>나</p>"}, toc=toc)
    assert sections(content) == [(("첫 절",), "가"), (("둘째 절",), "나")]


def test_the_table_of_contents_of_an_older_book_counts_too():
    ncx = (
        "<ncx><navMap><navPoint><navLabel><text>1부</text></navLabel><content src='p.xhtml'/><navPoint><navLabel>"
        "<text>1장</text></navLabel><content src='a.xhtml'/></navPoint></navPoint></navMap></ncx>"
    )
    extra = "<item id='ncx' href='toc.ncx' media-type='application/x-dtbncx+xml'/>"
    content = book({"p": "<h1>1부</h1>", "a": "<p>가</p>"}, more={"OPS/toc.ncx": ncx}, extra=extra)
    assert sections(content) == [((), "1부"), (("1부", "1장"), "가")]


def test_footnotes_are_read_and_their_marks_are_no_part_of_the_figure():
    body = (
        "<p>흘수는 12.04<a epub:type='noteref' href='#n'>1</a> m</p>"
        "<aside epub:type='footnote' id='n' hidden=''><p>갑문 기준"
        "</p></aside>"
    )
    assert sections(book({"a": body})) == [((), "흘수는 12.04^1 m\n\n갑문 기준")]


def test_a_missing_page_is_said():
    extra = "<item id='gone' href='gone.xhtml' media-type='application/xhtml+xml'/>"
    document = read_document("a.epub", book({"a": "<p>가</p>"}, spine=["a", "gone"], extra=extra))
    assert document.warnings == ("1 page is missing from the book",)


def test_a_book_that_only_a_shops_program_opens_is_refused():
    locked = "<encryption><EncryptedData><CipherReference URI='OPS/a.xhtml'/></EncryptedData></encryption>"
    with pytest.raises(DocumentError, match="locked by its publisher"):
        read_document("a.epub", book({"a": "x"}, more={"META-INF/encryption.xml": locked}))
