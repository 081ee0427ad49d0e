"""HWP 5: every letter, under the right heading."""

from __future__ import annotations

import struct

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document
from rag_pipeline.errors import DocumentError
from tests.documents.making_hwp import (
    DISTRIBUTED,
    DRM,
    PACKED,
    PASSWORD,
    Control,
    automatic_number,
    box,
    bullet,
    cell,
    equation,
    hwp,
    inline,
    leaf,
    letter_shape,
    listing,
    locked,
    note,
    numbering,
    paragraph,
    paragraph_shape,
    record,
    section_properties,
    string,
    style,
    table,
)
from tests.formats import deflated

OUTLINED = numbering(("제^1장", 0), ("제^2조", 0), ("^3.", 8)) + b"".join(
    [paragraph_shape(), *(paragraph_shape("outline", level) for level in range(3))]
)


def read(*paragraphs, options=None, **how):
    return read_document("문서.hwp", hwp(*paragraphs, **how), ReadingOptions(**(options or {})))


def all_of(*paragraphs, **how):
    """The whole text, of a document of one section."""
    [found] = read(*paragraphs, **how).sections
    assert found.headings == ()
    return found.text


@pytest.mark.parametrize("flags", [0, PACKED])
def test_controls_in_the_text_leave_no_letters_of_their_own(flags):
    letters = paragraph(
        "항목", inline(9), "값", b"\n\0", "둘째", b"\x1e\0", "줄", b"\x1f\0", "재", b"\x18\0", "입찰", inline(8), "끝"
    )
    assert all_of(letters, flags=flags) == "항목\t값\n둘째 줄 재-입찰끝"


def test_letters_beyond_the_basic_plane_are_kept():
    assert all_of("배 🚢 와 𠮷") == "배 🚢 와 𠮷"


def test_a_document_for_distribution_is_read_from_its_locked_text():
    assert all_of("배포용 본문입니다.", flags=PACKED | DISTRIBUTED) == "배포용 본문입니다."


def test_a_lock_for_distribution_that_is_not_known_is_named():
    broken = locked(deflated(paragraph("글")(0)))
    for content in (broken[:4] + b"\x77" + broken[5:], b"\0" * 500):
        with pytest.raises(DocumentError, match="is locked for distribution in a way that is not read"):
            read("글", flags=PACKED | DISTRIBUTED, streams={"ViewText/Section0": content})


def test_notes_stand_behind_the_paragraph_that_names_them():
    number = automatic_number(1, 1)
    found = all_of(
        paragraph("최대 흘수", note("fn", paragraph(number, " 옛 갑문"), "둘째 줄"), "는 12.04 m"),
        paragraph("끝", note("en", "미주 글")),
    )
    assert found == "최대 흘수[^1]는 12.04 m\n\n[^1]: 옛 갑문\n둘째 줄\n\n끝[^e1]\n\n[^e1]: 미주 글"


def test_merged_cells_stand_under_their_own_columns():
    made = table(
        4, 3,
        cell(0, 0, "구분", down=2), cell(0, 1, "제원", across=2), cell(1, 1, "길이"), cell(1, 2, "폭"),
        cell(2, 0, "파나마", down=2), cell(2, 1, "294"), cell(2, 2, "32", "33"), cell(3, 1, "366"), cell(3, 2, "49"),
    )  # fmt: skip
    assert all_of(paragraph("앞", made, "뒤")).split("\n") == [
        "앞",
        "",
        "| 구분 | 제원 |  |",
        "| --- | --- | --- |",
        "| 구분 | 길이 | 폭 |",
        "| 파나마 | 294 | 32 33 |",
        "| 파나마 | 366 | 49 |",
        "",
        "뒤",
    ]


def test_a_row_that_begins_no_cell_is_counted():
    made = table(
        3, 2, cell(0, 0, "가", down=2), cell(0, 1, "나", down=2), cell(2, 0, "다"), cell(2, 1, "라")
    )  # fmt: skip
    assert all_of(paragraph(made)).split("\n")[2:] == ["| 가 | 나 |", "| 다 | 라 |"]


def test_a_table_in_a_table_becomes_lines_and_a_box_stays_paragraphs():
    inner = table(2, 2, cell(0, 0, "이름"), cell(0, 1, "흘수"), cell(1, 0, "가람"), cell(1, 1, "9.1"))
    outer = table(1, 2, cell(0, 0, "배"), cell(0, 1, paragraph(inner)))
    assert all_of(paragraph(outer)).split("\n")[0] == "| 배 | 이름 / 흘수; 가람 / 9.1 |"
    around = table(1, 1, cell(0, 0, "제1조", "제2조", paragraph(inner)))
    assert all_of(paragraph(around)) == "제1조\n\n제2조\n\n| 이름 | 흘수 |\n| --- | --- |\n| 가람 | 9.1 |"


@pytest.mark.parametrize("below", [False, True])
def test_captions_stand_on_their_side_of_the_table(below):
    made = table(1, 2, cell(0, 0, "가"), cell(0, 1, "나"), caption="표 1 제원", below=below)
    blocks = ["표 1 제원", "| 가 | 나 |\n| --- | --- |"]
    assert all_of(paragraph(made)).split("\n\n") == (blocks[::-1] if below else blocks)


def test_text_boxes_hang_on_their_paragraph_or_stand_in_the_line():
    assert all_of(paragraph("앞 글 ", box("글상자 하나", "둘"), "뒤 글")) == "앞 글 뒤 글\n\n글상자 하나\n\n둘"
    assert all_of(paragraph(box("1", in_line=True), "추진배경")) == "1 추진배경"
    group = Control(
        "gso ", 11, b"\0" * 42, (leaf(60, b"noc$", leaf(60, b"cer$", listing("묶음")), leaf(60, b"", listing("둘"))),)
    )
    assert all_of(paragraph("글", group)) == "글\n\n묶음\n\n둘"


def test_what_is_written_into_other_records_is_read():
    art = Control(
        "gso ", 11, b"\0" * 42, (leaf(60, b"tat$", leaf(74, b"\0" * 32 + string("글맵시\r\n둘째") + string("바탕"))),)
    )
    ruby = Control("tdut", 23, string("본말") + string("덧말") + b"\0" * 20)
    circled = Control("tcps", 23, string("12"))
    said = "Name:wstring:4:Chk1 Caption:wstring:5:동의합니다 Value:int:1"
    form = Control("form", 11, b"\0" * 42, (leaf(75, b"\0" * 12 + string(said)),))
    found = all_of(paragraph(equation("{a} over {b}"), ruby, circled, form, automatic_number(3, 2, 2), art))
    assert found == "{a} over {b} 본말(덧말)12 동의합니다 II\n\n글맵시\n둘째"


def test_the_text_of_fields_is_read_and_not_their_commands():
    link = Control("%hlk", 3, b"\0" * 5 + string("www.example.com;1;0;0;") + b"\0" * 4)
    assert all_of(paragraph("공고는 ", link, "누리집", inline(4), "에 있다")) == "공고는 누리집에 있다"


def test_levels_of_the_outline_are_headings_with_their_numbers():
    document = read(
        paragraph(section_properties(1), "총칙", shape=1),
        paragraph("(목적)", shape=2),
        "정한다.",
        paragraph("(정의)", shape=2),
        paragraph("말의 뜻", shape=3),
        "같다.",
        paragraph("(시행)", shape=2),
        info=OUTLINED,
    )
    assert [(found.headings, found.text) for found in document.sections] == [
        (("제1장 총칙", "제1조(목적)"), "정한다."),
        (("제1장 총칙", "제2조(정의)", "가. 말의 뜻"), "같다."),
        (("제1장 총칙",), "제3조(시행)"),
    ]


def test_styles_of_headings_make_headings():
    [found] = read(paragraph("제원", style=1), "흘수", info=style("바탕글") + style("개요 1")).sections
    assert (found.headings, found.text) == (("제원",), "흘수")


def test_lists_have_their_numbers_and_bullets():
    info = b"".join(
        [
            numbering(("^1.", 0), ("^1-^2)", 8)),
            bullet("●"),
            bullet("○"),
            paragraph_shape(),
            paragraph_shape("number", 0, 1),
            paragraph_shape("number", 1, 1),
            paragraph_shape("bullet", 0, 1),
            paragraph_shape("bullet", 0, 2),
        ]
    )
    shapes = [1, 2, 2, 1, 3, 3, 4]
    found = all_of(*(paragraph(f"항목{shape}", shape=shape) for shape in shapes), info=info)
    assert found.split("\n\n") == [
        "1. 항목1", "1-가) 항목2", "1-나) 항목2", "2. 항목1", "- 항목3\n- 항목3", "○ 항목4",
    ]  # fmt: skip


def test_short_lines_in_bold_are_marked_for_the_outline():
    info = letter_shape() + letter_shape(bold=True)
    lines = [
        paragraph("입찰 공고", letters=((0, 1),)),
        paragraph("굵은 보통", letters=((0, 1), (3, 0))),
        paragraph("굵은", inline(9), "글", letters=((0, 1), (2, 0), (10, 1))),
    ]
    assert all_of(*lines, info=info) == "**입찰 공고**\n\n굵은 보통\n\n**굵은\t글**"
    assert all_of(lines[0], info=info, options={"outline": False}) == "입찰 공고"


def test_page_headers_and_comments_are_read_where_they_are_wanted():
    master = (listing("바탕쪽"),)

    def last(level):
        memo = record(77, level + 1, struct.pack("<I", 1)) + listing("메모 글")(level + 1)
        return paragraph("끝")(level) + listing("마지막 바탕쪽")(level + 1) + memo

    made = [
        paragraph(section_properties(0, *master), note("head", "머리말"), "본문"),
        paragraph("둘째", note("tcmt", "숨은 설명"), note("foot", "꼬리말")),
        last,
    ]
    assert all_of(*made) == "본문\n\n둘째\n\n끝"
    assert all_of(*made, options={"comments": True}) == "본문\n\n둘째\n\n숨은 설명\n\n끝\n\n메모 글"
    _, pages = read(*made, options={"page_headers": True}).sections
    assert pages.headings == ("Headers and footers",)
    assert pages.text == "바탕쪽\n\n머리말\n\n꼬리말\n\n마지막 바탕쪽"


def test_controls_without_a_letter_in_the_text_are_read_all_the_same():
    def odd(level):
        return (
            paragraph("글")(level)
            + box("상자").records(level + 1)
            + Control("zzzz", 11, b"", (listing("남"),)).records(level + 1)
        )

    assert all_of(odd) == "글\n\n상자\n\n남"


def test_sections_come_in_the_order_of_their_numbers():
    streams = {f"BodyText/Section{number}": deflated(paragraph(f"구역 {number}")(0)) for number in (10, 2, 1)}
    assert all_of("구역 0", streams=streams) == "구역 0\n\n구역 1\n\n구역 2\n\n구역 10"


@pytest.mark.parametrize(("said", "title"), [("항만시설 사용 규정", "항만시설 사용 규정"), ("1", "문서"), ("", "문서")])
def test_the_title_is_the_summary_s_where_it_says_something(said, title):
    assert read("글", title=said).title == title


def test_a_broken_summary_is_no_hindrance():
    for content in (b"\xff" * 48, b"", b"\0" * 44 + struct.pack("<III", 48, 9, 0xFFFFFFFF)):
        assert read("글", streams={"\x05HwpSummaryInformation": content}).title == "문서"


def test_tracked_changes_and_charts_are_named():
    chart = Control("gso ", 11, b"\0" * 42, (leaf(60, b"elo$", leaf(79, b"\0\0")),))
    document = read(paragraph("글", chart), info=record(80, 1, b"\0" * 20))
    assert document.warnings == (
        "changes are tracked in it: what was deleted may be read too",
        "1 chart is not read",
    )


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"flags": PACKED | PASSWORD}, "is locked with a password"),
        ({"flags": PACKED | DRM}, "is locked by rights management"),
        ({"version": 0x06000000}, "is of the format HWP 6"),
        ({"streams": {"FileHeader": b"Word"}}, "is damaged, or no HWP file"),
        ({"streams": {"BodyText/Section0": b"\xff" * 100}}, "is damaged: BodyText/Section0 cannot be unpacked"),
        ({"streams": {"BodyText/Section0": deflated(paragraph("가" * 3000)(0))[:-9]}}, "cannot be unpacked"),
        ({"flags": 0, "streams": {"BodyText/Section0": record(50, 0, b"\0" * 9000)[:5000]}}, "ends within a record"),
        ({"flags": PACKED | DISTRIBUTED, "streams": {"ViewText/Section0": b""}}, "for distribution"),
    ],
)
def test_what_cannot_be_read_is_named(how, reason):
    with pytest.raises(DocumentError, match=reason):
        read("글", **how)


def test_a_stream_that_unpacks_to_far_more_than_the_file_is_a_bomb():
    with pytest.raises(DocumentError, match="a zip bomb"):
        read("글", streams={"BodyText/Section0": deflated(b"\0" * 30_000_000)})


def test_streams_that_lie_upon_each_other_are_named():
    content = hwp("글" * 10_000, streams={"BodyText/Section1": b"\0" * 200_000}, flags=0)
    # The first section says that it is as long as the file is twice.
    place = content.index("Section0".encode("utf-16-le")) + 120
    long = content[:place] + struct.pack("<I", 2 * len(content)) + content[place + 4 :]
    with pytest.raises(DocumentError, match="is damaged"):
        read_document("a.hwp", long)


def test_deep_nesting_is_named_and_does_not_bring_the_reader_down():
    inner = paragraph("바닥")
    for _ in range(60):
        inner = paragraph(box(inner))
    with pytest.raises(DocumentError, match="is nested too deeply"):
        read(inner)


@pytest.mark.slow
def test_a_cell_far_down_a_table_that_has_no_rows_is_text():
    made = table(1, 2, cell(65535, 0, "아래", across=1000, down=65535), cell(0, 1, "위"), cell(0, 0, "왼쪽"))
    assert all_of(paragraph(made)) == "왼쪽 / 위; 아래"
