from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_pipeline.training.options import MOST_PAIRS
from rag_pipeline.training.splitting import protected, split

ANSWERS = st.lists(st.frozensets(st.sampled_from([f"p{n}" for n in range(40)]), min_size=1, max_size=2), max_size=400)


@settings(max_examples=60, deadline=None)
@given(answers=ANSWERS, seed=st.integers(0, 5), keep=st.sampled_from([0.2, 0.5, 0.8]))
def test_no_passage_answers_questions_of_both_sides(answers, seed, keep):
    for fold in split(answers, keep, seed):
        trained = {text for number in fold.train for text in answers[number]}
        assert not trained & protected(fold, answers)
        assert sorted([*fold.train, *fold.test]) == list(range(len(answers)))
        assert fold.train and fold.test


def test_few_questions_judge_each_once_and_many_hold_a_share_back():
    few = split([frozenset({f"p{n // 2}"}) for n in range(100)], 0.5, 0)
    assert sorted(number for fold in few for number in fold.test) == list(range(100))
    assert [len(fold.test) for fold in few] == [50, 50]
    [many] = split([frozenset({f"p{n}"}) for n in range(1000)], 0.3, 0)
    assert (len(many.test), len(many.train)) == (300, 700)
    [more] = split([frozenset({f"p{n}"}) for n in range(5000)], 0.3, 0)
    assert len(more.train) == MOST_PAIRS


def test_the_same_seed_splits_alike_and_another_does_not():
    answers = [frozenset({f"p{n}"}) for n in range(400)]
    assert split(answers, 0.5, 1) == split(answers, 0.5, 1)
    assert split(answers, 0.5, 1) != split(answers, 0.5, 2)


@pytest.mark.parametrize("count", [60, 400])
def test_questions_that_one_passage_answers_cannot_be_split(count):
    assert split([frozenset({"p"})] * count, 0.5, 0) == []
