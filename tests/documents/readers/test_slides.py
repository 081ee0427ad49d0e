"""Every letter of a presentation, once, slide by slide, in the order in which it is read."""

from __future__ import annotations

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document
from rag_pipeline.errors import DocumentError
from tests import formats
from tests.documents.making_office import chart, element, shape, show


def read(content, **options):
    return read_document("발표.pptx", content, ReadingOptions(**options))


def text(*shapes, parts=None, **options):
    (section,) = read(show(["".join(shapes)], parts), **options).sections
    return section.text


SLIDE = "ppt/slides/slide0.xml"


def frame(inside):
    return (
        "<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id='3' name='x'/></p:nvGraphicFramePr>"
        f"<a:graphic><a:graphicData>{inside}</a:graphicData></a:graphic></p:graphicFrame>"
    )


def test_shapes_are_read_from_top_to_bottom_and_left_to_right_with_the_title_first():
    made = [
        shape("아래", 3000),
        shape("오른쪽", 1010, 5000),
        shape("왼쪽", 1000, 100),
        shape("제목", 6000, placeholder="title"),
    ]
    (section,) = read(show(["".join(made)])).sections
    assert (section.headings, section.text) == (("제목",), "왼쪽\n\n오른쪽\n\n아래")


def test_a_group_is_read_as_one():
    def group(top, *inside):
        place = f'<a:xfrm><a:off x="0" y="{top * 914}"/></a:xfrm>'
        return f"<p:grpSp><p:nvGrpSpPr/><p:grpSpPr>{place}</p:grpSpPr>{''.join(inside)}</p:grpSp>"

    made = [shape("끝", 5000), group(2000, shape("나", 9000), group(8000, shape("가", 8000))), shape("처음", 0)]
    assert text(*made) == "처음\n\n가\n\n나\n\n끝"


def test_a_placeholder_stands_where_its_layout_puts_it():
    def bare(words, kind):
        made = shape(words, placeholder=kind)
        return made.replace(made[made.index("<a:xfrm>") : made.index("</p:spPr>")], "")

    layout = element("p:sldLayout", f"<p:cSld><p:spTree>{shape('', 4000, placeholder='body')}</p:spTree></p:cSld>")
    made = [bare("본문", "body"), shape("먼저", 1000)]
    assert text(*made, parts={SLIDE: {"rIdL": ("slideLayout", layout)}}) == "먼저\n\n본문"


def test_a_chart_gives_its_title_and_its_values_by_category_and_series():
    inside = chart("분기 매출", ["1분기", "2분기"], {"매출(억원)": ["120", "135"], "이익": ["7", ""]})
    parts = {SLIDE: {"rId7": ("chart", element("c:chartSpace", inside))}}
    assert text(frame('<c:chart r:id="rId7"/>'), parts=parts) == (
        "분기 매출\n\n|  | 매출(억원) | 이익 |\n| --- | --- | --- |\n| 1분기 | 120 | 7 |\n| 2분기 | 135 |  |"
    )


def test_days_in_a_chart_are_dates():
    inside = chart("", ["43831", "43832.5"], {"흘수": ["9.1", "9.2"]}, code="yyyy\\-mm\\-dd")
    parts = {SLIDE: {"rId7": ("chart", element("c:chartSpace", inside))}}
    assert "| 2020-01-01 | 9.1 |\n| 2020-01-02 12:00 | 9.2 |" in text(frame('<c:chart r:id="rId7"/>'), parts=parts)


def test_the_points_of_a_scatter_chart_keep_both_values_and_groups_their_names():
    def values(name, *points):
        made = "".join(f'<c:pt idx="{index}"><c:v>{value}</c:v></c:pt>' for index, value in enumerate(points))
        return f"<c:{name}><c:numRef><c:numCache>{made}</c:numCache></c:numRef></c:{name}>"

    series = f"<c:ser><c:tx><c:v>배</c:v></c:tx>{values('xVal', 1, 2)}{values('yVal', 10, 20)}</c:ser>"
    other = f"<c:ser><c:tx><c:v>섬</c:v></c:tx>{values('xVal', 3, 4)}{values('yVal', 30, 40)}</c:ser>"
    inside = f"<c:chart><c:plotArea><c:scatterChart>{series}{other}</c:scatterChart></c:plotArea></c:chart>"
    parts = {SLIDE: {"rId7": ("chart", element("c:chartSpace", inside))}}
    assert text(frame('<c:chart r:id="rId7"/>'), parts=parts).split("\n")[2:] == [
        "| 1 | 10 | 3 | 30 |",
        "| 2 | 20 | 4 | 40 |",
    ]
    names = (
        '<c:multiLvlStrRef><c:multiLvlStrCache><c:lvl><c:pt idx="0"><c:v>부산</c:v></c:pt>'
        '<c:pt idx="1"><c:v>인천</c:v></c:pt></c:lvl><c:lvl><c:pt idx="0"><c:v>한국</c:v></c:pt></c:lvl>'
        "</c:multiLvlStrCache></c:multiLvlStrRef>"
    )
    inside = f"<c:chart><c:plotArea><c:ser><c:cat>{names}</c:cat>{values('val', 1, 2)}</c:ser></c:plotArea></c:chart>"
    parts = {SLIDE: {"rId7": ("chart", element("c:chartSpace", inside))}}
    assert text(frame('<c:chart r:id="rId7"/>'), parts=parts) == "한국 부산: 1\n한국 인천: 2"


def diagram(data, drawn):
    point = "<dgm:pt><dgm:t><a:p><a:r><a:t>{}</a:t></a:r></a:p></dgm:t></dgm:pt>"
    drawing = "<dsp:sp><dsp:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></dsp:txBody></dsp:sp>"
    model = "".join(point.format(words) for words in data)
    extension = '<dgm:extLst><a:ext><dsp:dataModelExt relId="rId9"/></a:ext></dgm:extLst>'
    parts = {
        SLIDE: {
            "rId8": ("diagramData", element("dgm:dataModel", f"<dgm:ptLst>{model}</dgm:ptLst>{extension}")),
            "rId9": ("diagramDrawing", element("dsp:drawing", "".join(drawing.format(words) for words in drawn))),
        }
    }
    return text(frame('<dgm:relIds r:dm="rId8"/>'), parts=parts)


def test_smart_art_is_read_once_in_the_order_of_its_drawing():
    assert diagram(["계획", "실행", "점검"], ["점검", "계획", "실행"]) == "점검\n계획\n실행"
    assert diagram(["계획", "실행", "점검"], ["계획", "실행"]) == "계획\n실행\n점검"
    assert diagram(["계획"], ["계획", "계획"]) == "계획"


def test_tables_escape_pipes_and_lay_merged_cells_out():
    def cells(*made):
        return f"<a:tr>{''.join(made)}</a:tr>"

    def one(words, more=""):
        return f"<a:tc {more}><a:txBody><a:p><a:r><a:t>{words}</a:t></a:r></a:p></a:txBody></a:tc>"

    made = cells(one("항목", 'rowSpan="2"'), one("2023년", 'gridSpan="2"'), one("", 'hMerge="1"'))
    made += cells(one("", 'vMerge="1"'), one("매출"), one("이익")) + cells(one("비용"), one("5|6"), one("7"))
    assert text(frame(f"<a:tbl>{made}</a:tbl>")).split("\n") == [
        "| 항목 | 2023년 |  |", "| --- | --- | --- |", "| 항목 | 매출 | 이익 |", "| 비용 | 5\\|6 | 7 |",
    ]  # fmt: skip


def test_paragraphs_keep_breaks_fields_numbers_equations_and_what_is_raised():
    def numbered(words, scheme='type="arabicParenR"'):
        return f"<a:p><a:pPr><a:buAutoNum {scheme}/></a:pPr><a:r><a:t>{words}</a:t></a:r></a:p>"

    body = (
        "<a:p><a:r><a:t>첫 줄</a:t></a:r><a:br/><a:fld><a:t>3</a:t></a:fld><a:r><a:t>쪽</a:t></a:r></a:p>"
        "<a:p><a:r><a:t>12.04</a:t></a:r><a:r><a:rPr baseline='30000'/><a:t>1)</a:t></a:r></a:p>"
        + numbered("가") + numbered("나") + "<a:p><a:r><a:t>사이</a:t></a:r></a:p>"
        + numbered("다", 'type="romanUcPeriod" startAt="4"')
        + "<a:p><mc:AlternateContent><mc:Choice Requires='a14'><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></mc:Choice>"
        "<mc:Fallback><a:r><a:t>그림</a:t></a:r></mc:Fallback></mc:AlternateContent></a:p>"
    )  # fmt: skip
    assert text(shape("", body=body)) == "첫 줄\n3쪽\n12.04^1)\n1) 가\n2) 나\n사이\nIV. 다\nx=1"


def test_a_line_in_bold_is_marked_where_others_follow_it():
    bold = "<a:p><a:r><a:rPr b='1'/><a:t>추진 배경</a:t></a:r></a:p>"
    plain = "<a:p><a:r><a:t>해운 경기</a:t></a:r></a:p>"
    assert text(shape("", body=bold + plain)) == "**추진 배경**\n해운 경기"
    assert text(shape("", body=bold)) == "추진 배경"
    assert text(shape("", body=bold + plain), outline=False) == "추진 배경\n해운 경기"


def test_of_two_forms_of_a_shape_one_is_read():
    both = (
        f'<mc:AlternateContent><mc:Choice Requires="p14">{shape("도형")}</mc:Choice>'
        f"<mc:Fallback>{shape('도형')}</mc:Fallback></mc:AlternateContent>"
    )
    assert text(both) == "도형"


def test_hidden_slides_and_shapes_and_comments_are_read_if_they_are_wanted_and_told_of_else():
    tree = f"<p:cSld><p:spTree>{shape('숨긴 장')}</p:spTree></p:cSld>"
    hidden = element("p:sld", tree).replace("<p:sld ", '<p:sld show="0" ')
    older = element("p:cmLst", '<p:cm authorId="0"><p:text>고칠 것</p:text></p:cm>')
    body = "<p188:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></p188:txBody>"
    newer = element(
        "p188:cmLst",
        f'<p188:cm authorId="A"><p188:replyLst><p188:reply authorId="B">{body.format("네")}</p188:reply>'
        f"</p188:replyLst>{body.format('확인')}</p188:cm>",
    )
    authors = element("p:cmAuthorLst", '<p:cmAuthor id="0" name="가람"/>')
    parts = {
        "ppt/slides/slide1.xml": {"rIdC": ("comments", older), "rIdD": ("comments", newer)},
        "ppt/presentation.xml": {"rIdA": ("commentAuthors", authors)},
    }
    content = show([hidden, shape("보이는 것") + shape("숨긴 것", 2000, hidden=True)], parts)
    document = read(content)
    assert [(section.text, dict(section.place)) for section in document.sections] == [("보이는 것", {"slide": 2})]
    assert document.warnings == ("3 comments left out", "1 hidden shape left out", "1 hidden slide left out")
    full = read(content, hidden=True, comments=True)
    assert [section.text for section in full.sections] == [
        "숨긴 장",
        "보이는 것\n\n숨긴 것\n\nComment (가람): 고칠 것\n\nComment: 확인\n\nComment: 네",
    ]
    assert full.warnings == ()


def test_dates_footers_and_numbers_of_slides_are_read_if_they_are_wanted():
    made = [shape("본문"), shape("2024. 1. 1.", 7000, placeholder="dt"), shape("대외비", 7000, 1, placeholder="ftr"),
            shape("3", 7000, 2, placeholder="sldNum")]  # fmt: skip
    assert text(*made) == "본문"
    assert text(*made, page_headers=True) == "본문\n\n2024. 1. 1.\n\n대외비\n\n3"


def test_speaker_notes_are_kept():
    inside = shape("말할 것", placeholder="body") + shape("3", placeholder="sldNum")
    notes = f"<p:cSld><p:spTree>{inside}</p:spTree></p:cSld>"
    parts = {SLIDE: {"rIdN": ("notesSlide", element("p:notes", notes))}}
    assert text(shape("본문"), parts=parts) == "본문\n\nNotes: 말할 것"


@pytest.mark.parametrize(
    "title", ["PowerPoint Presentation", "PowerPoint 프레젠테이션", "(anonymous)", "발표.pptx", "슬라이드 1"]
)
def test_a_title_that_nobody_wrote_is_not_used(title):
    slides = [shape("운항 보고", placeholder="ctrTitle") + shape("글", 2000)]
    assert read(show(slides, title=title)).title == "운항 보고"
    table = frame(
        "<a:tbl><a:tr><a:tc/><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl>"
    )
    assert read(show([table], title=title)).title == "발표"


def test_a_title_that_somebody_wrote_is_used():
    assert read(show([shape("글")], title="연차 보고")).title == "연차 보고"


def test_strict_open_xml_is_read_like_any_other():
    (section,) = read(show([shape("제목", placeholder="title") + shape("본문", 2000)], strict=True)).sections
    assert (section.headings, section.text) == (("제목",), "본문")


def test_a_slide_that_is_missing_costs_that_slide_only():
    content = show([shape("첫째"), "<p:sld ", shape("셋째")])
    document = read(content)
    assert [(section.text, dict(section.place)) for section in document.sections] == [
        ("첫째", {"slide": 1}),
        ("셋째", {"slide": 3}),
    ]
    assert document.warnings == ("1 damaged slide left out",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (formats.docx("x"), "holds a Word document and not a presentation: give it the suffix .docx"),
        (formats.archive({"a.txt": "x"}), "damaged, or not a .pptx file"),
    ],
)
def test_what_is_no_presentation_is_named_by_what_it_is(content, reason):
    with pytest.raises(DocumentError, match=reason):
        read(content)


def test_groups_in_groups_without_end_are_refused_or_read_without_them():
    deep = f"{'<p:grpSp>' * 10_000}{shape('바닥')}{'</p:grpSp>' * 10_000}"
    document = read(show([deep, shape("다음")]))
    assert [section.text for section in document.sections] == ["다음"]
    assert document.warnings == ("1 damaged slide left out",)
    with pytest.raises(DocumentError, match="none of its slides can be read, or they are nested too deeply"):
        read(show([deep]))
    deep = f"{'<p:grpSp>' * 200}{shape('바닥')}{'</p:grpSp>' * 200}"
    assert text(deep) == "바닥"
