"""Every letter of a Word file, once, as a reader of the document sees it."""

from __future__ import annotations

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document
from rag_pipeline.documents.readers import word as reader
from rag_pipeline.errors import DocumentError
from tests import formats
from tests.documents.making_office import cell, chart, element, paragraph, row, table, word


def read(content, name="문서.docx", **options):
    return read_document(name, content, ReadingOptions(**options))


def text(body, parts=None, **options):
    (section,) = read(word(body, parts), **options).sections
    return section.text


def run(words, properties=""):
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{words}</w:t></w:r>'


def inline(inside):
    return text(f"<w:p>{inside}</w:p>")


RAISED = '<w:vertAlign w:val="superscript"/>'
BOX = "<w:txbxContent>{}</w:txbxContent>"


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (
            f"{run('흘수 ')}<w:del><w:r><w:delText>10.00</w:delText></w:r></w:del><w:ins>{run('12.04')}</w:ins>",
            "흘수 12.04",
        ),
        (f"<w:moveFrom>{run('옮김')}</w:moveFrom>{run('앞 ')}<w:moveTo>{run('옮김')}</w:moveTo>", "앞 옮김"),
        (f"{run('성명: ')}<w:sdt><w:sdtPr/><w:sdtContent>{run('홍길동')}</w:sdtContent></w:sdt>", "성명: 홍길동"),
        (f"{run('표 ')}<w:fldSimple w:instr=' SEQ 표 '>{run('7')}</w:fldSimple>", "표 7"),
        (f"<w:hyperlink>{run('누리집')}</w:hyperlink>{run('에서')}", "누리집에서"),
        (f"<w:smartTag><w:smartTagPr/>{run('부산')}</w:smartTag>{run('항')}", "부산항"),
        (f"<w:customXml>{run('부산')}<w:customXml>{run('신항')}</w:customXml></w:customXml>", "부산신항"),
        (f"<w:dir>{run('가')}</w:dir><w:bdo>{run('나')}</w:bdo>", "가나"),
        ("<w:r><w:t>TEU</w:t><w:noBreakHyphen/><w:t>5000</w:t></w:r>", "TEU-5000"),
        ("<w:r><w:t>con</w:t><w:softHyphen/><w:t>tai\u00adner</w:t></w:r>", "container"),
        ("<w:r><w:t>가</w:t><w:tab/><w:t>나</w:t><w:br/><w:t>다</w:t><w:cr/><w:t>라</w:t></w:r>", "가\t나\n다\n라"),
        (
            "<w:r><w:ruby><w:rubyPr/><w:rt><w:r><w:t>かな</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢字</w:t></w:r>"
            "</w:rubyBase></w:ruby></w:r>",
            "漢字(かな)",
        ),
        (run("12.04") + run("1)", RAISED) + run(" m"), "12.04^1) m"),
        (run("3×10") + run("4", RAISED) + run("5", ""), "3×10^4 5"),
        (run("10") + run("-", RAISED) + run("6", RAISED) + run(" 이하"), "10^-6 이하"),
        (run("H") + run("2", '<w:vertAlign w:val="subscript"/>') + run("O"), "H2O"),
        (run("1") + run("st", RAISED) + run(" of May"), "1st of May"),
        ("<w:r><w:sym w:font='Wingdings' w:char='F0FE'/><w:t> 동의</w:t></w:r>", "☑ 동의"),
        ("<w:r><w:sym w:font='Symbol' w:char='F061'/></w:r>", "α"),
        ("<w:r><w:rPr><w:rFonts w:ascii='Symbol'/></w:rPr><w:t>\uf044T</w:t></w:r>", "ΔT"),
        (f"<!-- x --><w:bookmarkStart/>{run('가')}<w:proofErr/>", "가"),
        ("<w:r><w:t>한\n줄</w:t></w:r>", "한 줄"),
        (f"<w:t>밖</w:t>{run('안')}<w:r>{run('속')}</w:r><x:new xmlns:x='urn:x'>{run('새')}</x:new>", "밖안속새"),
    ],
)  # fmt: skip
def test_what_stands_in_a_paragraph_is_read_as_it_is_shown(inside, expected):
    assert inline(inside) == expected


def field(instruction, result, separate=True):
    def mark(kind):
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    told = f"<w:r><w:instrText>{instruction}</w:instrText></w:r>" if not instruction.startswith("<") else instruction
    return mark("begin") + told + (mark("separate") + result if separate else "") + mark("end")


def test_of_a_field_the_result_is_read_and_not_what_it_is_made_from():
    assert inline(run("쪽 ") + field(" PAGEREF x ", run("12"))) == "쪽 12"
    assert inline(run("가") + field(" XE 색인 ", "", separate=False) + run("나")) == "가나"
    nested = field(f"<w:r><w:instrText> IF </w:instrText></w:r>{field(' MERGEFIELD 성 ', run('김'))}", run("김 선생"))
    assert inline(nested) == "김 선생"


def test_a_field_goes_on_over_paragraphs_and_one_that_never_ends_swallows_nothing():
    begin, rest = field(" TOC ", run("차례 1")).split(run("차례 1"))
    assert text(f"<w:p>{begin}{run('차례 1')}</w:p><w:p>{run('차례 2')}{rest}</w:p>") == "차례 1\n\n차례 2"
    assert text(f'<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r>{run("가")}</w:p>{paragraph("나")}') == "가\n\n나"


def test_fields_of_old_forms_show_what_was_chosen():
    box = "<w:r><w:fldChar w:fldCharType='begin'><w:ffData><w:checkBox>{}</w:checkBox></w:ffData></w:fldChar></w:r>"
    end = "<w:r><w:fldChar w:fldCharType='end'/></w:r>"
    assert inline(box.format("<w:checked/>") + end + run(" 찬성")) == "☒ 찬성"
    assert inline(box.format("<w:checked w:val='0'/>") + end + run(" 찬성")) == "☐ 찬성"
    choices = "<w:ddList><w:result w:val='1'/><w:listEntry w:val='부산'/><w:listEntry w:val='인천'/></w:ddList>"
    assert (
        inline(f"<w:r><w:fldChar w:fldCharType='begin'><w:ffData>{choices}</w:ffData></w:fldChar></w:r>{end}") == "인천"
    )


def test_content_controls_around_paragraphs_rows_and_cells_hide_nothing():
    controlled = "<w:sdt><w:sdtPr/><w:sdtContent>{}</w:sdtContent></w:sdt>"
    assert text(controlled.format(paragraph("안") + controlled.format(paragraph("더 안")))) == "안\n\n더 안"
    rows = row("이름", "값") + controlled.format(row("가", controlled.format(cell("1"))))
    assert text(table(rows)) == "| 이름 | 값 |\n| --- | --- |\n| 가 | 1 |"


def test_a_text_box_is_read_once_of_its_two_forms():
    shape = f"<w:drawing><wps:txbx>{BOX.format(paragraph('글상자'))}</wps:txbx></w:drawing>"
    older = f"<w:pict><v:textbox>{BOX.format(paragraph('글상자'))}</v:textbox></w:pict>"
    both = (
        f'<mc:AlternateContent><mc:Choice Requires="wps">{shape}</mc:Choice>'
        f"<mc:Fallback>{older}</mc:Fallback></mc:AlternateContent>"
    )
    assert text(f"<w:p>{run('본문')}<w:r>{both}</w:r></w:p>") == "본문\n\n글상자"
    assert text(f"<w:p><w:r>{older}</w:r></w:p>") == "글상자"
    empty = both.replace(shape, "<w:drawing/>")
    assert text(f"<w:p><w:r>{empty}</w:r></w:p>") == "글상자"
    assert text('<w:p><w:r><w:pict><v:textpath string="대외비"/></w:pict></w:r></w:p>') == "대외비"


def test_a_text_box_in_a_cell_stays_in_the_cell():
    boxed = f"<w:p>{run('값')}<w:r><w:pict>{BOX.format(paragraph('상자'))}</w:pict></w:r></w:p>"
    assert text(table(row("이름", cell(boxed)))).startswith("| 이름 | 값 상자 |")


def test_charts_and_diagrams_are_read_where_they_stand():
    body = (
        f"{paragraph('앞')}<w:p><w:r><w:drawing><c:chart r:id='rIdchart'/></w:drawing></w:r></w:p>"
        f"<w:p><w:r><w:drawing><dgm:relIds r:dm='rIddiagramData'/></w:drawing></w:r></w:p>{paragraph('뒤')}"
    )
    point = "<dgm:pt><dgm:t><a:p><a:r><a:t>{}</a:t></a:r></a:p></dgm:t></dgm:pt>"
    parts = {
        "chart": chart("매출", ["1분기", "2분기"], {"본사": ["120", "0.30000000000000004"]}),
        "diagramData": f"<dgm:ptLst>{point.format('계획')}{point.format('실행')}</dgm:ptLst>",
    }
    assert text(body, parts) == "\n\n".join(
        ["앞", "매출", "|  | 본사 |\n| --- | --- |\n| 1분기 | 120 |\n| 2분기 | 0.3 |", "계획\n실행", "뒤"]
    )


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        ("<m:r><m:t>GZ=GM×sinθ</m:t></m:r>", "GZ=GM×sinθ"),
        ("<m:f><m:num>{a+b}</m:num><m:den>{2}</m:den></m:f>", "(a+b)/2"),
        ("<m:f><m:num>{1}</m:num><m:den>{z}</m:den></m:f>{dz}", "1/z dz"),
        ("<m:sSup><m:e>{x}</m:e><m:sup>{2}</m:sup></m:sSup>{+y}", "x^2+y"),
        ("<m:sSub><m:e>{a}</m:e><m:sub>{n+1}</m:sub></m:sSub>", "a_(n+1)"),
        ("<m:rad><m:deg/><m:e>{x+1}</m:e></m:rad>", "√(x+1)"),
        ("<m:rad><m:deg>{3}</m:deg><m:e>{x}</m:e></m:rad>", "√[3](x)"),
        (
            '<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{i=1}</m:sub><m:sup>{n}</m:sup>'
            "<m:e>{i}</m:e></m:nary>",
            "∑_(i=1)^n i",
        ),
        ('<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e>{x}</m:e></m:d>', "[x]"),
        ("<m:func><m:fName>{sin}</m:fName><m:e>{x}</m:e></m:func>", "sin x"),
        ("<m:m><m:mr><m:e>{a}</m:e><m:e>{b}</m:e></m:mr><m:mr><m:e>{c}</m:e></m:mr></m:m>", "[a, b; c]"),
        ('<m:acc><m:accPr><m:chr m:val="\u0305"/></m:accPr><m:e>{x}</m:e></m:acc>', "x\u0305"),
        ("<m:eqArr><m:e>{a=1}</m:e><m:e>{b=2}</m:e></m:eqArr>", "a=1; b=2"),
    ],
)  # fmt: skip
def test_an_equation_is_a_line(equation, expected):
    made = equation.replace("{", "<m:r><m:t>").replace("}", "</m:t></m:r>")
    assert inline(f"{run('식: ')}<m:oMathPara><m:oMath>{made}</m:oMath></m:oMathPara>") == f"식: {expected}"


def test_merged_cells_put_each_value_under_its_own_heading():
    span, begin, on = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    made = table(
        row(cell("구분", begin), cell("2023년", span), "비고"),
        row(cell("<w:p/>", on), "매출", "이익", ""),
        row("본사", "100", "20", "감사 완료"),
        row("지사", cell("미집계", span), "감사 전"),
        row("출장소", "7", properties='<w:gridBefore w:val="0"/><w:gridAfter w:val="2"/>'),
        row("30", "감사 뒤", properties='<w:gridBefore w:val="2"/>'),
    )
    assert text(made).split("\n") == [
        "| 구분 | 2023년 |  | 비고 |",
        "| --- | --- | --- | --- |",
        "| 구분 | 매출 | 이익 |  |",
        "| 본사 | 100 | 20 | 감사 완료 |",
        "| 지사 | 미집계 |  | 감사 전 |",
        "| 출장소 | 7 |  |  |",
        "|  |  | 30 | 감사 뒤 |",
    ]


def test_grids_finer_than_the_cells_and_cells_that_go_on_from_nothing_do_no_harm():
    wide = '<w:gridSpan w:val="9"/>'
    assert text(table(row(cell("가", wide), cell("나", wide)), row(cell("1", wide), cell("2", wide)))) == (
        "| 가 | 나 |\n| --- | --- |\n| 1 | 2 |"
    )
    made = table(row(cell("가", "<w:vMerge/>"), "나"), row(cell("숨은", "<w:vMerge/>"), "라"))
    assert text(made) == "| 가 숨은 | 나 |\n| --- | --- |\n| 가 숨은 | 라 |"
    older = table(
        row(cell("가", '<w:hMerge w:val="restart"/>'), cell("<w:p/>", "<w:hMerge/>"), "나"), row("1", "2", "3")
    )
    assert text(older) == "| 가 |  | 나 |\n| --- | --- | --- |\n| 1 | 2 | 3 |"
    assert "| 끝 |" in text(table(row(cell("가", '<w:gridSpan w:val="999999999"/>'), "끝"), row("1", "2")))


def test_a_table_in_a_cell_is_a_line_and_in_a_box_a_table():
    inner = table(row("이름", "값"), row("가", "1|2"))
    assert text(table(row("바깥", cell(f"{paragraph('안:')}{inner}<w:p/>")))).split("\n")[0] == (
        "| 바깥 | 안: 이름 / 값; 가 / 1\\|2 |"
    )
    assert text(table(row(cell(f"{paragraph('알림')}{inner}<w:p/>")))) == (
        "알림\n\n| 이름 | 값 |\n| --- | --- |\n| 가 | 1\\|2 |"
    )
    assert text(table(row("알림"), row("내일 쉽니다"))) == "알림\n내일 쉽니다"


def test_rows_that_were_deleted_or_are_hidden_are_left_out():
    made = table(row("가", "나"), row("지운", "줄", properties="<w:del/>"), row("숨은", "줄", properties="<w:hidden/>"))
    assert text(made) == "| 가 | 나 |\n| --- | --- |"
    assert "| 숨은 | 줄 |" in text(made, hidden=True)


def style(key, name="", based="", more="", kind="paragraph"):
    on = f'<w:basedOn w:val="{based}"/>' if based else ""
    return f'<w:style w:type="{kind}" w:styleId="{key}"><w:name w:val="{name or key}"/>{on}{more}</w:style>'


@pytest.mark.parametrize(
    ("styles", "properties"),
    [
        (style("a", "heading 1"), '<w:pStyle w:val="a"/>'),
        (style("b", "장제목", "a") + style("a", "Heading 1"), '<w:pStyle w:val="b"/>'),
        (style("a", "제목 1"), '<w:pStyle w:val="a"/>'),
        (style("a", "개요 1"), '<w:pStyle w:val="a"/>'),
        (style("Heading1", "Überschrift eins"), '<w:pStyle w:val="Heading1"/>'),
        (style("a", "장", more='<w:pPr><w:outlineLvl w:val="0"/></w:pPr>'), '<w:pStyle w:val="a"/>'),
        ("", '<w:outlineLvl w:val="0"/>'),
    ],
)
def test_a_heading_is_known_by_its_level_and_by_what_its_style_is_based_on(styles, properties):
    document = read(word(paragraph("제1장 총칙", properties) + paragraph("목적"), {"styles": styles}))
    assert [(section.headings, section.text) for section in document.sections] == [(("제1장 총칙",), "목적")]


def test_a_style_that_says_it_is_text_is_no_heading_whatever_it_is_based_on():
    styles = style("a", "heading 1") + style("toc", "TOC Heading", "a", '<w:pPr><w:outlineLvl w:val="9"/></w:pPr>')
    assert text(paragraph("차례", '<w:pStyle w:val="toc"/>'), {"styles": styles}) == "차례"
    circle = style("a", "가", "b") + style("b", "나", "a")
    assert text(paragraph("돈다", '<w:pStyle w:val="a"/>'), {"styles": circle}) == "돈다"


def test_headings_without_text_and_very_long_ones_are_text():
    first, second = '<w:outlineLvl w:val="0"/>', '<w:outlineLvl w:val="1"/>'
    body = (
        paragraph("가", first) + paragraph("가1", second) + paragraph("가2", second) + paragraph("가3", second)
        + paragraph("글") + paragraph("나", first) + paragraph("긴 " * 150, first) + paragraph("끝", second)
    )  # fmt: skip
    document = read(word(body))
    assert [(section.headings, section.text) for section in document.sections] == [
        (("가",), "가1\n\n가2"),
        (("가", "가3"), "글"),
        (("나",), ("긴 " * 150).strip()),
        (("나",), "끝"),
    ]


def test_a_title_that_is_not_the_documents_stays_text():
    styles = {"styles": style("t", "Title")}
    titles = (
        paragraph("운항 규정", '<w:pStyle w:val="t"/>') + paragraph("부칙", '<w:pStyle w:val="t"/>') + paragraph("글")
    )
    document = read(word(titles, styles))
    assert (document.title, document.sections[0].text) == ("운항 규정", "부칙\n\n글")
    document = read(word(titles, styles, title="다른 제목"))
    assert (document.title, document.sections[0].text) == ("다른 제목", "운항 규정\n\n부칙\n\n글")


@pytest.mark.parametrize(
    "title", ["Untitled document", "Word Document", "보고서.docx", "Microsoft Word - 보고.doc", "문서1", "제목 없음"]
)
def test_a_title_that_nobody_wrote_is_not_used(title):
    assert read(word(paragraph("글"), title=title)).title == "문서"


def test_a_title_that_somebody_wrote_is_used():
    assert read(word(paragraph("글"), title="2024")).title == "2024"
    assert read(word(paragraph("글"), title="Microsoft Word - 운항 규정")).title == "운항 규정"


NOTE = '<w:{0} w:id="{1}">{2}</w:{0}>'


def test_notes_stand_below_the_section_that_refers_to_them_and_marks_apart_from_figures():
    mark = '<w:r><w:{}Reference w:id="{}"/></w:r>'
    body = (
        paragraph("제원", '<w:outlineLvl w:val="0"/>')
        + f"<w:p>{run('흘수 12.04')}{mark.format('footnote', 5)}{run(' m, 폭 32')}{mark.format('endnote', 2)}</w:p>"
        + table(row("항목", cell(f"<w:p>{run('5')}{mark.format('footnote', 6)}</w:p>")))
        + paragraph("다음", '<w:outlineLvl w:val="0"/>')
        + f"<w:p>{run('가')}<w:r><w:footnoteReference w:customMarkFollows='1' w:id='7'/><w:t>*</w:t></w:r></w:p>"
        + f"<w:p>{run('지움')}<w:del>{mark.format('footnote', 8)}</w:del></w:p>"
    )
    notes = [
        '<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:t>선</w:t></w:r></w:p></w:footnote>',
        NOTE.format("footnote", 5, f"<w:p><w:r><w:footnoteRef/></w:r>{run(' 만재 기준')}</w:p>"),
        NOTE.format("footnote", 6, paragraph("추정")),
        NOTE.format("footnote", 7, paragraph("* 별표")),
        NOTE.format("footnote", 8, paragraph("지운 각주")),
        NOTE.format("footnote", 9, paragraph("아무도 가리키지 않는 각주")),
    ]
    document = read(word(body, {"footnotes": "".join(notes), "endnotes": NOTE.format("endnote", 2, paragraph("끝주"))}))
    first, second, third = document.sections
    assert first.text == (
        "흘수 12.04^1) m, 폭 32^i)\n\n| 항목 | 5^2) |\n| --- | --- |\n\n1) 만재 기준\ni) 끝주\n2) 추정"
    )
    assert (second.headings, second.text) == (("다음",), "가*\n\n지움\n\n* 별표")
    assert (third.headings, third.text) == (("Notes",), "아무도 가리키지 않는 각주")


def test_comments_headers_and_hidden_text_are_read_if_they_are_wanted_and_told_of_else():
    hidden = style("h", "숨김", more="<w:rPr><w:vanish/></w:rPr>", kind="character")
    coded, shown = '<w:rStyle w:val="h"/>', '<w:vanish w:val="0"/>'
    body = (
        f"<w:p>{run('선적항은 부산')}<w:r><w:commentReference w:id='3'/></w:r>{run(' 비밀', '<w:vanish/>')}"
        f"{run(' 암호', coded)}{run('이다', shown)}</w:p>"
    )
    parts = {
        "styles": hidden,
        "comments": f'<w:comment w:id="3" w:author="가람">{paragraph("인천으로 바뀜")}</w:comment>',
        "header1": paragraph("문서번호 17"),
        "header2": paragraph("문서번호 17"),
        "footer1": paragraph("대외비"),
    }
    plain = read(word(body, parts))
    assert [section.text for section in plain.sections] == ["선적항은 부산이다"]
    assert plain.warnings == ("1 comment left out", "2 hidden runs left out")
    full = read(word(body, parts), hidden=True, comments=True, page_headers=True)
    assert [(section.headings, section.text) for section in full.sections] == [
        ((), "선적항은 부산 비밀 암호이다\n\nComment (가람): 인천으로 바뀜"),
        (("Headers and footers",), "문서번호 17\n\n대외비"),
    ]
    assert full.warnings == ()


def test_a_paragraph_all_in_bold_is_marked_where_an_outline_is_wanted():
    bold = "<w:b/>"
    styles = style("b", "굵게", more="<w:rPr><w:b/></w:rPr>")
    body = (
        paragraph("개요", run=bold) + f"<w:p>{run('가', bold)}{run('나')}</w:p>" + paragraph("긴 " * 45, run=bold)
        + paragraph("양식", '<w:pStyle w:val="b"/>') + table(row(cell(paragraph("칸", run=bold)), "값"))
    )  # fmt: skip
    (section,) = reader.read("문서.docx", word(body, {"styles": styles}), ReadingOptions()).sections
    lines = section.text.split("\n\n")
    assert lines == ["**개요**", "가나", ("긴 " * 45).strip(), "**양식**", "| 칸 | 값 |\n| --- | --- |"]
    assert text(body, {"styles": styles}, outline=False).startswith("개요\n\n가나")


def test_a_paragraph_whose_end_was_deleted_runs_into_the_next():
    body = (
        paragraph("앞 ", "<w:rPr><w:del/></w:rPr>") + paragraph("뒤") + paragraph("가", '<w:framePr w:dropCap="drop"/>')
    )
    assert text(body + paragraph("나다")) == "앞 뒤\n\n가나다".replace("앞 뒤", "앞뒤")


def test_files_that_are_embedded_are_told_of():
    content = word(
        paragraph("글")
        + '<w:altChunk r:id="rIdaFChunk"/><w:p><w:r><w:object><o:OLEObject xmlns:o="urn:o"/></w:object></w:r></w:p>',
        {"aFChunk": "<html/>"},
    )
    assert read(content).warnings == ("1 embedded file aFChunk.xml left out", "1 embedded object left out")


def test_strict_open_xml_is_read_like_any_other():
    body = paragraph("제1장", '<w:pStyle w:val="a"/>') + table(row("가", "나"), row("1", "2"))
    content = word(body, {"styles": style("a", "heading 1")}, strict=True)
    (section,) = read(content).sections
    assert (section.headings, section.text) == (("제1장",), "| 가 | 나 |\n| --- | --- |\n| 1 | 2 |")


def test_macros_templates_and_odd_names_of_parts_do_no_harm():
    kind = "application/vnd.ms-word.document.macroEnabled.main+xml"
    types = f'<Types xmlns="urn:types"><Override PartName="/word/document.xml" ContentType="{kind}"/></Types>'
    document = element("w:document", f"<w:body>{paragraph('글')}</w:body>")
    assert (
        read(formats.archive({"[Content_Types].xml": types, "word\\Document.xml": document})).sections[0].text == "글"
    )


def test_a_building_block_that_is_not_in_the_text_is_not_read():
    content = word(paragraph("글"), {"glossaryDocument": element("w:glossaryDocument", paragraph("상용구"))})
    assert [section.text for section in read(content).sections] == ["글"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (formats.pptx("x"), "holds a presentation and not a Word document: give it the suffix .pptx"),
        (formats.xlsx("x"), "is damaged, or not a .docx file: xl/workbook.xml begins with workbook"),
        (formats.archive({"word/document.xml": "<w:doc"}), "is damaged: word/document.xml is not XML"),
        (word(table(row("가")) * 2).replace(b"PK\x05\x06", b"PK\x05\x07"), "is damaged"),
    ],
)
def test_what_is_no_word_document_is_named_by_what_it_is(content, reason):
    with pytest.raises(DocumentError, match=reason):
        read(content)


def test_ten_thousand_tables_in_each_other_are_refused_in_words():
    depth = 10_000
    deep = f"{'<w:tbl><w:tr><w:tc>' * depth}{paragraph('바닥')}{'</w:tc></w:tr></w:tbl>' * depth}"
    with pytest.raises(DocumentError, match="^is nested too deeply$"):
        read(word(deep))


def test_as_many_tables_in_each_other_as_the_parser_takes_are_read():
    depth = 60
    deep = f"{'<w:tbl><w:tr><w:tc><w:p/></w:tc><w:tc>' * depth}{paragraph('바닥|')}{'</w:tc></w:tr></w:tbl>' * depth}"
    assert text(deep).count("바닥\\|") == 1


def test_letters_that_come_from_everywhere_come_out_once():
    places = iter(f"자리{number:03d}끝" for number in range(100))

    def word_of():
        return paragraph(next(places))

    def boxed(inside):
        return f"<w:p><w:r><w:pict>{BOX.format(inside)}</w:pict></w:r></w:p>"

    inner = table(row(cell(word_of()), cell(word_of())))
    body = "".join(
        [
            word_of(),
            table(row(cell(word_of()), cell(word_of() + inner))),
            boxed(word_of()),
            paragraph(next(places), '<w:outlineLvl w:val="0"/>'),
            table(row(cell(word_of() + boxed(word_of())))),
            f"<w:p><w:r><w:footnoteReference w:id='1'/></w:r>{run(next(places))}</w:p>",
        ]
    )
    document = read(word(body, {"footnotes": NOTE.format("footnote", 1, word_of())}))
    written = "\n".join([section.text for section in document.sections] + [*document.sections[-1].headings])
    assert {number: written.count(f"자리{number:03d}") for number in range(11)} == dict.fromkeys(range(11), 1)


def test_one_long_row_does_not_make_all_others_as_long():
    made = text(table(row(*["가"] * 2000), *[row("나", "다") for _ in range(1500)]))
    assert made.count("가") == 2000
    assert made.count("나 / 다") == 1500
    assert len(made) < 30_000
