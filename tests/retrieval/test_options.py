from __future__ import annotations

import pytest

from rag_pipeline.config import RerankSettings, Settings, load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.retrieval import SearchOptions


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A configuration in which no retrieval setting has its default."""
    (tmp_path / "config.yaml").write_text(
        """
collections:
  own: {folder: docs, embedding: bundled, mode: lexical}
  plain: {folder: docs, embedding: bundled}
retrieval:
  mode: dense
  candidates: 7
  lexical_weight: 0.5
  balance_languages: false
  min_score: 0.25
  diversity: 0.75
  distinct: true
  context: 3
  rerank: {method: cross_encoder, candidates: 5}
"""
    )
    return load_settings(tmp_path / "config.yaml")


def test_options_are_those_of_the_configuration(settings):
    assert SearchOptions.from_settings(settings, "plain") == SearchOptions(
        mode="dense",
        candidates=7,
        lexical_weight=0.5,
        balance_languages=False,
        min_score=0.25,
        diversity=0.75,
        distinct=True,
        context=3,
        rerank=RerankSettings(method="cross_encoder", candidates=5),
    )


def test_a_collections_own_mode_comes_before_that_of_all(settings):
    assert SearchOptions.from_settings(settings, "own").mode == "lexical"
    assert SearchOptions.from_settings(settings, "plain").mode == "dense"
    assert SearchOptions.from_settings(settings, "one that is not configured").mode == "dense"


def test_without_a_configuration_options_are_its_defaults(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    assert SearchOptions() == SearchOptions.from_settings(load_settings(tmp_path / "config.yaml"), "docs")


def test_none_leaves_an_option_as_it_is():
    options = SearchOptions(min_score=0.5, context=2)
    assert options.changed(min_score=None, context=None, distinct=True) == SearchOptions(
        min_score=0.5, context=2, distinct=True
    )


@pytest.mark.parametrize(
    "changes",
    [{"diversity": 0}, {"diversity": 1}, {"candidates": 1}, {"context": 0}, {"lexical_weight": 2}, {"min_score": -1}],
)
def test_a_value_at_its_bound_and_a_whole_number_for_a_number_are_taken(changes):
    ((name, value),) = changes.items()
    assert getattr(SearchOptions(context=1, candidates=2, diversity=0.5).changed(**changes), name) == value


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"diversity": -0.1}, "diversity must be from 0 to 1, found -0.1"),
        ({"diversity": 1.1}, "diversity must be from 0 to 1, found 1.1"),
        ({"candidates": 0}, "candidates 1 or more"),
        ({"context": -1}, "context must be 0 or more"),
        ({"candidates": True}, "candidates must be a whole number, found True"),
        ({"context": 1.5}, "context must be a whole number, found 1.5"),
        ({"min_score": "1"}, "min_score must be a number, found '1'"),
        ({"diversity": None, "distinct": "no"}, "distinct must be true or false, found 'no'"),
        ({"diversity": "x"}, "diversity must be a number, found 'x'"),
        ({"lexical_weight": "2"}, "lexical_weight must be a number, found '2'"),
        ({"balance_languages": 1}, "balance_languages must be true or false, found 1"),
        ({"rerank": "best"}, "^rerank: method: found 'best'"),
        ({"moed": "dense"}, "unknown retrieval option 'moed'; known: balance_languages, candidates, context"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(changes, problem):
    with pytest.raises(UsageError, match=problem):
        SearchOptions().changed(**changes)


def test_what_is_said_of_a_reranker_is_added_to_what_was_said_before():
    options = SearchOptions(rerank=RerankSettings(weight=0.25, candidates=7))
    assert options.changed(rerank="maxsim").rerank == RerankSettings(method="maxsim", weight=0.25, candidates=7)
    assert options.changed(rerank={"candidates": 9}).rerank == RerankSettings(weight=0.25, candidates=9)
    whole = RerankSettings(method="maxsim")
    assert options.changed(rerank=whole).rerank == whole
