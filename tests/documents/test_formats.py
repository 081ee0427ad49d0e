"""Every format, read by its own library from a real file."""

from __future__ import annotations

import itertools
import json
import re
import sys
import unicodedata

import pytest

from rag_pipeline.documents.readers import Readers, ReadingOptions, read_document
from rag_pipeline.errors import DocumentError
from tests import formats

SENTENCE = "최대 흘수 12.04 m인 컨테이너선은 파나막스이다."


def read(name, content, **options):
    return read_document(name, content, ReadingOptions(**options))


def only(document):
    (section,) = document.sections
    return section


@pytest.mark.parametrize("suffix", formats.FORMATS)
def test_every_format_gives_the_sentence(suffix):
    document = read(f"파일{suffix}", formats.FORMATS[suffix](SENTENCE))
    assert [section for section in document.sections if SENTENCE in section.text]
    assert document.title in (formats.TITLE, "파일")


def test_there_is_a_test_file_of_every_family():
    assert set(formats.FORMATS) <= Readers().suffixes
    assert Readers().suffixes - set(formats.FORMATS) == {
        ".markdown",
        ".text",
        ".ndjson",
        ".ipynb",
        ".htm",
        ".xhtml",
        ".mht",
        ".mhtml",
        ".xls",
        ".ods",
    }


# cp949 holds no decomposed Hangul, and the font of the PDF neither.
@pytest.mark.parametrize("suffix", sorted(set(formats.FORMATS) - {".txt", ".pdf"}))
def test_decomposed_korean_comes_out_composed(suffix):
    document = read(f"a{suffix}", formats.FORMATS[suffix](unicodedata.normalize("NFD", SENTENCE)))
    assert any(SENTENCE in section.text for section in document.sections)


def test_pages_and_slides_and_rows_are_kept_for_citation():
    places = {
        suffix: next(
            dict(section.place)
            for section in read(f"a{suffix}", formats.FORMATS[suffix](SENTENCE)).sections
            if SENTENCE in section.text
        )
        for suffix in (".pdf", ".pptx", ".xlsx", ".csv", ".jsonl")
    }
    assert places == {
        ".pdf": {"page": 2},
        ".pptx": {"slide": 2},
        ".xlsx": {"sheet": formats.HEADING, "rows": "2-2"},
        ".csv": {"rows": "2-2"},
        ".jsonl": {"rows": "2-2"},
    }


@pytest.mark.parametrize("suffix", [".html", ".docx", ".epub"])
def test_headings_become_sections(suffix):
    document = read(f"a{suffix}", formats.FORMATS[suffix](SENTENCE))
    assert any(section.headings == (formats.HEADING,) and SENTENCE in section.text for section in document.sections)


@pytest.mark.parametrize("suffix", [".html", ".docx", ".pptx"])
def test_tables_stay_readable(suffix):
    document = read(f"a{suffix}", formats.FORMATS[suffix](SENTENCE))
    assert "| 가람 | 9.1 |" in "\n".join(section.text for section in document.sections)


@pytest.mark.slow
def test_a_ruled_table_of_a_pdf_is_read_cell_by_cell_in_its_place():
    rows = [["이름", "흘수", "비고"], ["가람", "9.1", "첫째\n둘째"], ["나루", "", "셋째"]]
    text = only(read("a.pdf", formats.ruled_pdf(rows))).text
    table = ["| 이름 | 흘수 | 비고 |", "| --- | --- | --- |", "| 가람 | 9.1 | 첫째 둘째 |", "| 나루 |  | 셋째 |"]
    assert text == "\n".join(["표 위", "", *table, "", "표 아래"])


def test_scripts_styles_and_menus_are_not_read_and_code_keeps_its_indentation():
    text = only(read("a.html", formats.html(SENTENCE))).text
    assert "alert" not in text
    assert "color" not in text
    assert "menu" not in text
    assert "def f():\n    return 1" in text


@pytest.mark.parametrize("encoding", ["utf-8", "euc-kr", "cp949", "utf-16"])
def test_a_page_is_decoded_as_it_says_or_as_it_is(encoding):
    page = (
        f'<html><head><meta charset="{encoding}"><title>배</title></head><body><p>{SENTENCE} 똠방각하</p></body></html>'
    )
    document = read("a.html", page.encode("cp949" if encoding == "euc-kr" else encoding))
    assert f"{SENTENCE} 똠방각하" in only(document).text


def test_a_page_that_declares_a_wrong_encoding_is_read_all_the_same():
    page = f'<html><head><meta charset="utf-8"></head><body><p>{SENTENCE}</p></body></html>'
    assert SENTENCE in only(read("a.html", page.encode("cp949"))).text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949", "euc-kr"])
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".json", ".md"])
def test_korean_never_turns_to_mojibake(suffix, encoding):
    texts = {".csv": f"이름,설명\n가람,{SENTENCE}\n", ".json": json.dumps({"text": SENTENCE}, ensure_ascii=False)}
    document = read(f"a{suffix}", texts.get(suffix, SENTENCE).encode(encoding))
    assert SENTENCE in only(document).text


def test_a_mail_tells_who_wrote_and_what_is_attached():
    document = read("a.eml", formats.eml(SENTENCE))
    assert document.title == formats.TITLE
    assert document.metadata["from"] == "가람 <garam@example.com>"
    assert only(document).text.startswith("From: 가람 <garam@example.com>\nTo: b@example.com\n\n")
    assert only(document).text.endswith("Attachments: 도면.pdf")
    assert only(document).text.count(SENTENCE) == 1


def test_a_mail_of_html_alone_is_read():
    raw = "Subject: x\nContent-Type: text/html; charset=euc-kr\n\n<p>흘수가 <b>깊다</b></p>".encode("cp949")
    assert "흘수가 깊다" in only(read("a.eml", raw)).text


def test_rows_stand_together_as_far_as_a_passage_goes():
    lines = "".join(f"배 {number},{number}.5\n" for number in range(500))
    sections = read("a.csv", f"이름,흘수\n{lines}".encode()).sections
    assert len(sections) > 5
    assert sections[0].text.startswith("이름: 배 0; 흘수: 0.5\n이름: 배 1; 흘수: 1.5\n")
    bounds = [tuple(map(int, section.place["rows"].split("-"))) for section in sections]
    assert bounds[0][0] == 2
    assert bounds[-1][1] == 501
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(bounds))


def test_cells_beyond_the_columns_and_empty_rows_do_no_harm():
    section = only(read("a.csv", b"a,b\n\n1,,3\n,\n2\n"))
    assert section.text == "a: 1; 3\na: 2\nb:"
    assert section.place == {"rows": "3-5"}
    assert only(read("a.csv", b"alone;row\n")).text == "alone | row"


def test_whole_numbers_of_a_spreadsheet_are_whole():
    assert "흘수: 12" in only(read("a.xlsx", formats.xlsx(SENTENCE))).text
    assert "12.0" not in only(read("a.xlsx", formats.xlsx("x"))).text


def test_json_fields_may_be_named():
    record = {"id": 7, "제목": "배", "본문": "길다", "요약": "짧다", "길이": {"값": 300, "단위": "m"}}
    content = json.dumps(record).encode()
    assert read("a.json", content).title == "배"
    assert only(read("a.json", content)).text == "길다\n\nid: 7\n요약: 짧다\n길이:\n  값: 300\n  단위: m"
    named = read("a.json", content, json_title="id", json_text="요약")
    assert (named.title, only(named).text) == ("7", "짧다")
    with pytest.raises(DocumentError, match=r"no field 'body' \(reading.json_text\)"):
        read("a.json", content, json_text="body")


def test_json_without_a_text_is_read_field_by_field():
    content = json.dumps([{"배": {"길이": 300, "항구": ["부산", "인천"]}, "운항": True}]).encode()
    assert only(read("a.json", content)).text == "배:\n  길이: 300\n  항구:\n    - 부산\n    - 인천\n운항: true"


def test_front_matter_is_metadata_and_not_text():
    document = read(
        "a.md", b"---\ntitle: Ship\ntype: bulk\nbuilt: 2001-02-03\nnested: {a: 1}\nsection: x\n---\n# One\n\ntext\n"
    )
    assert (document.title, dict(document.metadata)) == ("Ship", {"type": "bulk", "built": "2001-02-03"})
    assert [(section.headings, section.text) for section in document.sections] == [(("One",), "text")]


@pytest.mark.parametrize("before", ["---\nnot: [valid\n---\n", "---\njust a line\n---\n", "--- \n"])
def test_what_is_no_front_matter_stays_in_the_text(before):
    document = read("a.md", f"{before}body\n".encode())
    shown = str([document.title, *((section.headings, section.text) for section in document.sections)])
    assert document.metadata == {}
    assert all(word in shown for word in re.findall(r"\w+", f"{before}body"))


def test_anchors_of_headings_are_left_out():
    assert read("a.md", "# 계산된 속성 {#computed}\n\nx".encode()).title == "계산된 속성"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.pdf", formats.scanned_pdf(), "holds no text on its 1 page: a scan"),
        ("a.pdf", formats.locked_pdf(SENTENCE), "locked with a password"),
        ("a.pdf", formats.pdf(SENTENCE)[:600], "damaged, or no PDF"),
        ("a.docx", formats.docx(SENTENCE)[:3000], "is damaged"),
        ("a.xlsx", formats.xlsx(SENTENCE)[:2000], "is damaged"),
        ("a.hwpx", formats.hwpx(SENTENCE)[:300], "is damaged"),
        ("a.hwp", formats.hwp(SENTENCE)[:700], "is damaged"),
        ("a.hwp", b"HWP Document File V3.00 \x1a" + b"x" * 200, "format before HWP 5"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "locked with a password, or of an old format"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "locked with a password"),
        ("a.docx", formats.archive({"a.txt": "x"}), "damaged, or not a .docx file"),
        ("a.epub", formats.archive({"a.txt": "x"}), "damaged, or not a .epub file"),
        ("a.json", b"{", "not valid JSON"),
        ("a.jsonl", b'{"a": 1}\n{', "not valid JSON in line 2"),
        ("a.html", b"<html><script>x</script></html>", "holds no text"),
        ("a.csv", b"\n\n", "holds no text"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_reason(name, content, reason):
    with pytest.raises(DocumentError, match=reason) as caught:
        read(name, content)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "inside"), [(".docx", "word/document.xml"), (".xlsx", "xl/x.xml"), (".hwpx", "Contents/section0.xml")]
)
def test_a_zip_bomb_is_not_unpacked(suffix, inside):
    with pytest.raises(DocumentError, match="would unpack to 200 MB from 0.2 MB: a zip bomb"):
        read(f"a{suffix}", formats.zip_bomb(inside))


def test_entities_of_xml_are_not_expanded():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><package>&b;</package>'
    book = formats.archive({"META-INF/container.xml": "<c><rootfile full-path='p.opf'/></c>", "p.opf": bomb})
    with pytest.raises(DocumentError, match="holds no text"):
        read("a.epub", book)


def test_a_package_that_is_missing_is_named_with_the_extra(monkeypatch):
    content = formats.docx(SENTENCE)
    monkeypatch.setitem(sys.modules, "lxml", None)
    with pytest.raises(DocumentError, match=r"reading .docx needs .* lxml: pip install 'rag-pipeline\[readers\]'"):
        read("a.docx", content)


def test_a_reader_may_be_installed_by_entry_point(monkeypatch):
    from importlib.metadata import EntryPoint

    from rag_pipeline.documents import readers

    entry = EntryPoint("log", "tests.documents.installed_reader:LogReader", readers.ENTRY_POINTS)
    monkeypatch.setattr(readers, "entry_points", lambda group: [entry])
    made = Readers()
    assert ".log" in made.suffixes
    assert made.runs_in_sandbox("a.log", 1)
    assert only(made.read("a.log", b"started")).text == "STARTED"


def test_hangul_files_are_told_by_their_content_and_not_by_their_name():
    for name, content in (("a.hwp", formats.hwpx(SENTENCE)), ("a.hwpx", formats.hwp(SENTENCE))):
        assert SENTENCE in only(read(name, content)).text


def test_lines_under_words_are_no_table():
    assert only(read("a.pdf", formats.underlined_pdf())).text == "heading"


def test_reasons_are_the_same_each_time():
    reasons = set()
    for _ in range(2):
        with pytest.raises(DocumentError) as caught:
            read("a.docx", formats.pptx(SENTENCE))
        reasons.add(str(caught.value))
    assert len(reasons) == 1
    assert "0x" not in reasons.pop()
