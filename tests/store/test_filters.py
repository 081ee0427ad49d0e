from __future__ import annotations

import pytest

from rag_pipeline.errors import UsageError
from rag_pipeline.store.filters import checked, parse_conditions


def test_no_condition_is_no_filter():
    assert parse_conditions([]) is None
    assert checked(None) is None
    assert checked({}) is None


def test_conditions_are_joined():
    assert parse_conditions(["type=bulk"]) == {"type": {"$eq": "bulk"}}
    assert parse_conditions(["type = bulk", "port!=부산"]) == {
        "$and": [{"type": {"$eq": "bulk"}}, {"port": {"$ne": "부산"}}]
    }


@pytest.mark.parametrize("condition", ["", "type", "=bulk", "type=", "type= ,", "year>", "year>=spring"])
def test_a_condition_that_cannot_be_understood_is_named(condition):
    with pytest.raises(UsageError, match="--where"):
        parse_conditions([condition])


def test_several_keys_are_joined_by_and():
    assert checked({"a": 1, "b": {"$in": (1, 2)}}) == {"$and": [{"a": 1}, {"b": {"$in": [1, 2]}}]}
    assert checked({"$or": [{"a": 1, "b": 2}, {"c": 3}]}) == {"$or": [{"$and": [{"a": 1}, {"b": 2}]}, {"c": 3}]}
    assert checked({"$and": [{"a": 1}]}) == {"a": 1}


@pytest.mark.parametrize(
    "where",
    [
        {"a": {"$in": []}},
        {"a": {"$regex": "x"}},
        {"a": {}},
        {"a": {"$gt": 1, "$lt": 2}},
        {"$not": {"a": 1}},
        {"$and": []},
    ],
)
def test_a_filter_that_chroma_would_not_take_is_refused_in_words(where):
    with pytest.raises(UsageError, match="filter"):
        checked(where)
