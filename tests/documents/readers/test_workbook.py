from __future__ import annotations

import datetime
import io

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document
from rag_pipeline.documents.readers.spreadsheets.number_formats import number_format
from rag_pipeline.documents.readers.spreadsheets.xls import xls_sheets
from rag_pipeline.errors import DocumentError
from tests.documents.making_sheets import ods, ods_row, patched, xlsx

SHEET = "xl/worksheets/sheet1.xml"
PORTS = [["항만", "입항", "출항"], ["부산", 100, 90], ["인천", 50, 40]]
PORTS_TOLD = "항만: 부산; 입항: 100; 출항: 90\n항만: 인천; 입항: 50; 출항: 40"


def read(content, name="a.xlsx", **options):
    return read_document(name, content, ReadingOptions(**options))


def told(content, name="a.xlsx", **options):
    return [(section.headings, section.text) for section in read(content, name, **options).sections]


def texts(*sheets, change=None, **options):
    return [text for _, text in told(xlsx(*sheets, change=change), **options)]


@pytest.mark.parametrize(
    ("code", "raw", "shown"),
    [
        ("General", "12.0", "12"),
        ("General", "0.30000000000000004", "0.3"),
        ("General", "1.2345678901234568E+16", "12345678901234568"),
        ("General", "1e400", "1e400"),
        ("0.0%", "0.125", "12.5%"),
        ('_-"₩"* #,##0_-;\\-"₩"* #,##0_-', "-45000", "-₩45,000"),
        ('"₩"#,##0', "1234567.5", "₩1,234,567.5"),
        ("#,##0", "45000.0", "45,000"),
        ('#,##0"원"', "45000", "45,000원"),
        ('#,##0 "TEU"', "5000", "5,000 TEU"),
        ("[$₩-412]#,##0", "45000", "₩45,000"),
        ("#,##0,", "1234567", "1,234.567"),
        ("000-0000-0000", "1012345678", "010-1234-5678"),
        ("000", "7", "007"),
        ("0.00", "1.1", "1.10"),
        ('yyyy"년" m"월"', "45352", "2024-03-01"),
        ("yyyy-mm-dd hh:mm", "45356.604166666664", "2024-03-05 14:30"),
        ("hh:mm", "0.378472222222222", "09:05"),
        ("[h]:mm", "1.260416666666667", "30:15"),
        (14, "45356", "2024-03-05"),
        (9, "0.1", "10%"),
        ("yyyy-mm-dd", "-5", "-5"),
        ("0.00E+00", "12345", "12345"),
    ],
)
def test_a_number_looks_as_its_format_wants(code, raw, shown):
    assert number_format(code)(raw) == shown


def test_days_of_old_macs_are_counted_from_1904():
    assert number_format("yyyy-mm-dd", from_1904=True)("43894") == "2024-03-05"


def test_values_look_as_a_person_sees_them():
    def change(book):
        for cell, code in (("B2", "0.0%"), ("C2", "#,##0"), ("D2", "[h]:mm")):
            book.active[cell].number_format = code

    names = ["이름", "비율", "금액", "기간", "날짜", "참", "오류", "계좌"]
    row = [
        "가",
        0.125,
        45000,
        datetime.timedelta(hours=30, minutes=15),
        datetime.date(2024, 3, 5),
        True,
        "#N/A",
        "001-02",
    ]
    assert texts([names, row], change=change) == [
        "이름: 가; 비율: 12.5%; 금액: 45,000; 기간: 30:15; 날짜: 2024-03-05; 참: TRUE; 오류: #N/A; 계좌: 001-02"
    ]


def test_lines_above_a_table_are_its_heading_and_groups_of_columns_name_each():
    rows = [["2024년 현황"], ["(단위: 척)"], ["항만", "2023년", None, "2024년"], [None, "입항", "출항", "입항", "출항"]]

    def change(book):
        for merged in ("A1:E1", "B3:C3", "D3:E3", "A3:A4"):
            book.active.merge_cells(merged)

    (section,) = read(xlsx([*rows, ["부산", 1, 2, 3, 4]], change=change)).sections
    assert section.headings == ("장1", "2024년 현황 (단위: 척)")
    assert section.text == "항만: 부산; 2023년 입항: 1; 2023년 출항: 2; 2024년 입항: 3; 2024년 출항: 4"
    assert section.place == {"sheet": "장1", "rows": "5-5"}


@pytest.mark.parametrize("units", [[None, "(m)", "(톤)"], [None, "m", "톤"]])
def test_units_below_names_belong_to_them(units):
    assert texts([["선명", "길이", "톤수"], units, ["가람", 300, 5000]]) == [
        "선명: 가람; 길이 (m): 300; 톤수 (톤): 5000"
    ]


def test_a_cell_that_covers_rows_is_told_in_each():
    rows = [["부서", "이름", "전화"], ["총무", "김", 1], [None, "이", 2], ["영업", "박", 3]]
    assert texts(rows, change=lambda book: book.active.merge_cells("A2:A3")) == [
        "부서: 총무; 이름: 김; 전화: 1\n부서: 총무; 이름: 이; 전화: 2\n부서: 영업; 이름: 박; 전화: 3"
    ]


def test_names_of_columns_that_nobody_filled_in_are_kept():
    rows = [["선명", "길이", "확인", "비고"], ["가람", 300, None, None], ["나루", 200, None, None]]
    assert texts(rows) == ["선명: 가람; 길이: 300\n선명: 나루; 길이: 200\n확인:; 비고:"]


def test_a_box_of_text_over_many_rows_is_told_once():
    rows = [*PORTS, [], ["주의: 잠정치입니다"], [], []]
    assert texts(rows, change=lambda book: book.active.merge_cells("A5:C7")) == [PORTS_TOLD, "주의: 잠정치입니다"]


def test_without_names_values_stand_alone():
    assert texts([["부산", 35.1, 129.0], ["인천", 37.4, 126.7]]) == ["부산 | 35.1 | 129\n인천 | 37.4 | 126.7"]


def test_a_form_gives_labels_and_values():
    pairs = [
        ["신청서"],
        ["성명", "홍길동", "생년월일", "1990-01-02"],
        ["연락처", "02-000-0000", "주소", "부산"],
        ["비고", None, "직급", "과장"],
    ]
    (section,) = read(xlsx(pairs)).sections
    assert section.headings == ("장1", "신청서")
    assert section.text == "성명: 홍길동; 생년월일: 1990-01-02\n연락처: 02-000-0000; 주소: 부산\n비고; 직급: 과장"


def test_several_tables_of_a_sheet_keep_their_own_names():
    ships = [["선명", "길이"], ["가람", 300]]
    assert told(xlsx([*PORTS, [], ["선박 현황"], *ships, [], ["※ 잠정치"]])) == [
        (("장1",), PORTS_TOLD),
        (("장1", "선박 현황"), "선명: 가람; 길이: 300"),
        (("장1",), "※ 잠정치"),
    ]


def test_rows_after_an_empty_one_belong_to_the_table_above():
    assert "\n".join(texts([PORTS[0], PORTS[1], [], PORTS[2]])) == PORTS_TOLD


def test_tables_side_by_side_are_two():
    rows = [
        [*left, None, *right]
        for left, right in zip(PORTS, [["선명", "길이"], ["가람", 300], ["나루", 200]], strict=True)
    ]
    assert texts(rows) == [PORTS_TOLD, "선명: 가람; 길이: 300\n선명: 나루; 길이: 200"]


def test_what_is_hidden_is_left_out_and_said_unless_it_is_asked_for():
    def hide(book):
        book.active.column_dimensions["C"].hidden = True
        book.active.row_dimensions[3].hidden = True
        book.worksheets[1].sheet_state = "hidden"

    content = xlsx(PORTS, [["비밀", "값"], ["연봉", 7000]], change=hide)
    assert told(content) == [(("장1",), "항만: 부산; 입항: 100")]
    assert read(content).warnings == ("hidden: 1 row, 1 column, 1 sheet left out (reading.hidden)",)
    assert told(content, hidden=True) == [(("장1",), PORTS_TOLD), (("장2",), "비밀: 연봉; 값: 7000")]


def test_a_workbook_with_all_of_it_hidden_is_said_to_be_so():
    def hide(book):
        book.active.row_dimensions[1].hidden = book.active.row_dimensions[2].hidden = True

    with pytest.raises(DocumentError, match=r"nothing but 2 rows, all hidden \(reading.hidden\)"):
        read(xlsx(PORTS[:2], change=hide))


def test_comments_stand_behind_their_cells_where_they_are_asked_for():
    def comment(book):
        from openpyxl.comments import Comment

        book.active["A2"].comment = Comment("공사\n중", "가")

    content = xlsx(PORTS[:2], change=comment)
    assert told(content)[0][1] == "항만: 부산; 입항: 100; 출항: 90"
    assert read(content).warnings == ("1 comment left out (reading.comments)",)
    assert told(content, comments=True)[0][1] == "항만: 부산 [공사 중]; 입항: 100; 출항: 90"


def test_formulas_that_were_never_calculated_are_named():
    content = xlsx([["품목", "수량", "금액"], ["밧줄", 3, "=B2*500"], ["닻", 1, "=B3*900"]])
    assert told(content)[0][1] == "품목: 밧줄; 수량: 3\n품목: 닻; 수량: 1\n금액:"
    assert read(content).warnings == ("2 formulas hold no value (장1!C2, 장1!C3); open and save it in a spreadsheet",)
    calculated = patched(
        content, SHEET, lambda xml: xml.replace(b"<v></v>", b"<v>1500</v>").replace(b"<v />", b"<v>1500</v>")
    )
    assert "금액: 1500" in told(calculated)[0][1]


def test_titles_of_charts_and_text_boxes_are_read():
    def draw(book):
        from openpyxl.chart import BarChart, Reference

        chart = BarChart()
        chart.title = "항만별 입항"
        chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=3))
        book.active.add_chart(chart, "F1")

    assert texts(PORTS, change=draw) == [PORTS_TOLD, "항만별 입항"]
    box = (
        b'<xdr:sp xmlns:xdr="x" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><xdr:txBody>'
        b"<a:p><a:r><a:t>One</a:t></a:r><a:r><a:t> box</a:t></a:r></a:p><a:p/><a:p><a:r><a:t>two</a:t></a:r></a:p>"
        b"</xdr:txBody></xdr:sp></"
    )
    drawn = patched(
        xlsx(PORTS, change=draw),
        "xl/drawings/drawing1.xml",
        lambda xml: xml[: xml.rindex(b"</")] + box + xml[xml.rindex(b"</") + 2 :],
    )
    assert [text for _, text in told(drawn)] == [PORTS_TOLD, "One box\ntwo", "항만별 입항"]


def test_reading_aids_of_names_are_no_text():
    def add(xml):
        return xml.replace("<t>부산</t>".encode(), "<r><t>부</t></r><r><t>산</t></r><rPh><t>busan</t></rPh>".encode())

    assert patched(xlsx(PORTS), "xl/sharedStrings.xml", add) != xlsx(PORTS)
    assert told(patched(xlsx(PORTS), "xl/sharedStrings.xml", add))[0][1] == PORTS_TOLD


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda xml: xml.replace(
            b"</sheetData>",
            b"</sheetData><mergeCells>" + b'<mergeCell ref="A1:XFD1048576"/>' * 100_000 + b"</mergeCells>",
        ),
        lambda xml: xml.replace(b'r="A3"', b'r="XFD1048576"').replace(b'r="3"', b'r="1048576"'),
    ],
)
def test_a_sheet_made_to_be_endless_is_read_as_far_as_it_goes(change):
    # As a rectangle it would have seventeen billion cells.
    assert "부산" in told(patched(xlsx(PORTS), SHEET, change), hidden=True)[0][1]


@pytest.mark.parametrize("reference", [b"ZZZZ1", b"A9999999"])
def test_a_cell_beyond_a_sheet_is_damage(reference):
    content = patched(xlsx(PORTS), SHEET, lambda xml: xml.replace(b'r="A1"', b'r="' + reference + b'"', 1))
    if reference.startswith(b"A"):
        content = patched(xlsx(PORTS), SHEET, lambda xml: xml.replace(b'<row r="1"', b'<row r="9999999"', 1))
    with pytest.raises(DocumentError, match="is beyond a sheet"):
        read(content)


def test_old_workbooks_are_read_through_calamine():
    (sheet,) = xls_sheets(xlsx(PORTS, change=lambda book: book.active.merge_cells("A2:A3")), is_named_so=True)
    assert (sheet.rows[2], sheet.merges) == ({0: "부산", 1: "100", 2: "90"}, [(2, 0, 3, 0)])


def test_a_page_or_a_text_that_is_called_xls_is_read_as_what_it_is():
    page = (
        "<html><body><table><tr><th>항만</th><th>입항</th></tr><tr><td>부산</td><td>100</td></tr></table></body></html>"
    )
    assert "| 부산 | 100 |" in told(page.encode(), "a.xls")[0][1]
    assert told("항만\t입항\n부산\t100\n".encode("cp949"), "a.xls") == [((), "항만: 부산; 입항: 100")]


def test_an_ods_is_read_as_it_is_shown():
    cell = '<table:table-cell office:value-type="{}" {}><text:p>{}</text:p></table:table-cell>'
    values = [
        cell.format("percentage", 'office:value="0.1256"', "12.6%"),
        cell.format("currency", 'office:value="45000"', "₩45,000"),
        cell.format("float", 'office:value="2.50"', "2.50"),
        cell.format("date", 'office:date-value="2024-03-05"', "24. 3. 5."),
        cell.format("date", 'office:date-value="2024-03-05T14:30:00"', "24. 3. 5. 2:30"),
        cell.format("time", 'office:time-value="PT30H15M00S"', "06:15"),
        cell.format("boolean", 'office:boolean-value="true"', "참"),
        "<table:table-cell><text:p>첫<text:s/>줄</text:p><text:p>둘째<text:span>!</text:span></text:p></table:table-cell>",
    ]
    names = ods_row("비율", "금액", "수", "날짜", "일시", "기간", "참", "글")
    assert told(ods(f">{names}{ods_row(*values)}</table:table>"), "a.ods") == [
        (
            ("장1",),
            "비율: 12.56%; 금액: ₩45,000; 수: 2.50; 날짜: 2024-03-05; 일시: 2024-03-05 14:30; 기간: 30:15; 참: TRUE; "
            "글: 첫 줄 둘째!",
        )
    ]


def test_hidden_merged_commented_and_repeated_cells_of_an_ods():
    note = "<office:annotation><text:p>공사 중</text:p></office:annotation>"
    rows = [
        ods_row("부서", "이름", "급여"),
        ods_row(
            '<table:table-cell table:number-rows-spanned="2"><text:p>총무</text:p></table:table-cell>',
            f"<table:table-cell>{note}<text:p>김</text:p></table:table-cell>",
            "1",
        ),
        ods_row("<table:covered-table-cell/>", "이", "2"),
        ods_row("영업", "박", "3", attributes='table:visibility="collapse"'),
        ods_row(
            '<table:table-cell table:number-columns-repeated="16384"/>',
            attributes='table:number-rows-repeated="1048570"',
        ),
    ]
    columns = '<table:table-column table:number-columns-repeated="2"/><table:table-column table:visibility="collapse"/>'
    style = '<style:style style:name="h"><style:table-properties table:display="false"/></style:style>'
    secret = f' table:style-name="h">{ods_row("비밀", "값")}</table:table>'
    content = ods(f">{columns}{''.join(rows)}</table:table>", secret, styles=style)
    assert told(content, "a.ods") == [(("장1",), "부서: 총무; 이름: 김\n부서: 총무; 이름: 이")]
    assert read(content, "a.ods").warnings == (
        "hidden: 1 row, 1 column, 1 sheet left out (reading.hidden)",
        "1 comment left out (reading.comments)",
    )
    shown = told(content, "a.ods", hidden=True, comments=True)
    assert shown[0][1].startswith("부서: 총무; 이름: 김 [공사 중]; 급여: 1\n")
    assert shown[1] == (("장2",), "비밀 | 값")


def test_a_cell_of_an_ods_that_is_repeated_without_end_is_cut_and_said():
    cell = '<table:table-cell table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell>'
    row = ods_row(cell, attributes='table:number-rows-repeated="1048576"')
    document = read(ods(f">{row}</table:table>"), "a.ods")
    assert document.warnings == ("what is repeated thousands of times was cut short (장1)",)


def test_a_locked_ods_is_said_to_be_locked():
    content = patched(ods(">x</table:table>"), "mimetype", lambda text: text)
    from tests import formats

    locked = formats.archive({"content.xml": b"\x00\x01", "META-INF/manifest.xml": b"<m><encryption-data/></m>"})
    with pytest.raises(DocumentError, match="locked with a password"):
        read(locked, "a.ods")
    with pytest.raises(DocumentError, match="holds no text"):
        read(content, "a.ods")


@pytest.mark.slow
def test_fifty_thousand_rows_are_read():
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("큰 장")
    sheet.append(["번호", "이름"])
    for number in range(50_000):
        sheet.append([number, f"배 {number}"])
    stream = io.BytesIO()
    book.save(stream)
    sections = read(stream.getvalue()).sections
    assert sections[-1].text.endswith("번호: 49999; 이름: 배 49999")


@pytest.mark.parametrize(("title", "used"), [("입출항 현황", "입출항 현황"), ("Untitled 1", "a"), ("현황.xlsx", "a")])
def test_the_title_of_an_ods_is_one_that_somebody_wrote(title, used):
    table = f">{ods_row('항만', '입항')}{ods_row('부산', '100')}</table:table>"
    assert read(ods(table, title=title), "a.ods").title == used
