from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from rag_pipeline.embeddings.gemini.pacing import Pacer, backoff


def test_without_limits_nothing_waits():
    assert [Pacer().reserve(5.0, 100, 10**9) for _ in range(3)] == [0, 0, 0]


def test_each_text_counts_as_one_request():
    pacer = Pacer(texts_per_minute=150)
    assert pacer.reserve(0.0, 100, 1) == 0
    assert pacer.reserve(1.0, 100, 1) == 59
    assert pacer.reserve(2.0, 50, 1) == 58


def test_tokens_are_counted_too():
    pacer = Pacer(tokens_per_minute=1000)
    assert pacer.reserve(0.0, 1, 900) == 0
    assert pacer.reserve(0.0, 1, 100) == 0
    assert pacer.reserve(0.0, 1, 1) == 60


def test_one_that_is_larger_than_the_limit_waits_for_an_empty_minute():
    pacer = Pacer(tokens_per_minute=10)
    assert pacer.reserve(0.0, 1, 5) == 0
    assert pacer.reserve(10.0, 1, 50) == 50


def test_a_pause_holds_everything_back():
    pacer = Pacer()
    pacer.pause(20.0)
    pacer.pause(15.0)
    assert pacer.reserve(5.0, 1, 1) == 15
    assert pacer.reserve(30.0, 1, 1) == 0


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 40), st.integers(1, 400)), max_size=40))
def test_no_minute_holds_more_than_the_limits(requests):
    pacer = Pacer(texts_per_minute=100, tokens_per_minute=1000)
    now, sent = 0.0, []
    for gap, texts, tokens in requests:
        now += gap
        sent.append((now + pacer.reserve(now, texts, tokens), texts, tokens))
    for at, _, _ in sent:
        minute = [(texts, tokens) for other, texts, tokens in sent if at - 59.999 < other <= at]
        assert sum(texts for texts, _ in minute) <= 100
        assert sum(tokens for _, tokens in minute) <= 1000


def test_waiting_doubles_is_spread_and_has_an_end():
    generator = random.Random(1)
    for attempt, longest in [(1, 1), (2, 2), (3, 4), (20, 60)]:
        waits = [backoff(attempt, generator=generator) for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest


def test_what_the_service_asks_for_is_the_least():
    assert all(30 <= backoff(1, 30.0) <= 33 for _ in range(20))
    assert backoff(5, 0.0) >= 8
