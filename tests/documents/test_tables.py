from __future__ import annotations

from rag_pipeline.documents.readers.tables import Cell, markdown_table, spread


def test_a_cell_over_several_rows_is_said_in_each():
    rows = [[Cell("운하"), Cell("흘수")], [Cell("파나마", rows=2), Cell("12.04")], [Cell("15.2")]]
    assert spread(rows) == [["운하", "흘수"], ["파나마", "12.04"], ["파나마", "15.2"]]


def test_a_cell_over_several_columns_stands_in_the_first():
    rows = [[Cell("제원", columns=2), Cell("비고")], [Cell("길이"), Cell("폭"), Cell("없음")]]
    assert spread(rows) == [["제원", "", "비고"], ["길이", "폭", "없음"]]


def test_a_cell_over_rows_and_columns_moves_those_after_it():
    rows = [[Cell("가"), Cell("나", rows=2, columns=2), Cell("다")], [Cell("라"), Cell("마")]]
    assert spread(rows) == [["가", "나", "", "다"], ["라", "나", "", "마"]]


def test_short_rows_are_filled_and_a_cell_that_covers_a_million_columns_does_not():
    assert spread([[Cell("가"), Cell("나")], [Cell("다")]]) == [["가", "나"], ["다", ""]]
    assert max(map(len, spread([[Cell("가", columns=10**9, rows=10**9)]]))) == 1000


def test_the_first_row_names_the_columns_and_pipes_are_escaped():
    assert markdown_table([["이름", "흘수"], ["가|람", "9.1\nm"], ["", " "]]) == (
        "| 이름 | 흘수 |\n| --- | --- |\n| 가\\|람 | 9.1 m |"
    )


def test_a_single_column_is_a_box_around_lines():
    assert markdown_table([["알림"], ["내일 쉽니다"]]) == "알림\n내일 쉽니다"
    assert markdown_table([]) == ""
