from __future__ import annotations

import random
import unicodedata

import chromadb
import pytest

from rag_pipeline.errors import UsageError
from rag_pipeline.store.filters import checked, fits, parse_conditions


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
        {"a": {"$contains": ["x"]}},
        {"a": {"$contains": None}},
        {"a": {"$contains": float("nan")}},
        {"a": {"$contains": "x", "$not_contains": "y"}},
        {"$contains": "x"},
        {"#document": {"$contains": "x"}},
        {"a": {}},
        {"a": {"$gt": 1, "$lt": 2}},
        {"$not": {"a": 1}},
        {"$and": []},
        {"$and": ["x"]},
        {"$and": [{}]},
        {"type": None},
        {"type": ["a"]},
        {"type": object()},
        {"type": {"$in": [1, "a"]}},
        {"type": {"$in": [True, 1]}},
        {"type": {"$in": [None]}},
        {"type": {"$in": "bulk"}},
        {"year": {"$gte": "a"}},
        {"year": {"$gte": True}},
        {"year": float("nan")},
        {"year": {"$lt": float("inf")}},
        {"year": 2**63},
        {1: 2},
        {"year": {1: 2}},
        "type=bulk",
        "",
        [("type", "bulk")],
        5,
    ],
)
def test_a_filter_that_chroma_would_not_take_is_refused_in_words(where):
    with pytest.raises(UsageError, match="filter"):
        checked(where)


def test_metadata_fit_a_filter_when_chroma_says_so(tmp_path):
    chance = random.Random(0)
    values = ["bulk", "7", 7, 8, -7, 7.0, 7.5, -7.5, True, False]
    lists = [["bulk"], ["bulk", "7"], [7, 8], [7.0, 7.5], [True], [False, True]]
    rows = {
        f"{number}": {"n": number, **{key: chance.choice([*values, *lists]) for key in "ab" if chance.random() < 0.8}}
        for number in range(200)
    }
    client = chromadb.PersistentClient(str(tmp_path))
    chroma = client.create_collection("rows", embedding_function=None)
    chroma.add(ids=list(rows), embeddings=[[1.0]] * len(rows), metadatas=list(rows.values()))
    conditions = [{key: value} for key in "ab" for value in values]
    conditions += [{key: {sign: value}} for key in "ab" for sign in ("$eq", "$ne") for value in values]
    conditions += [{"a": {sign: value}} for sign in ("$gt", "$gte", "$lt", "$lte") for value in (7, 8, 7.0, 7.2, -7.2)]
    conditions += [{"a": {sign: some}} for sign in ("$in", "$nin") for some in (["bulk", "7"], [7, 9], [7.5], [True])]
    conditions += [{"a": {sign: value}} for sign in ("$contains", "$not_contains") for value in values]
    conditions += [{join: chance.sample(conditions, 2)} for join in ("$and", "$or") for _ in range(20)]
    conditions += [{"$and": [{"$or": chance.sample(conditions, 2)}, chance.choice(conditions)]} for _ in range(20)]
    for condition in conditions:
        found = {chunk for chunk, metadata in rows.items() if fits(metadata, checked(condition))}
        assert found == set(chroma.get(where=condition, include=[])["ids"]), condition


def test_what_is_compared_with_a_list_is_pointed_to_what_lists_hold():
    with pytest.raises(UsageError, match=r"what a list holds with \{'\$contains': …\}"):
        checked({"tags": ["steel"]})


def test_whole_and_broken_numbers_go_together():
    assert checked({"year": {"$in": [1, 2.5]}}) == {"year": {"$in": [1.0, 2.5]}}


def test_korean_in_parts_means_the_whole_letters_and_is_looked_for_in_both_forms():
    parts, whole = unicodedata.normalize("NFD", "부산"), "부산"
    assert checked({"port": whole}) == {"port": whole}
    assert checked({"port": parts}) == {"port": {"$in": [whole, parts]}}
    assert checked({"port": {"$ne": parts}}) == {"port": {"$nin": [whole, parts]}}
    assert checked({"port": {"$in": [parts, "인천"]}}) == {"port": {"$in": [whole, parts, "인천"]}}
    assert checked({parts: 1}) == {"$or": [{whole: 1}, {parts: 1}]}
    assert checked({parts: {"$ne": 1}}) == {"$and": [{whole: {"$ne": 1}}, {parts: {"$ne": 1}}]}
    held = [{"ports": {"$contains": whole}}, {"ports": {"$contains": parts}}]
    assert checked({"ports": {"$contains": parts}}) == {"$or": held}
    without = [{"ports": {"$not_contains": whole}}, {"ports": {"$not_contains": parts}}]
    assert checked({"ports": {"$not_contains": parts}}) == {"$and": without}
    assert checked(parse_conditions([f"port={parts}"])) == {"port": {"$in": [whole, parts]}}


def test_what_was_checked_may_be_checked_again():
    parts = unicodedata.normalize("NFD", "부산")
    for where in (
        {"a": 1, "b": parts},
        {"a": {"$nin": ["a", parts]}},
        {"a": {"$in": (1, 2)}},
        {"a": {"$contains": parts}},
        {parts: {"$not_contains": parts}},
        {"$or": [{"a": {"$contains": parts}}, {parts: 1}]},
        {"$or": [{"a": 1}, {"a": 1.0}, {"a": True}]},
    ):
        once = checked(where)
        assert checked(once) == once
