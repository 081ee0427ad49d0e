from __future__ import annotations

import math

import numpy as np
import pytest

from rag_pipeline.evaluation.questions import EvaluationQuestion
from rag_pipeline.evaluation.scoring import difference_interval, metric_values, ranked_places, separation
from rag_pipeline.passages import Passage


def passage(source, section=""):
    return Passage(1, 1.0, f"{source}{section}", "", section, source, "", {})


def question(*relevant, key="q"):
    return EvaluationQuestion(key, "?", frozenset(relevant), "en")


def test_two_chunks_of_one_relevant_section_are_one_hit():
    found = [passage("b.md", "x"), passage("a.md", "y"), passage("a.md", "y"), passage("a.md", "z")]
    assert ranked_places(question("a.md#y"), found) == ["b.md#x", "a.md#y", "a.md#z"]
    assert ranked_places(question("a.md"), found) == ["b", "a.md"]


def test_a_source_may_be_named_without_its_ending():
    assert ranked_places(question("docs/a"), [passage("docs/a.txt"), passage("docs/b.txt")]) == ["docs/a", "docs/b"]


def test_the_figures_are_those_of_their_definitions():
    asked = [question("a", "b", key="1"), question("c", key="2"), question(key="unanswerable")]
    values = metric_values(asked, {"1": ["x", "a", "y", "b"], "2": [], "unanswerable": ["a"]})
    ideal = 1 + 1 / math.log2(3)
    assert values["nDCG@10"] == pytest.approx({"1": (1 / math.log2(3) + 1 / math.log2(5)) / ideal, "2": 0.0})
    assert values["MRR@10"] == {"1": 0.5, "2": 0.0}
    assert values["hit@1"] == {"1": 0.0, "2": 0.0}
    assert values["recall@5"] == {"1": 1.0, "2": 0.0}


def test_the_order_counts_and_not_the_names():
    values = metric_values([question("z")], {"q": ["z", "a"]})
    assert values["hit@1"] == {"q": 1.0}


def test_the_interval_of_a_clear_difference_stays_above_nothing_and_that_of_noise_does_not():
    generator = np.random.default_rng(1)
    base = {str(i): float(generator.random() < 0.5) for i in range(300)}
    other = {str(i): float(generator.random() < 0.5) for i in range(300)}
    worse = {key: 0.0 if int(key) % 5 == 0 else value for key, value in base.items()}
    mean, low, high = difference_interval(base, worse)
    assert 0 < low < mean < high
    _, low, high = difference_interval(base, other)
    assert low < 0 < high
    assert difference_interval(base, base) == (0.0, 0.0, 0.0)
    assert difference_interval(base, worse) == difference_interval(base, worse)


def test_the_interval_is_near_the_one_of_the_normal_distribution():
    values = np.random.default_rng(2).normal(0.1, 0.3, 400)
    first = {str(i): value for i, value in enumerate(values)}
    mean, low, high = difference_interval(first, dict.fromkeys(first, 0.0))
    error = values.std() / 20
    assert (mean - low, high - mean) == pytest.approx((1.96 * error, 1.96 * error), rel=0.1)


def test_separation_is_the_share_of_pairs_in_the_right_order():
    assert separation([3, 2], [1, 2]) == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert separation([1.0], []) is None
