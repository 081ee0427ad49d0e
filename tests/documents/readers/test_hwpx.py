"""HWPX: every letter, under the right heading."""

from __future__ import annotations

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document
from rag_pipeline.errors import DocumentError
from tests.documents.making_hwpx import (
    box,
    cell,
    control,
    hwpx,
    listed,
    note,
    numbering,
    outline,
    p,
    section,
    shape,
    table,
    text,
)
from tests.formats import archive

ARTICLES = numbering(1, ("제^1장", "DIGIT"), ("제^2조", "DIGIT"), ("^3.", "DIGIT"), ("^4.", "HANGUL_SYLLABLE"))
SHAPES = "".join(shape(level + 1, "OUTLINE", level) for level in range(4))
OUTLINED = ARTICLES + SHAPES


def read(*paragraphs, header="", **options):
    return read_document("문서.hwpx", hwpx(*paragraphs, header=header), ReadingOptions(**options))


def all_of(*paragraphs, header="", **options):
    """The whole text, of a document of one section."""
    [found] = read(*paragraphs, header=header, **options).sections
    assert found.headings == ()
    return found.text


def sections(*paragraphs, header="", **options):
    return [(found.headings, found.text) for found in read(*paragraphs, header=header, **options).sections]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("제3조(보증금)<hp:tab width='480'/>보증금은 500만원", "제3조(보증금)\t보증금은 500만원"),
        ("담당자: 홍길동<hp:lineBreak/>연락처: 02-000-0000", "담당자: 홍길동\n연락처: 02-000-0000"),
        ("10m<hp:fwSpace/>×<hp:nbSpace/>8m", "10m × 8m"),
        ("형광펜 <hp:markpenBegin color='#FFFF00'/>강조<hp:markpenEnd/> 뒤의 글", "형광펜 강조 뒤의 글"),
        ("차례<hp:titleMark ignore='0'/> 표시 재<hp:hyphen/>입찰", "차례 표시 재-입찰"),
        ("주석<!-- 없음 --> 뒤의 글", "주석 뒤의 글"),
    ],
)
def test_text_goes_on_after_what_stands_in_it(written, expected):
    assert all_of(p(written)) == expected


def test_of_tracked_changes_the_new_text_is_read():
    changed = (
        "계약금은 <hp:deleteBegin Id='2'/>500<hp:tab/>만<hp:deleteEnd Id='2'/><hp:insertBegin Id='1'/>700만"
        "<hp:insertEnd Id='1'/>원이다"
    )
    assert all_of(p(changed)) == "계약금은 700만원이다"
    whole = p(text("앞 <hp:deleteBegin Id='3'/>지운"), box("지운 글상자"), text("글<hp:deleteEnd Id='3'/> 뒤"))
    assert all_of(whole) == "앞  뒤"


def test_a_deletion_that_does_not_end_takes_its_own_paragraph_only():
    assert all_of(p("앞 <hp:deleteBegin Id='3'/>지운 글"), "다음 문단") == "앞\n\n다음 문단"


def test_paragraphs_of_a_cell_stay_apart():
    found = all_of(p(table(["시설", "코드"], ["교통", cell("01:버스정류소", "02:도시철도역", "03:철도역")])))
    assert found == "| 시설 | 코드 |\n| --- | --- |\n| 교통 | 01:버스정류소 02:도시철도역 03:철도역 |"


def test_merged_cells_stand_under_their_own_columns():
    rows = [
        [cell("구분", down=2), cell("제원", across=2)],
        ["길이", "폭"],
        [cell("파나마", down=2), "294", "32"],
        ["366", "49"],
    ]
    assert all_of(p(table(*rows))).split("\n") == [
        "| 구분 | 제원 |  |",
        "| --- | --- | --- |",
        "| 구분 | 길이 | 폭 |",
        "| 파나마 | 294 | 32 |",
        "| 파나마 | 366 | 49 |",
    ]


def test_a_table_in_a_table_becomes_lines_in_its_cell():
    inner = p("안쪽", table(["이름", "흘수"], ["가람", "9.1"]), "뒤")
    found = all_of(p(table(["배", "표"], ["하나", cell(inner)])))
    assert found.split("\n")[2] == "| 하나 | 안쪽 이름 / 흘수; 가람 / 9.1 뒤 |"


def test_a_box_of_a_single_cell_stays_paragraphs_and_keeps_its_tables():
    around = table([cell(p("제1조(목적) 정한다."), p("제2조(정의)"), p(table(["가", "나"], ["다", "라"])))])
    text = "제1조(목적) 정한다.\n\n제2조(정의)\n\n| 가 | 나 |\n| --- | --- |\n| 다 | 라 |"
    assert all_of(p(around), outline=False) == text


def test_the_empty_cells_of_a_frame_make_no_columns():
    assert all_of(p(table(["", ""], ["", "순서"], [cell("Ⅰ. 개요", across=2)]))) == "순서\n\nⅠ. 개요"


@pytest.mark.parametrize(("side", "first"), [("TOP", "표 1 제원"), ("BOTTOM", "| 가 | 나 |")])
def test_captions_stand_on_their_side_of_the_table(side, first):
    number = control("<hp:autoNum num='1' numType='TABLE'><hp:autoNumFormat type='DIGIT'/></hp:autoNum>")
    captioned = table(["가", "나"], caption=p("표 ", number, " 제원"), side=side)
    found = all_of(p("앞", captioned, "뒤"))
    assert found.startswith(f"앞\n\n{first}")
    assert found.endswith("뒤")
    assert "표 1 제원" in found


def test_notes_stand_behind_the_paragraph_that_names_them():
    number = control("<hp:autoNum num='1' numType='FOOTNOTE'/>")
    found = all_of(
        p("최대 흘수는 12.04 m이다", note("footNote", p(number, "옛 갑문", box("글상자")), "둘째 줄"), text(".")),
        p("끝", note("endNote", "미주 글"), note("footNote", "다음 각주")),
    )
    assert found == (
        "최대 흘수는 12.04 m이다[^1].\n\n[^1]: 옛 갑문\n글상자\n둘째 줄\n\n"
        "끝[^e1][^2]\n\n[^e1]: 미주 글\n\n[^2]: 다음 각주"
    )


def test_notes_of_a_cell_stand_behind_the_table():
    found = all_of(p(table(["가", "나"], ["다", cell(p("라", note("footNote", "각주")))])), "다음")
    assert found == "| 가 | 나 |\n| --- | --- |\n| 다 | 라[^1] |\n\n[^1]: 각주\n\n다음"


def test_levels_of_the_outline_are_headings_with_their_numbers():
    found = sections(
        p(outline(1), text("총칙"), shape=1),
        p("(목적)", shape=2),
        "이 규정은 정한다.",
        p("(정의)", shape=2),
        p("말의 뜻", shape=3),
        "다음과 같다.",
        p("보칙", shape=1),
        p("(시행)", shape=2),
        "시행한다.",
        header=OUTLINED,
    )
    assert found == [
        (("제1장 총칙", "제1조(목적)"), "이 규정은 정한다."),
        (("제1장 총칙", "제2조(정의)", "1. 말의 뜻"), "다음과 같다."),
        (("제2장 보칙", "제1조(시행)"), "시행한다."),
    ]


def test_headings_with_nothing_below_them_are_text_of_the_one_above():
    found = sections(
        p(outline(1), text("총칙"), shape=1),
        p("가 항목", shape=2),
        p("나 항목", shape=2),
        p("다음 장", shape=1),
        p("마지막", shape=2),
        header=OUTLINED,
    )
    assert found == [(("제1장 총칙",), "제1조 가 항목\n\n제2조 나 항목"), (("제2장 다음 장",), "제1조 마지막")]


def test_sentences_with_a_level_of_the_outline_are_text():
    long = "발주기관은 계약상대자와 협의하여 " * 8
    assert all_of(p(long, shape=1), p("기간은 삼 년으로 한다.", shape=1), header=OUTLINED) == (
        f"{long.strip()}\n\n기간은 삼 년으로 한다."
    )


@pytest.mark.parametrize("name", ["개요 1", "Outline 1", "제목 1", "큰제목(20 진)"])
def test_styles_of_headings_make_headings(name):
    header = f"<hh:style id='7' type='PARA' name='{name}'/>"
    assert sections(p("제원", style=7), "흘수는 12.04 m", header=header) == [(("제원",), "흘수는 12.04 m")]


def test_what_stands_in_a_heading_comes_below_it():
    heading = p(text("제원"), box("상자"), note("footNote", "각주"), table(["가", "나"]), shape=1)
    [(headings, below)] = sections(heading, header=OUTLINED)
    assert headings == ("제원",)
    assert below == "| 가 | 나 |\n| --- | --- |\n\n상자\n\n[^1]: 각주"


def test_numbers_of_lists_are_written_as_they_are_shown():
    lists = numbering(2, ("^1.", "DIGIT"), ("^1.^2.", "DIGIT"), ("^n)", "HANGUL_SYLLABLE"), ("^4", "CIRCLED_DIGIT"))
    header = lists + "".join(shape(level + 5, "NUMBER", level, 2) for level in range(4))
    levels = [0, 1, 1, 2, 3, 3, 0, 1, 3]
    found = all_of(*(p(f"항목{level}", shape=level + 5) for level in levels), header=header).split("\n\n")
    assert found[:5] == ["1. 항목0", "1.1. 항목1", "1.2. 항목1", "1.2.가) 항목2", "① 항목3"]
    assert found[5:] == ["② 항목3", "2. 항목0", "2.1. 항목1", "① 항목3"]


def test_lists_count_on_over_other_text_and_each_by_itself():
    header = (
        numbering(1, ("^1.", "DIGIT"))
        + numbering(2, ("(^1)", "LATIN_SMALL"))
        + shape(1, "NUMBER", 0, 1)
        + shape(2, "NUMBER", 0, 2)
    )
    found = all_of(p("가", shape=1), "사이", p("나", shape=2), p("다", shape=1), p("라", shape=2), header=header)
    assert found.split("\n\n") == ["1. 가", "사이", "(a) 나", "2. 다", "(b) 라"]


def test_bullets_are_lists_and_signs_of_official_documents_stay():
    header = (
        "<hh:bullet id='1' char='●'/><hh:bullet id='2' char='□'/><hh:bullet id='3' char='\uf0a7'/>"
        + shape(1, "BULLET", 0, 1)
        + shape(2, "BULLET", 0, 2)
        + shape(3, "BULLET", 0, 3)
    )
    found = all_of(p("추진배경", shape=2), p("하나", shape=1), p("둘", shape=3), "글", p("셋", shape=1), header=header)
    assert found == "□ 추진배경\n\n- 하나\n- 둘\n\n글\n\n- 셋"


def test_text_boxes_hang_on_their_paragraph_or_stand_in_the_line():
    assert all_of(p(text("앞 글 "), box("글상자 하나", "둘"), text("뒤 글"))) == "앞 글 뒤 글\n\n글상자 하나\n\n둘"
    assert all_of(p(box("1", in_line=True), "추진배경")) == "1 추진배경"
    assert all_of(p(text("앞"), box("1", "2", in_line=True), text("뒤"))) == "앞\n\n1\n\n2\n\n뒤"


def test_shapes_in_shapes_are_read():
    group = f"<hp:container>{box('묶음 하나')}<hp:container>{box('둘')}<hp:pic/></hp:container></hp:container>"
    assert all_of(p("글", group)).split("\n\n") == ["글", "묶음 하나", "둘"]


_DESCRIBED = "<hp:shapeComment>수식입니다.</hp:shapeComment>"
_FIGURE = "<hp:autoNumFormat type='ROMAN_CAPITAL' suffixChar=')'/>"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"<hp:equation>{_DESCRIBED}<hp:script>{{a}} over {{b}}</hp:script></hp:equation>", "{a} over {b}"),
        ("<hp:dutmal><hp:mainText>본말</hp:mainText><hp:subText>덧말</hp:subText></hp:dutmal>", "본말(덧말)"),
        ("<hp:compose composeText='12'><hp:charPr prIDRef='7'/></hp:compose>", "12"),
        ("<hp:textart text='글맵시␍␊둘째'><hp:pos treatAsChar='0'/></hp:textart>", "글맵시\n둘째"),
        ("<hp:edit><hp:text>1234</hp:text></hp:edit>", "1234"),
        ("<hp:checkBtn caption='동의' value='CHECKED'/>", "☑ 동의"),
        ("<hp:radioBtn caption='반대' value='UNCHECKED'/>", "☐ 반대"),
        ("<hp:comboBox selectedValue='서울'><hp:listItem displayText='부산'/></hp:comboBox>", "서울"),
        ("<hp:btn caption='누르기'/>", "누르기"),
        (control(f"<hp:autoNum num='3' numType='PICTURE'>{_FIGURE}</hp:autoNum>"), "III)"),
    ],
)
def test_what_is_written_into_other_elements_is_read(written, expected):
    assert all_of(p(written)) == expected


def test_the_text_of_fields_is_read_and_not_their_commands():
    begin = control(
        "<hp:fieldBegin id='1' type='HYPERLINK'><hp:parameters><hp:stringParam name='Command'>www.example.com;1;0;0"
        "</hp:stringParam></hp:parameters><hp:metaTag>{}</hp:metaTag></hp:fieldBegin>"
    )
    end = control("<hp:fieldEnd beginIDRef='1'/>")
    assert all_of(p(text("공고는 "), begin, text("누리집"), end, text("에 있다"))) == "공고는 누리집에 있다"


def test_of_two_versions_of_an_object_one_is_read():
    two = f"<hp:switch><hp:case>{box('상자')}</hp:case><hp:default>{box('상자')}</hp:default></hp:switch>"
    assert all_of(p("글", two)) == "글\n\n상자"


def test_page_headers_and_comments_are_read_where_they_are_wanted():
    content = hwpx(
        p(control(f"<hp:header applyPageType='BOTH'>{listed('머리말')}</hp:header>"), "본문"),
        p("둘째", control(f"<hp:hiddenComment>{listed('숨은 설명')}</hp:hiddenComment>")),
        p("셋째", control(f"<hp:fieldBegin type='MEMO'>{listed('메모 글')}</hp:fieldBegin>")),
        p(control(f"<hp:footer>{listed('꼬리말')}</hp:footer>")),
        more={"Contents/masterpage0.xml": section(listed("바탕쪽"), root="hm:masterPage")},
    )
    [plain] = read_document("a.hwpx", content).sections
    assert plain.text == "본문\n\n둘째\n\n셋째"
    [wanted] = read_document("a.hwpx", content, ReadingOptions(comments=True)).sections
    assert wanted.text == "본문\n\n둘째\n\n숨은 설명\n\n셋째\n\n메모 글"
    body, pages = read_document("a.hwpx", content, ReadingOptions(page_headers=True)).sections
    assert body.text == "본문\n\n둘째\n\n셋째"
    assert (pages.headings, pages.text) == (("Headers and footers",), "머리말\n\n꼬리말\n\n바탕쪽")


def test_short_lines_in_bold_are_marked_for_the_outline():
    bold = "<hh:charPr id='1'><hh:bold/></hh:charPr><hh:charPr id='2'/>"
    lines = [p("입찰 공고", letters=1), p("보통 글", letters=2), p("가" * 90, letters=1)]
    mixed = p("굵은 ", letters=1).replace("</hp:run>", "</hp:run><hp:run charPrIDRef='2'><hp:t>보통</hp:t></hp:run>")
    boxed = p(table([cell(p("표 안", letters=1)), "나"]))
    expected = ["**입찰 공고**", "보통 글", "가" * 90, "굵은 보통", "| 표 안 | 나 |\n| --- | --- |"]
    assert all_of(*lines, mixed, boxed, header=bold).split("\n\n") == expected
    assert "**" not in all_of(*lines, header=bold, outline=False)


def test_sections_come_in_the_order_of_their_numbers():
    more = {f"Contents/section{number}.xml": section(f"구역 {number}") for number in (10, 2, 1)}
    [found] = read_document("a.hwpx", hwpx("구역 0", more=more)).sections
    assert found.text == "구역 0\n\n구역 1\n\n구역 2\n\n구역 10"


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("항만시설 사용 규정", "항만시설 사용 규정"),
        ("", "문서"),
        ("제목", "문서"),
        ("2023", "문서"),
        ("제목 없음", "문서"),
        ("선박은 항로의 오른쪽으로 항행하여야 한다", "문서"),
        ("가나다라마 " * 20, "문서"),
        ("공고문.hwp", "문서"),
    ],
)
def test_the_title_is_the_file_s_own_where_it_says_something(said, title):
    assert read_document("문서.hwpx", hwpx("글", title=said)).title == title


def test_charts_are_named_as_left_out():
    assert read(p("글", "<hp:chart chartIDRef='c'/>")).warnings == ("1 chart is not read",)
    assert read(p("글", "<hp:chart chartIDRef='c'/>" * 2)).warnings == ("2 charts are not read",)


def test_what_cannot_be_read_is_named():
    manifest = {"META-INF/manifest.xml": "<m><encryption-data/></m>"}
    with pytest.raises(DocumentError, match="locked with a password"):
        read_document("a.hwpx", hwpx("글", more=manifest))
    with pytest.raises(DocumentError, match="it has no sections"):
        read_document("a.hwpx", archive({"mimetype": "application/hwp+zip"}))
    with pytest.raises(DocumentError, match="is damaged"):
        read_document("a.hwpx", hwpx("글", more={"Contents/section1.xml": "<hs:sec"}))


def test_deep_nesting_is_named_and_does_not_bring_the_reader_down():
    inner = p("바닥")
    for _ in range(35):
        inner = p(box(inner))
    with pytest.raises(DocumentError, match="is nested too deeply"):
        read(inner)


@pytest.mark.slow
def test_a_merged_cell_that_covers_more_than_any_table_stays_text():
    rows = "<hp:tr/>" * 60_000
    wide = f"<hp:tbl><hp:tr>{cell('넓은 칸', down=60_000, across=1000)}{cell('곁')}</hp:tr>{rows}</hp:tbl>"
    assert all_of(p(wide)) == "넓은 칸 / 곁"
    tall = f"<hp:tbl><hp:tr>{cell('긴 글 ' * 1000, down=60_000)}{cell('곁')}</hp:tr>{rows}</hp:tbl>"
    assert len(all_of(p(tall))) < 10_000
