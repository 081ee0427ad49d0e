from __future__ import annotations

from rag_pipeline.documents.conservation import FileCheck, compare
from rag_pipeline.documents.document import Document, Section


def document(*texts, title="", headings=()):
    return Document(title, tuple(Section(tuple(headings), text) for text in texts))


def test_white_space_punctuation_and_compatibility_forms_do_not_count():
    check = compare(["최대  흘수: 12.04㎡", "ＡＢＣ"], document("최대 흘수 — 12.04 m2 abc"))
    assert check == FileCheck(13, 1.0)


def test_order_does_not_count():
    assert compare(["첫째 문단이다", "둘째 문단이다"], document("둘째 문단이다\n\n첫째 문단이다")).kept == 1.0


def test_a_string_that_is_not_there_is_shown_and_counts_by_its_letters():
    check = compare(["배는 뜬다", "닻은 가라앉는다"], document("배는 뜬다"))
    assert check.letters == 11
    assert check.kept == 4 / 11
    assert check.missing == ("닻은 가라앉는다",)


def test_a_string_that_stands_twice_in_the_file_must_stand_twice():
    assert compare(["같은 말이다", "같은 말이다"], document("같은 말이다")).kept == 0.5


def test_title_and_headings_count_once_where_they_are_new():
    parts = (Section(("제원", "길이"), "가람은 길다"), Section(("제원", "폭"), "나루는 좁다"))
    file = ["항해 기록", "제원", "길이", "가람은 길다", "폭", "나루는 좁다"]
    assert compare(file, Document("항해 기록", parts)).kept == 1.0
    assert compare([*file, "제원이란"], Document("항해 기록", parts)).missing == ("제원이란",)


def test_parts_of_one_name_may_follow_each_other():
    parts = (Section(("개요",), "가"), Section(("개요",), "나"))
    assert compare(["개요", "가", "개요", "나"], Document("", parts)).kept == 1.0


def test_a_long_string_that_the_document_holds_twice_is_named():
    long = "이 문단은 스무 글자보다 길어서 두 번 나오면 우연이 아니다"
    assert compare([long], document(f"{long}\n{long}")).doubled == ("이문단은스무글자보다길어서두번나오면우연이아니다",)
    assert compare([long, long], document(f"{long}\n{long}")).doubled == ()


def test_merged_cells_of_a_table_may_be_repeated():
    long = "이 칸은 스무 글자보다 길고 두 줄에 걸쳐 있는 합친 칸이다"
    assert compare([long, "가", "나"], document(f"| {long} | 가 |\n| {long} | 나 |")).doubled == ()


def test_a_file_without_letters_keeps_all():
    assert compare(["—", " "], document("x")) == FileCheck(0, 1.0)


def test_plain_values_come_back():
    check = FileCheck(3, 0.5, ("가",), ("나",))
    assert FileCheck.from_dict(check.as_dict()) == check


def test_the_next_page_below_the_same_heading_is_not_the_heading_again():
    heading = "Container ships of the Panama canal"
    pages = [Section((heading,), f"Page {number}", {"page": number}) for number in (1, 2)]
    assert not compare([heading, "Page 1", "Page 2"], Document("t", tuple(pages))).doubled


def test_a_line_that_stands_across_two_lines_elsewhere_is_not_twice():
    lines = ["the draft of container ships is large", "we measured the draft", "of container ships is large"]
    joined = "the draft of container ships is large\n\nwe measured the draft of container ships is large"
    assert not compare(lines, Document("t", (Section((), joined),))).doubled
