from __future__ import annotations

import time
from decimal import Decimal

import pytest

from rag_pipeline.figures import in_digits, steps_between, value


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("6만5천 톤", "65000 톤"),
        ("7만 5,000", "75000"),
        ("6만 5천", "65000"),
        ("15만~16만 톤급", "150000~160000 톤급"),
        ("15~16만 톤", "150000~160000 톤"),
        ("1억 2천만", "120000000"),
        ("1만2,000 TEU", "12000 TEU"),
        ("1.5만 톤", "15000 톤"),
        ("3백만 달러", "3000000 달러"),
        ("2천5백", "2500"),
        ("2조 5천억 원", "2500000000000 원"),
        ("천 톤", "1000 톤"),
        ("만 톤", "10000 톤"),
        ("이십 미터", "20 미터"),
        ("십오 노트", "15 노트"),
        ("삼천오백 톤급", "3500 톤급"),
        ("천만 원의", "10000000 원의"),
        ("'16년", "2016년"),
        ("’98년", "1998년"),
        ("2016. 6. 26.", "2016년 6월 26일"),
        ("2016.12.31. 시행", "2016년 12월 31일 시행"),
        ("2016-06-26", "2016년 6월 26일"),
    ],
)
def test_a_figure_has_one_spelling(written, plain):
    assert in_digits(written) == plain


@pytest.mark.parametrize(
    "text",
    [
        "제2조 3항", "민법 제750조", "2만큼 크다", "이 미터", "천안 톤", "수천 톤", "버전 1.2.3", "65,000~75,000 t",
        "12.04 m", "192.168.0.1", "",
    ],
)  # fmt: skip
def test_what_is_no_figure_of_that_kind_stays(text):
    assert in_digits(text) == text


def test_a_year_after_a_figure_is_not_a_part_of_it():
    assert in_digits("5만 2016년") == "50000 2016년"


@pytest.mark.parametrize(("figure", "amount"), [("1억 2,000만 500", 120000500), ("1천만", 10**7), ("6만5000", 65000)])
def test_parts_of_a_figure_add_up(figure, amount):
    assert value(figure) == Decimal(amount)


def test_a_figure_within_a_range_shares_a_step_with_it():
    inside = steps_between(70000, 70000)
    assert set(inside) <= set(steps_between(65000, 75000))
    assert not set(steps_between(90000, 90000)) & set(steps_between(65000, 75000))


@pytest.mark.parametrize(("first", "second"), [(75000, 65000), (10, 1000), (1, 2), (0, 0)])
def test_what_is_too_wide_small_or_the_wrong_way_round_is_no_range(first, second):
    assert not steps_between(first, second)


def seconds(text: str) -> float:
    started = time.process_time()
    in_digits(text)
    return time.process_time() - started


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["1,", "6만 ", "이십", "1.", "만억", "'16", "1~", "2016. ", "9" * 9])
def test_hostile_runs_take_time_in_proportion(piece):
    seconds(piece * 1000)
    small, large = (min(seconds(piece * count) for _ in range(3)) for count in (20_000, 80_000))
    assert large <= 8 * small + 0.05


@pytest.mark.parametrize("digits", [17, 400, 1_200_000])
@pytest.mark.parametrize("form", ["{}", "{}만", "{}만 5천 톤", "1~{}만 톤", "{}~{}", "10~{}", "{}십 미터"])
def test_a_figure_that_is_too_long_to_be_one_keeps_its_digits(digits, form):
    text = form.format("9" * digits, "9" * digits)
    assert "9" * digits in in_digits(text)


def test_a_figure_of_sixteen_digits_is_still_exact():
    assert in_digits("9999999999999999억 톤") == "999999999999999900000000 톤"


@pytest.mark.parametrize("second", [float("inf"), float("nan"), 1e308])
def test_a_range_without_an_end_has_no_steps(second):
    assert len(steps_between(second, second)) <= 1
    assert list(steps_between(20.0, second)) == []
