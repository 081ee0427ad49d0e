"""PDFs whose every letter, rule and place is known."""

from __future__ import annotations

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document
from tests.documents.making_pdf import Page, width_of, write


def read(content, name="a.pdf", **options):
    return read_document(name, content, ReadingOptions(**options))


def text_of(*pages, **options):
    (section,) = read(write(*pages), **options).sections
    return section.text


def table(rows):
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]])


XS, YS = [70, 160, 250, 340], [740, 715, 690, 665]
ROWS = [["선종", "흘수", "비고"], ["벌크선", "14.50", "중고"], ["유조선", "16.20", "용선"]]
LEFT = ["왼쪽 단의 첫째 줄은 항만을", "말하고 둘째 줄은 수심을 또", "말하며 셋째 줄에서 끝난다."]
RIGHT = ["오른쪽 단은 보험을 다루고", "약관의 면책을 설명하며 또", "배상 한도를 여기서 정한다."]
# Lines that fill a column of 400 points.
ENGLISH = [
    "The maximum draught of a ship is the depth of water that she needs to float, at",
    "which her load line is level with the water, measured from the keel upwards, and",
    "it is given in metres.",
]


# --- tables


def test_a_ruled_table_stands_between_what_is_above_and_below():
    page = Page().text(70, 760, "표 위").grid(XS, YS, ROWS).text(70, 640, "표 아래")
    assert text_of(page) == f"표 위\n\n{table(ROWS)}\n\n표 아래"


def test_a_cell_without_a_border_keeps_its_text():
    page = Page().cells(XS, YS, ROWS)
    for y in YS:
        page.line(70, y, 340, y)
    for x in XS[:-1]:
        page.line(x, 740, x, 665)
    page.line(340, 740, 340, 715).line(340, 690, 340, 665)  # none beside the second row
    assert text_of(page) == table(ROWS)


@pytest.mark.parametrize(("first", "last"), [(1, 3), (0, 3), (1, 4)])
def test_a_table_that_is_open_at_its_sides_keeps_all_columns(first, last):
    page = Page().cells(XS, YS, ROWS)
    for y in YS:
        page.line(70, y, 340, y)
    for x in XS[first:last]:
        page.line(x, 740, x, 665)
    assert text_of(page) == table(ROWS)


def test_a_table_drawn_with_thin_boxes_and_dashes_is_one():
    page = Page().cells(XS, YS, ROWS)
    for y in YS:
        page.box(70, y, 270, 0.6, "f")
    for x in XS:
        for y in range(665, 740, 5):
            page.line(x, y, x, y + 3)
    assert text_of(page) == table(ROWS)


def test_a_table_in_one_path_and_in_a_form_is_one():
    page = Page().cells(XS, YS, ROWS)
    page.in_form.append(
        "0.5 0 0 0.5 0 0 cm "
        + " ".join(f"140 {2 * y} m 680 {2 * y} l" for y in YS)
        + " "
        + " ".join(f"{2 * x} 1480 m {2 * x} 1330 l" for x in XS)
        + " S"
    )
    assert text_of(page) == table(ROWS)


def test_merged_cells_are_laid_out():
    page = Page().cells(XS, YS, [["선종", "제원", ""], ["벌크선", "14.50", "중고"], ["", "16.20", "용선"]])
    for y in YS:
        page.line(160 if y == 690 else 70, y, 340, y)
    for x in XS:
        page.line(x, 715 if x == 250 else 740, x, 665)
    assert text_of(page) == table([["선종", "제원", ""], ["벌크선", "14.50", "중고"], ["벌크선", "16.20", "용선"]])


def test_a_frame_and_the_bars_of_a_chart_are_no_table():
    page = Page().box(60, 600, 300, 180).lines(70, 760, ["틀 안의 글", "둘째 줄"])
    for number in range(12):
        page.box(70 + 20 * number, 620, 12, 20 + 5 * number, "f").line(70, 620 + 7 * number, 330, 620 + 7 * number)
    assert text_of(page) == "틀 안의 글\n둘째 줄"


def test_text_between_two_tables_and_beside_one_is_kept():
    page = Page().grid([70, 120, 170], [740, 715, 690], [["가", "나"], ["다", "라"]]).text(200, 712, "표 옆의 글")
    page.text(70, 660, "표 사이").grid([70, 120, 170], [640, 615, 590], [["마", "바"], ["사", "아"]])
    text = text_of(page)
    assert text.index("| 다 | 라 |") < text.index("표 사이") < text.index("| 마 | 바 |")
    assert "표 옆의 글" in text


def test_words_set_tightly_beside_a_table_keep_their_spaces():
    page, x = Page(), 70.0
    words = "also we report scores separately for simple tables"
    for word in words.split():
        page.text(x, 760, word)
        x += width_of(word, 10) + 2.2
    assert text_of(page.grid(XS, YS, ROWS)) == f"{words}\n\n{table(ROWS)}"


def test_a_korean_word_cut_in_a_cell_is_whole():
    page = Page().grid([70, 150, 230], [740, 700, 660], [["확진 환자 격리", "비고"], ["", "없음"]])
    page.text(74, 685, "국내 감염병예").text(74, 672, "방법에 따른다")
    assert "| 국내 감염병예방법에 따른다 | 없음 |" in text_of(page)


# --- columns and order


def test_two_columns_drawn_in_turn_are_read_one_after_the_other_beside_a_table_too():
    def page():
        made = Page()
        for number in range(3):
            made.text(60, 760 - 16 * number, LEFT[number]).text(320, 760 - 16 * number, RIGHT[number])
        return made

    left, right = " ".join(LEFT), " ".join(RIGHT)
    assert text_of(page()) == f"{left}\n\n{right}"
    small = [["항만", "수심"], ["부산", "17 m"]]
    text = text_of(page().grid([60, 160, 260], [700, 680, 660], small))
    assert text == "\n\n".join([left, table(small), right])


def test_words_in_columns_without_rules_stay_in_their_rows():
    page = Page().lines(70, 760, ["Draught", "Length", "Beam"]).lines(300, 760, ["12.04 m", "294 m", "32 m"])
    page.drawn = [page.drawn[place] for place in (0, 3, 1, 4, 2, 5)]
    assert text_of(page) == "Draught 12.04 m\nLength 294 m\nBeam 32 m"


def test_a_header_drawn_last_stands_first():
    page = Page().lines(70, 700, ["첫째 줄", "둘째 줄"]).text(70, 800, "머리말")
    assert text_of(page).startswith("머리말\n")


@pytest.mark.parametrize(
    ("rotate", "first", "second"),
    [(90, (100, 100), (115, 100)), (180, (500, 100), (500, 115)), (270, (500, 700), (485, 700))],
)
def test_a_page_that_is_turned_is_read_as_it_is_shown(rotate, first, second):
    page = Page(rotate=rotate).text(*first, "first line of text", angle=rotate)
    page.text(*second, "second line of text", angle=rotate)
    assert text_of(page) == "first line of text\nsecond line of text"


def test_a_table_on_a_page_that_is_turned_is_read_cell_by_cell():
    page = Page(rotate=90)
    for x in (100, 125, 150):
        page.line(x, 100, x, 300)
    for y in (100, 200, 300):
        page.line(100, y, 150, y)
    for (x, y), text in zip([(118, 105), (118, 205), (143, 105), (143, 205)], "abcd", strict=True):
        page.text(x, y, text * 3, angle=90)
    assert text_of(page) == table([["aaa", "bbb"], ["ccc", "ddd"]])


def test_the_title_of_an_axis_is_kept():
    page = Page().text(60, 400, "Speed in knots", angle=90).text(100, 380, "Time in hours")
    assert sorted(text_of(page).split("\n\n")) == ["Speed in knots", "Time in hours"]


# --- letters


def test_text_off_the_page_is_not_read_beside_a_table_either():
    page = Page(crop=(0, 0, 500, 800)).text(70, 760, "이 쪽의 글").text(520, 760, "밖").text(70, 820, "위의 밖")
    assert text_of(page.grid(XS, YS, ROWS)) == f"이 쪽의 글\n\n{table(ROWS)}"


def test_text_from_right_to_left_reads_forwards_beside_a_table_too():
    page = Page().text(70, 760, "שלום עולם"[::-1]).grid(XS, YS, ROWS)
    assert text_of(page) == f"שלום עולם\n\n{table(ROWS)}"


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.6])
def test_letters_printed_twice_are_read_once(shift):
    page = Page().text(70, 760, "합계 금액 all").text(70 + shift, 760, "합계 금액 all")
    for number, letter in enumerate("hello"):
        page.text(70 + 5 * number, 740, letter).text(70 + 5 * number + shift, 740, letter)
    page.text(70, 720, "all in all").text(70 + shift, 720, "all").text(70 + shift + 20, 720, "in all")
    assert text_of(page) == "합계 금액 all\nhello\nall in all"


def test_a_single_letter_of_a_font_that_is_not_there_is_read():
    for x in (120, 200):
        assert text_of(Page().text(70, 760, "값").text(x, 740, "세").text(70, 720, "둘째")).split() == [
            "값",
            "세",
            "둘째",
        ]


def test_ligatures_and_soft_hyphens_and_forms_are_read():
    page = Page().text(70, 760, "ﬁnd diﬀerent eﬃcient soft\xadware").text(70, 745, "in a form", form=True)
    assert text_of(page) == "find different efficient software\nin a form"
    assert text_of(Page().text(70, 760, "ﬃ")) == "ffi"


def test_letters_beyond_the_first_plane_are_read():
    assert text_of(Page().text(70, 760, "a😀b").text(70, 740, "𠮷野")) == "a😀b\n𠮷野"


def test_values_of_fields_stand_beside_their_names_and_in_their_cells():
    page = Page().text(70, 500, "선명:").text(70, 480, "둘째 줄").field(110, 497, 100, "a", "가람호")
    page.grid(XS, YS, [["선종", "흘수", ""], ["벌크선", "", "중고"], ["", "", "용선"]]).field(
        165, 695, 60, "b", "14.50"
    )
    text = text_of(page)
    assert "선명: 가람호\n둘째 줄" in text
    assert "| 벌크선 | 14.50 | 중고 |" in text


def test_text_laid_upon_a_page_is_read_and_comments_only_if_asked():
    page = Page().text(70, 500, "본문").note(70, 300, "덧붙인 글", "FreeText", 80).note(300, 300, "메모")
    assert text_of(page) == "본문\n\n덧붙인 글"
    sections = read(write(page), comments=True).sections
    assert [section.text for section in sections] == ["본문\n\n덧붙인 글", "Comments:\n메모"]


# --- paragraphs


def test_the_lines_of_a_paragraph_are_joined_and_paragraphs_parted():
    page = Page().lines(70, 760, [*ENGLISH, *ENGLISH])
    assert text_of(page) == "\n\n".join([" ".join(ENGLISH)] * 2)


def test_an_indent_and_a_gap_begin_a_paragraph():
    page = Page().lines(70, 760, ENGLISH[:2]).lines(85, 730, ENGLISH[:1]).lines(70, 715, ENGLISH[1:])
    page.lines(70, 660, ENGLISH)
    first, second, third = text_of(page).split("\n\n")
    assert first == " ".join(ENGLISH[:2])
    assert second == third == " ".join(ENGLISH)


@pytest.mark.parametrize(
    "lines",
    [
        ["The sea is calm tonight.", "The tide is full, the moon lies fair", "Upon the straits; on the coast"],
        ["1. Draught", "2. Length over all of the ship", "3. Beam"],
        ["가. 흘수", "나. 전장", "다. 선폭"],
        ["• " + ENGLISH[0], "• " + ENGLISH[1], "• the end"],
        ["Korea Maritime Institute", "26 Haeyang-ro", "Yeongdo-gu, Busan"],
        ["1 Introduction . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . . 1"] * 3,
    ],
)  # fmt: skip
def test_verse_lists_addresses_and_contents_stay_lines(lines):
    assert text_of(Page().lines(70, 760, lines)).replace("\n\n", "\n") == "\n".join(lines)


def test_an_item_of_a_list_goes_on_below_its_own_text():
    page = Page().text(70, 760, "- " + ENGLISH[0]).lines(80, 745, ENGLISH[1:])
    page.text(70, 715, "- second item")
    assert text_of(page) == f"- {' '.join(ENGLISH)}\n- second item"


def test_a_hyphen_at_the_end_of_a_line_goes_unless_it_belongs_to_the_word():
    lines = ["The maximum draught of the con-", "tainer ship is 12.04 m, a well-", "known figure."]
    assert text_of(Page().lines(70, 760, lines)) == (
        "The maximum draught of the container ship is 12.04 m, a well-known figure."
    )
    lines = ["the plug-in and the dead-weight of the ship, the plug-", "in again, and so the dead-", "weight once more"]
    assert text_of(Page().lines(70, 760, lines)) == (
        "the plug-in and the dead-weight of the ship, the plug-in again, and so the dead-weight once more"
    )


def test_a_hyphen_before_something_else_stays():
    page = Page().text(70, 760, "the con-").text(300, 400, "Tables")
    assert text_of(page) == "the con-\n\nTables"


def test_a_korean_word_cut_at_the_end_of_a_line_is_whole():
    lines = ["이 배의 최대 흘수는 12.04 m이며 감염병예방", "법에 따라 소독한다. 확", "진자는 격리한다."]
    assert text_of(Page().lines(70, 760, lines, 11)) == (
        "이 배의 최대 흘수는 12.04 m이며 감염병예방법에 따라 소독한다. 확진자는 격리한다."
    )


KOREAN = (
    "이 보험계약은 보험계약자와 보험회사 사이에 피보험자의 상해에 대한 위험을 보장하기 위하여 "
    "체결된다. 회사가 지급할 금전에 이자를 줄 때에는 해마다 마지막 날에 그 이자를 원금에 더한 "
    "금액을 다음 해의 원금으로 한다. 영업일은 회사가 영업점에서 정상적으로 영업하는 날을 말하며 "
    "토요일과 공휴일과 근로자의 날을 제외한다. 회사는 피보험자에게 다음 가운데 어느 하나의 사유가 "
    "생긴 때에는 보험수익자에게 약정한 보험금을 지급한다."
)


def laid(text, width, *, whole_words, spaces_at_ends):
    """Lines of ten-point text that break at spaces or anywhere."""
    units = [f"{word} " for word in text.split()] if whole_words else list(text)
    lines = [""]
    for unit in units:
        if width_of((lines[-1] + unit).rstrip(), 10) > width:
            lines.append("")
        if lines[-1] or unit != " ":
            lines[-1] += unit
    return [line if spaces_at_ends else line.rstrip() for line in lines[:-1]] + [lines[-1].rstrip()]


@pytest.mark.parametrize("whole_words", [True, False])
@pytest.mark.parametrize("spaces_at_ends", [True, False])
@pytest.mark.parametrize("width", [240, 277])
def test_korean_lines_are_joined_as_they_were_written(whole_words, spaces_at_ends, width):
    lines = laid(KOREAN, width, whole_words=whole_words, spaces_at_ends=spaces_at_ends)
    assert len(lines) > 7
    assert text_of(Page().lines(70, 760, lines)) == KOREAN


def test_what_is_counted_stays_with_its_number():
    lines = ["이 배는 무장한 특공조와 대공과의 직원 등 모두 22", "명의 사복 경찰을 여덟 대에 나누어 이곳에 투입한다."]
    assert text_of(Page().lines(70, 760, lines)) == "".join(lines)


def test_lines_of_code_stay_lines():
    page = Page().lines(70, 760, ENGLISH).lines(70, 700, ENGLISH[:2]).lines(70, 640, ENGLISH)
    page.drawn[3:5] = [drawn.replace("/F", "/C") for drawn in page.drawn[3:5]]
    assert "\n".join(ENGLISH[:2]) in text_of(page)


# --- headings and furniture


def test_a_line_in_bold_is_marked_unless_all_is_bold_or_no_outline_is_wanted():
    page = Page().text(70, 760, "제원", bold=True).lines(70, 740, ENGLISH)
    assert text_of(page).startswith("**제원**\n\nThe maximum")
    assert text_of(page, outline=False).startswith("제원\n\nThe maximum")
    assert text_of(Page().text(70, 760, "모두 굵다", bold=True)) == "모두 굵다"


BOOK = [
    Page().text(70, 780, "1. 총칙").text(70, 740, "첫 절의 글").text(70, 700, "1.2 범위").text(70, 660, "둘째 절의 글"),
    Page().text(70, 780, "둘째 절이 이어진다").text(70, 700, "2. 보칙").text(70, 600, "끝 글"),
]
MARKS = (("총칙", 0, 800), (" 1.2 범위", 0, 715), ("2. 보칙", 1, 715), ("부록", 1, 590))


def test_bookmarks_part_pages_into_sections_below_headings():
    document = read(write(*BOOK, bookmarks=MARKS))
    assert [(section.headings, section.text, section.place["page"]) for section in document.sections] == [
        (("1. 총칙",), "첫 절의 글", 1),
        (("1. 총칙", "1.2 범위"), "둘째 절의 글", 1),
        (("1. 총칙", "1.2 범위"), "둘째 절이 이어진다", 2),
        (("2. 보칙",), "끝 글", 2),
    ]


def pages_of_a_report(count):
    return [
        Page()
        .text(70, 810, "선박 안전 보고서 2024")
        .lines(70, 760, [f"{number}번째 쪽의 첫 글이다.", f"제{number}장"])
        .text(280, 40, f"- {number} -")
        for number in range(1, count + 1)
    ]


def test_headers_footers_and_numbers_of_pages_are_left_out_where_they_repeat():
    document = read(write(*pages_of_a_report(4)), outline=False)
    assert [section.text for section in document.sections] == [
        f"{number}번째 쪽의 첫 글이다.\n제{number}장" for number in range(1, 5)
    ]
    first = read(write(*pages_of_a_report(4)), page_headers=True, outline=False).sections[0].text
    assert first.startswith("선박 안전 보고서 2024\n")
    assert first.endswith("- 1 -")


def test_two_pages_have_no_header():
    assert "선박 안전 보고서 2024" in read(write(*pages_of_a_report(2))).sections[0].text


def test_the_header_of_a_chapter_goes_with_its_number():
    pages = [
        Page().text(70, 810, f"{'제원과 흘수' if number < 5 else '보험'} {number + 10}").text(70, 700, f"글 {letter}")
        for number, letter in enumerate("가나다라마바사아")
    ]
    document = read(write(*pages))
    assert [section.text for section in document.sections] == [f"글 {letter}" for letter in "가나다라마바사아"]


def test_a_word_cut_at_the_end_of_a_page_is_whole_on_the_page_where_it_begins():
    lines = laid(KOREAN, 300, whole_words=False, spaces_at_ends=False)
    cut = next(number for number in range(4, len(lines)) if lines[number - 1][-1] + lines[number][0] in KOREAN)
    first, second = read(write(Page().lines(70, 760, lines[:cut]), Page().lines(70, 760, lines[cut:]))).sections
    assert f"{first.text} {second.text}" == KOREAN
    pages = [
        Page().lines(70, 760, [ENGLISH[0], "and it is the keel of a con-"]),
        Page().lines(70, 760, ["tainer ship"]),
    ]
    assert [section.text for section in read(write(*pages)).sections][1] == "ship"


@pytest.mark.parametrize("title", ["(anonymous)", "untitled", "PowerPoint Presentation", "보고서.hwp", None])
def test_a_title_that_no_one_wrote_gives_way_to_the_name_of_the_file(title):
    page = Page().text(70, 760, "구명정은 매월 점검한다.")
    assert read(write(page, title=title), "안전_점검.pdf").title == "안전_점검"
    assert read(write(page, title="안전 점검"), "a.pdf").title == "안전 점검"


def test_pages_that_are_pictures_are_told_of():
    pages = [Page().text(70, 760, "글"), Page().picture(), Page(), Page().picture().text(70, 760, "둘째 글")]
    (warning,) = read(write(*pages)).warnings
    assert warning.startswith("1 of 4 pages are pictures without text (page 2);")
    assert read(write(pages[0])).warnings == ()
