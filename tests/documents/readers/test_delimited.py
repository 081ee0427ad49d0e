from __future__ import annotations

import csv
import io
import random

import pytest

from rag_pipeline.documents.readers import read_document
from rag_pipeline.documents.readers.delimited import Dialect, find_dialect


def text_of(content, name="a.csv"):
    content = content if isinstance(content, bytes) else content.encode()
    return "\n".join(section.text for section in read_document(name, content).sections)


READ = {
    "doubled quotation marks": (
        '번호,내용\n1,"그는 ""네, 좋아요""라고 했다\n둘째 줄"\n2,"예뻐요, 또 살게요"\n',
        '번호: 1; 내용: 그는 "네, 좋아요"라고 했다 둘째 줄\n번호: 2; 내용: 예뻐요, 또 살게요',
    ),
    "semicolons and decimal commas": (
        "선명;흘수\n한라호;12,04\n백두호;9,1\n",
        "선명: 한라호; 흘수: 12,04\n선명: 백두호; 흘수: 9,1",
    ),
    "pipes and times": ("시각|행사\n09:00|개회\n10:00|발표\n", "시각: 09:00; 행사: 개회\n시각: 10:00; 행사: 발표"),
    "tabs": ("a\tb\n1\t2, 3\n3\t4\n", "a: 1; b: 2, 3\na: 3; b: 4"),
    "single quotes": (
        "name,quote\nA,'it is, he said'\nB,'fine'\n",
        "name: A; quote: it is, he said\nname: B; quote: fine",
    ),
    "apostrophes": ("id,text\n1,don't stop\n2,'tis on\n", "id: 1; text: don't stop\nid: 2; text: 'tis on"),
    "blanks before quotations": ('a, b\n1, "x, y"\n2, "z"\n', "a: 1; b: x, y\na: 2; b: z"),
    "a first line that tells the delimiter": ("sep=;\n이름;값\n가;1,5\n", "이름: 가; 값: 1,5"),
    "comments at the top": (
        "# 출처: 해수부\n# 기준일, 2024\n항만,척수\n부산,100\n",
        "# 출처: 해수부\n# 기준일, 2024\n항만: 부산; 척수: 100",
    ),
    "names in a comment": ("#chrom\tpos\n1\t20\n2\t30\n", "chrom: 1; pos: 20\nchrom: 2; pos: 30"),
    "sentences in one column": (
        "의견\n배송이 빠르고, 좋아요\n포장이 아쉬워요\n예뻐요, 또 살게요\n",
        "의견: 배송이 빠르고, 좋아요\n의견: 포장이 아쉬워요\n의견: 예뻐요, 또 살게요",
    ),
    "sentences without a name": ("배송이 빠르고, 좋아요\n포장이 아쉬워요\n", "배송이 빠르고, 좋아요\n포장이 아쉬워요"),
    "no names": ("부산,35.1,129.0\n인천,37.4,126.7\n", "부산 | 35.1 | 129.0\n인천 | 37.4 | 126.7"),
    "no names above dates": ("2024-01-02,비\n2024-01-03,눈\n", "2024-01-02 | 비\n2024-01-03 | 눈"),
    "no names above codes": ("A-001,밧줄\nA-002,닻\n", "A-001 | 밧줄\nA-002 | 닻"),
    "years are names": ("구분,2022,2023\n매출,10,20\n", "구분: 매출; 2022: 10; 2023: 20"),
    "nothing but years are names": ("2022,2023\n10,20\n30,40\n", "2022: 10; 2023: 20\n2022: 30; 2023: 40"),
    "no names above codes of several kinds": ("A01,가\nB02,나\nC03,다\n", "A01 | 가\nB02 | 나\nC03 | 다"),
    "a sentence": ("Hello, world\n", "Hello, world"),
    "words above words are names": ("질문,답변\n최대 흘수는?,깊다\n", "질문: 최대 흘수는?; 답변: 깊다"),
    "units below names": ("선명,길이,톤수\n,(m),(톤)\n가람,300,5000\n", "선명: 가람; 길이 (m): 300; 톤수 (톤): 5000"),
    "an index without a name": (",이름\n0,가\n1,나\n", "0; 이름: 가\n1; 이름: 나"),
    "a name twice": ("이름,비고,비고\n가,x,y\n", "이름: 가; 비고: x; 비고: y"),
    "rows of uneven length": ("a,b\n\n1,,3\n,\n2\n", "a: 1; 3\na: 2\nb:"),
    "names once more": ("이름,나이\n김,30\n이름,나이\n이,40\n", "이름: 김; 나이: 30\n이름: 이; 나이: 40"),
    "names of groups": (
        "항만,2023년,,2024년,\n,입항,출항,입항,출항\n부산,1,2,3,4\n",
        "항만: 부산; 2023년 입항: 1; 2023년 출항: 2; 2024년 입항: 3; 2024년 출항: 4",
    ),
}


@pytest.mark.parametrize("kind", READ)
def test_each_value_stands_under_its_name(kind):
    content, text = READ[kind]
    assert text_of(content) == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp949"])
def test_encodings_of_office_programs_are_read(encoding):
    assert text_of("이름\t나이\n펲시\t30\n".encode(encoding), "a.tsv") == "이름: 펲시; 나이: 30"


def test_a_tsv_may_hold_commas_and_stray_quotation_marks():
    assert text_of('이름\t크기\n"가, 나\t5"\n다\t6\n', "a.tsv") == '이름: "가, 나; 크기: 5"\n이름: 다; 크기: 6'


def test_a_line_above_the_table_is_its_heading():
    (section,) = read_document("a.csv", "2024년 현황,,\n(단위: 척),,\n항만,입항,출항\n부산,1,2\n".encode()).sections
    assert section.headings == ("2024년 현황 (단위: 척)",)
    assert (section.text, section.place) == ("항만: 부산; 입항: 1; 출항: 2", {"rows": "4-4"})


def test_a_short_table_below_a_line_is_a_table():
    (section,) = read_document("a.csv", "승객 명단\n\n이름,나이\n김,30\n".encode()).sections
    assert (section.headings, section.text) == (("승객 명단",), "이름: 김; 나이: 30")


def test_rows_are_counted_with_the_lines_above_them():
    (section,) = read_document("a.csv", b"# note\na,b\n1,2\n").sections
    assert section.place == {"rows": "1-3"}


def test_a_delimiter_within_quotations_counts_for_nothing():
    assert find_dialect('a;b\n"1, 2, 3";x\n"4, 5, 6";y\n') == Dialect(";")


@pytest.mark.slow
def test_what_programs_write_is_read_as_it_was():
    words = [
        "가격",
        "배송이 빠르고, 좋아요",
        "don't",
        '"긴급"',
        "첫 줄\n둘째 줄",
        "a;b",
        "x|y",
        "",
        "7",
        "3.5",
        "2024-03-05",
        "'따옴표'",
    ]
    chosen = random.Random(3)
    for _ in range(60):
        width = chosen.randint(2, 6)
        names = [f"열{name}" for name in "가나다라마바"[:width]]
        rows = [["행", *(" ".join(chosen.choices(words, k=2)).strip() for _ in names[1:])] for _ in range(20)]
        stream = io.StringIO()
        writer = csv.writer(
            stream, delimiter=chosen.choice(",;\t|"), quoting=chosen.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        )
        writer.writerows([names, *rows])
        lines = [
            "; ".join(f"{name}: {' '.join(cell.split())}" for name, cell in zip(names, row, strict=True) if cell)
            for row in rows
        ]
        assert text_of(stream.getvalue()) == "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [',"', '"', '","', "'", '\n"', 'a"b,', ";'|\t"])
def test_a_megabyte_made_to_be_slow_are_read_at_once(unit):
    # Looking for the end of every quotation anew would take hours.
    assert read_document("a.csv", b"a,b\nx,y\n" + unit.encode() * (1_000_000 // len(unit))).sections


def test_a_row_of_ten_thousand_cells_is_read():
    names, values = ",".join(f"열{number}" for number in range(10_000)), ",".join(map(str, range(10_000)))
    assert text_of(f"{names}\n{values}\n{values}\n").startswith("열0: 0; 열1: 1; ")
