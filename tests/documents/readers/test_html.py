from __future__ import annotations

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document
from rag_pipeline.documents.readers.html import to_markdown
from rag_pipeline.documents.readers.html_blocks import subscript, superscript
from rag_pipeline.documents.readers.html_tree import parse
from rag_pipeline.documents.readers.html_writer import write
from rag_pipeline.errors import DocumentError


def read(page, name="쪽.html", **options):
    content = page if isinstance(page, bytes) else page.encode()
    return read_document(name, content, ReadingOptions(**options))


def sections(page, **options):
    return [(section.headings, section.text) for section in read(page, **options).sections]


def text(page, **options):
    (section,) = read(page, **options).sections
    return section.text


def test_what_stands_in_a_form_is_read_but_not_its_controls():
    page = (
        "<form id=aspnetForm><h1>공지사항</h1><p>점검은 3월 5일입니다.</p><select><option>서울<option>부산</select>"
        "<input value=검색어><button>확인</button><textarea>이용 약관\n제1조</textarea>"
        "<input readonly value='12.04 m'></form>"
    )
    assert read(page).title == "공지사항"
    assert text(page) == "점검은 3월 5일입니다.\n\n이용 약관\n제1조\n12.04 m"


def test_a_button_that_is_a_title_is_read_and_one_beside_it_is_not():
    page = (
        "<h2><button aria-expanded=false>환불은 언제?</button></h2><p>7일 안에."
        "</p><h2>배송<button>복사</button></h2><p>x"
    )
    assert sections(page) == [(("환불은 언제?",), "7일 안에."), (("배송",), "x")]


def test_a_cell_over_several_rows_is_said_in_each():
    page = (
        "<table><caption>표 3. 운임</caption><thead><tr><th>항로<th>선종<th>운임</thead><tr><td rowspan=2>부산-상하이"
        "<td>컨테이너<td>500<tr><td>벌크<td>300</table>"
    )
    assert text(page) == (
        "표 3. 운임\n\n| 항로 | 선종 | 운임 |\n| --- | --- | --- |"
        "\n| 부산-상하이 | 컨테이너 | 500 |\n| 부산-상하이 | 벌크 | 300 |"
    )


def test_a_cell_goes_no_further_than_its_part_of_the_table_and_a_foot_stands_last():
    page = (
        "<table><tfoot><tr><td>합계<td>9</tfoot><tbody><tr><td rowspan=0>가<td>1<tr><td>2</tbody>"
        "<tbody><tr><td rowspan=99>나<td>6</tbody></table>"
    )
    assert text(page).split("\n")[2:] == ["| 가 | 2 |", "| 나 | 6 |", "| 합계 | 9 |"]


@pytest.mark.parametrize("role", ["", " role=presentation"])
def test_a_table_that_only_arranges_becomes_blocks(role):
    page = f"<table{role}><tr><td><table><tr><td><h1>제목</h1><p>첫 문단.</p><p>둘째 문단.</p></table></table>"
    assert read(page).title == "제목"
    assert text(page) == "첫 문단.\n\n둘째 문단."


def test_a_role_of_presentation_parts_the_cells():
    assert text("<table role=presentation><tr><td>왼쪽<td>오른쪽<tr><td>아래</table>") == "왼쪽\n오른쪽\n아래"


def test_the_long_body_of_a_post_in_a_table_is_no_cell():
    body = (
        f"<p>{'본문입니다. ' * 30}</p><p>둘째 문단입니다. {'길다. ' * 30}</p><table>"
        "<tr><td>가<td>나<tr><td>1<td>2</table>"
    )
    page = f"<table><tr><th>제목<td>공고<tr><th>작성자<td>항만과<tr><td colspan=2>{body}</table>"
    read_text = text(page)
    assert read_text.startswith("| 제목 | 공고 |\n| --- | --- |\n| 작성자 | 항만과 |\n\n본문입니다.")
    assert "\n\n둘째 문단입니다." in read_text
    assert read_text.endswith("| 가 | 나 |\n| --- | --- |\n| 1 | 2 |")


def test_paragraphs_and_lists_in_a_cell_are_not_glued():
    page = "<table><tr><th>항목<th>설명<tr><td>준비물<td><p>여권</p><p>사진</p><ul><li>두 장<li>컬러</ul></table>"
    assert "| 준비물 | 여권 사진 두 장 컬러 |" in text(page)


def test_a_table_within_a_cell_of_a_named_column_stays_there():
    page = "<table><tr><th>배<th>제원<tr><td>한라<td><table><tr><td>길이<td>300<tr><td>폭<td>40</table></table>"
    assert "| 한라 | 길이, 300; 폭, 40 |" in text(page)


def test_empty_columns_that_only_make_room_are_left_out():
    assert (
        text("<table><tr><th>가<td>&nbsp;<th>나<tr><td>1<td><td>2</table>") == "| 가 | 나 |\n| --- | --- |\n| 1 | 2 |"
    )


@pytest.mark.parametrize(
    ("before", "raised", "written"),
    [
        ("12.04", "1)", "^1)"),
        ("100 m", "2", "²"),
        ("면적(km", "3", "³"),
        ("10", "-6", "^-6"),
        ("3×10", "4", "^4"),
        ("ship", "2", "^2"),
        ("파나막스", "주1", "^주1"),
        ("5", "th", "th"),
        ("Java", "TM", "TM"),
        ("20", "o", "°"),
        ("단어", "[1]", "[1]"),
        ("", "1)", "1)"),
        ("뒤 ", "2", "2"),
    ],
)
def test_raised_figures_do_not_become_part_of_the_figure_before(before, raised, written):
    assert superscript(before, raised) == written


@pytest.mark.parametrize(
    ("before", "lowered", "written"), [("H", "2", "2"), ("log1", "0", "_0"), ("x", "i", "_i"), ("", "2", "2")]
)
def test_lowered_figures_are_written_as_people_write_them(before, lowered, written):
    assert subscript(before, lowered) == written


def test_raised_and_lowered_text_stands_in_its_sentence():
    assert text("<p>흘수 12.04<sup><a href=#n>1)</a></sup> m, CO<sub>2</sub> 10<sup>4</sup> t/m<sup>2</sup>") == (
        "흘수 12.04^1) m, CO2 10^4 t/m²"
    )
    assert text("<p><sup>1</sup>2023년 기준") == "1 2023년 기준"


@pytest.mark.parametrize(
    "mark",
    [
        "<a class=headerlink href='#x' title='Link'>¶</a>",
        "<a class=anchor href='#x'>#</a>",
        "<a class=header-anchor href='#x'>Link to this heading</a>",
        "<a href='#x' aria-hidden=true>§</a>",
        "<span class=mw-editsection>[<a href=/edit>edit</a>]</span>",
    ],
)
def test_links_of_a_heading_to_itself_are_no_part_of_it(mark):
    assert sections(f"<title>Guide</title><h1>설치{mark}</h1><p>x") == [(("설치",), "x")]


def test_a_heading_that_is_a_link_keeps_its_words():
    assert sections("<title>t</title><h2><a class=header-anchor href='#a'>설치</a></h2><p>x") == [(("설치",), "x")]


HIDDEN = (
    "<p style='display: none'>가</p><p hidden>나</p><p style='visibility:hidden'>다</p><p aria-hidden=true>라</p>"
    "<dialog>마</dialog><p>보임</p>"
)


def test_what_is_hidden_is_read_only_if_asked_for():
    assert text(HIDDEN) == "보임"
    assert text(HIDDEN, hidden=True) == "가\n\n나\n\n다\n\n라\n\n마\n\n보임"


def test_borders_of_blocks_are_line_ends_and_inline_elements_are_nothing():
    page = (
        "<div><span>가격</span><span>500원</span></div><div>첫 줄<br>둘째 줄</div><address>주소</address><center>가운데"
        "</center><fieldset>칸<legend>범례</legend></fieldset><p>문단<p>닫지 않은 <b>문</b>단<ul><li>가<li>나</ul>"
        "<dl><dt>흘수<dd>12.04 m</dl><span style='display:block'>줄</span>끝"
    )
    assert text(page).split("\n") == [
        "가격500원", "첫 줄", "둘째 줄", "주소", "가운데", "", "칸", "범례", "", "문단", "", "닫지 않은 문단",
        "", "- 가", "- 나", "", "흘수", ": 12.04 m", "", "줄", "끝",
    ]  # fmt: skip


def test_numbers_of_lists_are_written_as_a_browser_counts_them():
    page = (
        "<ol start=3><li>가<ol type=a><li>나<li>다</ol><li value=9>라<li>마</ol>"
        "<ol style='list-style:none'><li>1. 바</ol>"
    )
    assert text(page).split("\n") == ["3. 가", "   a. 나", "   b. 다", "9. 라", "10. 마", "", "- 1. 바"]


def test_code_keeps_its_lines_and_what_looks_like_a_heading_is_none():
    page = "<h1>t</h1><p># 제목 아님<p>- 목록 아님<pre>\n# 주석\n\tx = 1<div>y = ```</div></pre>"
    assert text(page) == "# 제목 아님\n\n- 목록 아님\n\n````\n# 주석\n\tx = 1\ny = ```\n````"


def test_titles_details_and_quotations():
    page = (
        "<h1>FAQ</h1><details><summary>언제?</summary><h2>안</h2><p>7일.</p></details><p>밖</p><blockquote><p>인용<p>둘"
    )
    assert sections(page) == [((), "언제?"), (("안",), "7일."), ((), "밖\n\n> 인용\n\n> 둘")]


def test_a_heading_with_nothing_below_is_kept_as_text():
    page = "<title>t</title><h2>가</h2><h2>나</h2><p>x</p><h3>다</h3><h3>라</h3><h2>마</h2><h3>바</h3><p>y"
    assert sections(page) == [
        ((), "가"), (("나",), "x"), (("나",), "다\n라"), (("마", "바"), "y"),
    ]  # fmt: skip


def test_nothing_but_headings_is_text():
    assert sections("<title>t</title><h1>가</h1><h2>나</h2>") == [((), "가\n나")]


@pytest.mark.parametrize(
    ("title", "expected"),
    [("Untitled Document", "머리"), ("문서", "머리"), ("index.html", "머리"), ("Microsoft Word - a.doc", "머리"),
     ("제목 없음", "머리"), ("", "머리"), ("2024 공고", "2024 공고"), ("Documentation", "Documentation")],
)  # fmt: skip
def test_a_title_that_nobody_wrote_is_none(title, expected):
    assert read(f"<title>{title}</title><h1>머리</h1><p>x").title == expected


FURNITURE = (
    "<header><ul><li>정치</ul></header><nav>차림표</nav><main><article><header><h1>기사</h1><p>2024년</header><p>본문."
    "<aside>풀이</aside></article></main><aside>많이 본 기사</aside><footer>저작권</footer>"
)


def test_furniture_around_the_main_text_is_read_only_if_asked_for():
    assert sections(FURNITURE) == [((), "2024년\n\n본문.\n풀이")]
    assert "저작권" in str(sections(FURNITURE, page_headers=True))
    assert "차림표" not in str(sections(FURNITURE, page_headers=True))


def test_a_page_that_marks_no_main_text_keeps_header_and_footer():
    assert text("<header>머리</header><p>본문</p><aside>곁</aside><footer>발</footer>") == "머리\n\n본문\n\n곁\n발"


def test_pictures_frames_drawings_and_formulas_say_what_their_page_says_for_them():
    page = (
        "<img alt='도표: 매출 100억'><img alt=logo.png><img alt='😀'>"
        "<noscript>스크립트</noscript><template>틀</template>"
        "<iframe srcdoc='&lt;p&gt;안쪽&lt;/p&gt;'>틀 없음</iframe><object>대체 글"
        "</object><svg><title>t</title><text>축</text>"
        "</svg><p><math><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></math>"
        "<ruby>漢<rt>한</rt>字<rt>자</rt></ruby> <del>10</del> <ins>12</ins>"
    )
    assert text(page) == "[도표: 매출 100억]😀\n\n안쪽\n\n대체 글\n축\n\n$x^2$漢字(한자) ~~10~~ 12"


@pytest.mark.parametrize(
    "page",
    [
        "<p><b>접수 기간</b></p>",
        "<p style='font-weight:700'>접수 기간</p>",
        "<div><strong>접수</strong> <b>기간</b></div>",
    ],
)
def test_a_paragraph_in_bold_is_marked_for_the_outline(page):
    (block,) = write(parse(page), ReadingOptions())
    assert block.text == "**접수 기간**"
    (block,) = write(parse(page), ReadingOptions(outline=False))
    assert block.text == "접수 기간"


@pytest.mark.parametrize(
    "page",
    ["<p><b>접수</b> 기간", f"<p><b>{'가' * 81}", "<ul><li><b>가</b></ul>", "<table><tr><td><b>가</b><td>나</table>"],
)
def test_bold_in_a_sentence_a_list_or_a_cell_is_not_marked(page):
    assert "**" not in "".join(block.text for block in write(parse(page), ReadingOptions()))


@pytest.mark.parametrize(("said", "encoding"), [("euc-kr", "utf-8"), ("utf-8", "cp949"), ("iso-8859-1", "cp949")])
def test_a_page_that_lies_about_its_encoding_is_read(said, encoding):
    document = read(f"<meta charset={said}><title>제목</title><p>실은 다른 본문입니다.".encode(encoding))
    assert (document.title, document.sections[0].text) == ("제목", "실은 다른 본문입니다.")


def test_a_stray_byte_is_said():
    document = read("<meta charset=euc-kr><p>흘수는 12.04 m이다.".encode("cp949") + b"\xff</p>")
    assert document.warnings == ("1 byte is no Korean (cp949) and was replaced",)


def test_no_letter_is_lost_where_tags_are_wrongly_nested():
    page = "<h1>제목<p>본문</h1><b><p>가</b>나<table>밖<tr>줄<td>칸</table><li>목록<h2>절<div>글</div>"
    said = "".join("".join(section.headings) + section.text for section in read(page).sections) + read(page).title
    assert all(word in said for word in ["제목", "본문", "가", "나", "밖", "줄", "칸", "목록", "절", "글"])


def test_a_page_may_be_nested_deeply_but_not_without_end():
    assert text("<div>가" * 1500).count("가") == 1500
    with pytest.raises(DocumentError, match="is nested too deeply"):
        read("<div>" * 10_000 + "x")


@pytest.mark.slow
def test_a_table_may_claim_more_than_it_holds():
    rows = "<tr><td rowspan=65534 colspan=1000>가<td rowspan=65534>나" * 300
    assert text(f"<table>{rows}</table>").count("나") == 300
    ragged = "<tr><td>가" * 3000 + "<tr>" + "<td>나" * 3000
    assert text(f"<table>{ragged}</table>").count("나") == 3000


def test_bold_in_a_table_that_only_arranges_is_marked():
    assert text("<table><tr><td><p><b>접수 기간</b></p><p>3월까지.</p></table>") == "**접수 기간**\n\n3월까지."


def test_one_piece_of_markdown_keeps_the_headings():
    assert to_markdown(parse("<h1>가</h1><p>나</p><h3>다</h3><p>라")) == "# 가\n\n나\n\n### 다\n\n라"
