from __future__ import annotations

import json

import pytest

from rag_pipeline.documents.readers import ReadingOptions, read_document
from rag_pipeline.errors import DocumentError


def read(content, name="a.json", **options):
    content = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return read_document(name, content.encode(), ReadingOptions(**options))


def told(content, name="a.json", **options):
    return [(section.headings, section.text) for section in read(content, name, **options).sections]


def test_a_record_with_a_text_keeps_its_other_fields():
    record = {"title": "파나막스", "text": "컨테이너선", "최대 흘수": "12.04 m", "적재": 5000, "항구": ["부산"]}
    (section,) = read([record]).sections
    assert (section.headings, section.text) == (
        ("파나막스",),
        "컨테이너선\n\n최대 흘수: 12.04 m\n적재: 5000\n항구:\n  - 부산",
    )
    assert section.place == {"최대 흘수": "12.04 m", "적재": 5000, "rows": "1-1"}
    assert read(record).metadata == {"최대 흘수": "12.04 m", "적재": 5000}


def test_the_text_alone_is_read_where_a_field_is_named_and_the_others_are_metadata():
    (section,) = read([{"title": "배", "text": "길다", "year": 2024}], json_text="text").sections
    assert (section.text, section.place) == ("길다", {"year": 2024, "rows": "1-1"})


def test_fields_that_chunks_carry_or_no_store_takes_are_no_metadata():
    record = {"text": "글", "source": "x", "page": 3, "$ref": "y", "#a": 1, "이": "가" * 300, "열" * 20: 1, "ok": True}
    (section,) = read([record]).sections
    assert section.place == {"ok": True, "rows": "1-1"}
    assert all(value in section.text for value in ("source: x", "page: 3", "$ref: y", "#a: 1", "가" * 300))


def test_a_record_gives_a_limited_number_of_metadata():
    (section,) = read([{"text": "글", **{f"k{n}": n for n in range(5000)}}]).sections
    assert len(section.place) == 17
    assert "k4999: 4999" in section.text


def test_records_within_an_object_are_found():
    document = read({"data": {"items": [{"title": "가", "text": "하나"}, {"title": "나", "text": "둘"}]}, "total": 2})
    assert [(section.headings, section.text) for section in document.sections] == [
        ((), "total: 2"),
        (("가",), "하나"),
        (("나",), "둘"),
    ]
    assert document.metadata == {"total": 2}


def test_lists_of_an_object_are_told_apart_by_their_names():
    document = read({"title": "항만", "선박": [{"name": "가람", "길이": 300}], "항구": [{"name": "부산", "수심": 17}]})
    assert document.title == "항만"
    assert [(section.headings, section.text) for section in document.sections] == [
        (("선박", "가람"), "길이: 300"),
        (("항구", "부산"), "수심: 17"),
    ]


def test_an_object_with_a_text_is_one_record():
    assert told({"title": "배", "text": "길다", "notes": [{"a": 1}]}) == [((), "길다\n\nnotes:\n  - a: 1")]


def test_a_place_of_a_map_is_called_by_its_name():
    place = {
        "type": "Feature",
        "properties": {"name": "부산항", "수심": 17},
        "geometry": {"type": "Point", "coordinates": [129.0, 35.1]},
    }
    assert told({"type": "FeatureCollection", "features": [place]}) == [
        (("부산항",), "수심: 17\ngeometry:\n  type: Point\n  coordinates:\n    - 129.0\n    - 35.1")
    ]


def test_a_conversation_stands_together():
    messages = [{"role": "user", "content": "최대 흘수는?"}, {"role": "assistant", "content": "12.04 m"}]
    assert told({"messages": messages}) == [(("messages",), "user: 최대 흘수는?\nassistant: 12.04 m")]
    assert told([{"messages": messages}]) == [((), "messages:\n  user: 최대 흘수는?\n  assistant: 12.04 m")]
    shared = [{"from": "human", "value": "가?", "id": 1}, {"from": "gpt", "value": [{"type": "text", "text": "나"}]}]
    assert told(shared) == [((), "human: 가?\n  id: 1\ngpt: 나")]


def test_lists_of_lists_are_a_table():
    (section,) = read([["이름", "흘수"], ["파나막스", 12.04]]).sections
    assert (section.text, section.place) == ("이름: 파나막스; 흘수: 12.04", {"rows": "2-2"})


def test_plain_values_stand_together():
    assert told(["가", 2, None, 1.5]) == [((), "가\n2\nnull\n1.5")]


def test_values_one_after_the_other_are_records():
    assert told('{"text":"가"}\n{"text":\n"나"}') == [((), "가"), ((), "나")]
    assert told('{"text":\n"가"}\n{"text":\n"나"}\n', "a.jsonl") == [((), "가"), ((), "나")]


def test_a_field_that_is_given_twice_keeps_both_values():
    assert told('{"비고":"첫째","비고":"둘째","값":1}') == [((), "비고:\n  - 첫째\n  - 둘째\n값: 1")]


def test_numbers_stay_as_they_are_written():
    figures = ["1.10", "1e400", "-0.0", "NaN", "12345678901234567890123", "9" * 5000, "1E5"]
    document = read("{" + ",".join(f'"{name}":{figure}' for name, figure in zip("abcdefg", figures, strict=True)) + "}")
    lines = [f"{name}: {figure}" for name, figure in zip("abcdefg", figures, strict=True)]
    assert document.sections[0].text == "\n".join(lines)
    assert document.metadata == {"a": 1.1, "c": 0.0, "e": "12345678901234567890123", "g": 100000.0}


def test_a_bad_line_costs_that_line_and_is_said():
    document = read('{"text":"가"}\n{"text":"나"\n\n{"text":"다"}\n', "a.jsonl")
    assert [(section.text, section.place["rows"]) for section in document.sections] == [("가", "1-1"), ("다", "4-4")]
    assert document.warnings == ("1 line left out: not valid JSON (line 2)",)


def test_a_file_of_mostly_bad_lines_is_refused():
    with pytest.raises(DocumentError, match="not valid JSON in line 1"):
        read('{"a"\n{"b"\n{"text": "x"}\n', "a.jsonl")


def test_a_piece_of_a_page_is_read_without_its_tags():
    page = "<h2>제목</h2><p>문단 <b>굵게</b> &amp; 더</p><ul><li>하나</li><li>둘</li></ul><script>x()</script>"
    assert told([{"title": "글", "content": page}]) == [(("글",), "제목\n\n문단 굵게 & 더\n\n- 하나\n- 둘")]
    assert told([{"content": "a <b> c"}]) == [((), "a <b> c")]


def test_who_wrote_a_text_is_not_its_title():
    written = {"name": "홍길동", "body": "회의록", "date": "2024-01-01"}
    assert told([written]) == [((), "회의록\n\nname: 홍길동\ndate: 2024-01-01")]
    assert told([{"name": "파나막스", "body": "배"}]) == [(("파나막스",), "배")]
    assert told([written], json_title="name") == [(("홍길동",), "회의록\n\ndate: 2024-01-01")]


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000])
def test_what_is_nested_without_end_is_refused(content):
    with pytest.raises(DocumentError, match="nested too deeply"):
        read(content)


@pytest.mark.slow
def test_an_object_of_thousands_of_lists_is_read_in_one_pass():
    # A search that moved all that waits with each step would take minutes.
    assert len(told({f"k{number}": [{"a": number}] for number in range(20_000)})) == 20_000
