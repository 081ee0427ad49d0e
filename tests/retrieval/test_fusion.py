from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_pipeline.lexical.index import Question
from rag_pipeline.retrieval.fusion import Fusion, Legs, LexicalHits, fuse

IDS = [f"c{number}" for number in range(12)]
SCORES = st.integers(0, 100).map(lambda value: value / 100)


def truncated(scores, depth):
    best = sorted((key for key in scores if scores[key] > 0), key=lambda key: (-scores[key], key))
    return {key: scores[key] for key in best[:depth]}, len(best) <= depth


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    inner=st.lists(SCORES, min_size=12, max_size=12),
    lexical=st.lists(SCORES, min_size=12, max_size=12),
    dense_depth=st.integers(1, 14),
    lexical_depth=st.integers(1, 14),
    wanted=st.integers(1, 12),
    weight=st.sampled_from([0.0, 0.5, 4.0]),
    words=st.integers(0, 15),
)
def test_the_best_are_those_of_scoring_every_candidate_in_full(
    inner, lexical, dense_depth, lexical_depth, wanted, weight, words
):
    inners, scores = dict(zip(IDS, inner, strict=True)), dict(zip(IDS, lexical, strict=True))
    dense = dict(sorted(inners.items(), key=lambda item: (-item[1], item[0]))[:dense_depth])
    found, complete = truncated(scores, lexical_depth)
    fusion = Fusion(weight, 0.1)
    asked = []

    def inner_products(ids):
        asked.extend(ids)
        return {key: inners[key] for key in ids}

    legs = Legs(
        dense=dense,
        dense_complete=dense_depth >= len(IDS),
        lexical=LexicalHits(Question([], words), found, complete),
        inner_products=inner_products,
        lexical_scores=lambda ids: {key: scores[key] for key in ids if scores[key] > 0},
    )
    full = {key: inners[key] + fusion.boost(scores[key], words) for key in {*dense, *found}}
    best = fuse(legs, fusion, wanted)[:wanted]
    assert [one.score for one in best] == pytest.approx(sorted(full.values(), reverse=True)[:wanted])
    for one in best:
        assert one.score == pytest.approx(full[one.id])
        assert (one.inner_product, one.lexical) == (inners[one.id], scores[one.id])
    assert not set(asked) & set(dense)


def test_a_question_whose_words_are_nowhere_leaves_the_order_of_the_vectors():
    dense = {"a": 0.9, "b": 0.8}
    legs = Legs(dense, True, LexicalHits(Question([], 4), {}, True), lambda _: {}, lambda _: {})
    assert [(one.id, one.score) for one in fuse(legs, Fusion(2, 0.1), 2)] == [("a", 0.9), ("b", 0.8)]


def test_a_score_that_cannot_lift_a_candidate_among_the_wanted_is_not_looked_up():
    asked = {"inner": [], "lexical": []}

    def looking_up(kind):
        def look_up(ids):
            asked[kind] += ids
            return {}

        return look_up

    # The word that `far` holds is worth 0.02, and what the lexical leg did not find can be worth no more.
    hits = LexicalHits(Question([], 1), {"far": 0.2 ** (2 / 3)}, complete=False)
    dense = {"best": 0.9, "near": 0.895, "next": 0.8, "last": 0.7}
    legs = Legs(dense, False, hits, looking_up("inner"), looking_up("lexical"))
    assert [one.id for one in fuse(legs, Fusion(1, 0.1), 1)] == ["best", "near"]
    assert asked == {"inner": [], "lexical": ["best", "near"]}


def test_as_many_candidates_as_are_wanted_are_a_bound_for_others():
    hits = LexicalHits(Question([], 1), {"best": 1.0, "far": 0.01}, complete=True)
    legs = Legs({"best": 0.5}, False, hits, lambda ids: pytest.fail(f"asked for {ids}") if ids else {}, lambda _: {})
    assert [one.id for one in fuse(legs, Fusion(1, 0.1), 1)] == ["best"]


def test_where_the_lexical_leg_found_all_there_is_it_is_not_asked_again():
    hits = LexicalHits(Question([], 1), {"a": 1.0}, complete=True)
    legs = Legs({"a": 0.5, "b": 0.4}, True, hits, lambda _: {}, lambda ids: pytest.fail(f"asked for {ids}"))
    found = fuse(legs, Fusion(1, 0.1), 2)
    assert [(one.id, one.lexical, one.boost) for one in found] == [("a", 1.0, pytest.approx(0.1)), ("b", 0.0, 0.0)]


def test_a_chunk_that_is_gone_is_left_out_and_ties_go_by_id():
    hits = LexicalHits(Question([], 1), {"gone": 1.0}, complete=True)
    legs = Legs({"b": 0.5, "a": 0.5}, True, hits, lambda ids: {key: 0.5 for key in ids if key != "gone"}, lambda _: {})
    assert [one.id for one in fuse(legs, Fusion(1, 0.1), 3)] == ["a", "b"]


def test_what_the_lexical_leg_did_not_find_scores_no_higher_than_the_last_it_found():
    assert LexicalHits(Question([], 1), {"a": 0.9, "b": 0.3}, complete=False).floor == 0.3
    assert LexicalHits(Question([], 1), {}, complete=False).floor == 1.0
    assert LexicalHits(Question([], 1), {"a": 0.9}, complete=True).floor == 0.0


def test_half_a_match_gives_less_than_half_of_the_gain():
    assert Fusion(1, 1).boost(0.25, 2) == pytest.approx(2 * 0.25**1.5)


def test_the_gain_grows_with_score_and_words_up_to_a_bound():
    fusion = Fusion(2.0, 0.025)
    assert fusion.boost(1.0, 4) == pytest.approx(2 * 0.025 * 4)
    assert fusion.boost(0.5, 4) < fusion.boost(1.0, 4) / 2
    assert fusion.boost(1.0, 5) > fusion.boost(1.0, 4)
    assert fusion.boost(1.0, 50) == fusion.boost(1.0, 10)
    assert fusion.boost(0.0, 9) == 0
