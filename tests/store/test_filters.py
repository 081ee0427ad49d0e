from __future__ import annotations

import random
import unicodedata

import chromadb
import pytest
from chromadb.api.types import validate_where

from rag_pipeline.errors import UsageError
from rag_pipeline.store.filters import checked, fits, parse_conditions, predicates


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


@pytest.mark.slow
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
        validate_where(checked(condition))  # what was checked here is never refused there


@pytest.mark.parametrize(
    ("stored", "sign", "operand", "expected"),
    [
        ("7", "$eq", 7, False),
        ("7", "$gt", 6, False),
        (7, "$eq", "7", False),
        (7, "$eq", 7.0, True),
        (7.0, "$eq", 7, True),
        (7, "$gte", 7.9, True),  # the fraction is cut off
        (7.5, "$gt", 7, True),
        (True, "$eq", 1, False),
        (1, "$eq", True, False),
        (None, "$ne", 7, True),
        (None, "$eq", 7, False),
        (7, "$in", [7, 8], True),
        (7, "$nin", [7, 8], False),
        ("7", "$nin", [7, 8], True),
    ],
)
def test_a_value_is_compared_with_its_own_kind(stored, sign, operand, expected):
    metadata = {} if stored is None else {"a": stored}
    assert fits(metadata, {"a": {sign: operand}}) == expected
    other = {"b": {"$eq": 1}}
    assert fits(metadata, {"$and": [{"a": {sign: operand}}, other]}) is False
    assert fits(metadata, {"$or": [other, {"a": {sign: operand}}]}) == expected


def test_numbers_up_to_the_largest_that_a_store_keeps_are_taken():
    for number in (2**63 - 1, -(2**63) + 1):
        assert checked({"n": number}) == {"n": number}
        assert checked({"n": {"$in": [number]}}) == {"n": {"$in": [number]}}
    for number in (2**63, -(2**63)):
        with pytest.raises(UsageError, match="n is text, a number, true or false"):
            checked({"n": number})


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ({"type": {"$regex": "x"}}, r"type needs one operator of \$contains, \$eq, \$gt, .*; found \$regex$"),
        ({"type": {}}, "found none$"),
        ({"type": ["a", "b"]}, r"found \['a', 'b'\]; one of several goes with \{'\$in'"),
        ({"type": None}, "found None$"),
        ({"type": object}, "found <class 'object'>$"),
        ({"year": {"$gt": "x" * 200}}, "compares numbers, found 'x{79}…$"),
        ({"year": {"$gt": "x" * 78}}, "compares numbers, found 'x{78}'$"),
        ({"$and": [{}]}, r"\$and holds an empty condition"),
        ({"$nor": [{"a": 1}]}, r"unknown operator '\$nor'; known here: \$and, \$or"),
        ({"type": {"$in": [1, "a"]}}, r"type is compared with values of several types, \[1, 'a'\]; join two by '\$or'"),
    ],
)
def test_what_is_wrong_with_a_filter_is_said(where, problem):
    with pytest.raises(UsageError, match=problem):
        checked(where)


@pytest.mark.parametrize("sign", ["$gt", "$gte", "$lt", "$lte"])
def test_only_numbers_are_more_or_less_than_others(sign):
    assert checked({"year": {sign: 2020}}) == {"year": {sign: 2020}}
    for other in ("2020", True):
        with pytest.raises(UsageError, match="compares numbers"):
            checked({"year": {sign: other}})


def test_comparisons_are_counted_through_all_that_is_joined():
    assert predicates(checked({"a": 1})) == 1
    assert predicates(checked({"a": {"$in": [1, 2, 3]}})) == 1
    assert predicates(checked({"a": 1, "$or": [{"b": 2}, {"c": 3, "d": 4}]})) == 4


@pytest.mark.parametrize(
    ("condition", "parsed"),
    [
        ("type=bulk", {"type": {"$eq": "bulk"}}),
        ("type!=bulk", {"type": {"$ne": "bulk"}}),
        (" type = bulk carrier ", {"type": {"$eq": "bulk carrier"}}),
        ("type=bulk, tanker,", {"type": {"$in": ["bulk", "tanker"]}}),
        ("type!=bulk,tanker", {"type": {"$nin": ["bulk", "tanker"]}}),
        ("on=True", {"$or": [{"on": {"$in": ["True"]}}, {"on": {"$in": [True]}}]}),
        ("on!=false", {"$and": [{"on": {"$nin": ["false"]}}, {"on": {"$nin": [False]}}]}),
        ("n=7", {"$or": [{"n": {"$in": ["7"]}}, {"n": {"$in": [7]}}, {"n": {"$in": [7.0]}}]}),
        ("n=7.5", {"$or": [{"n": {"$in": ["7.5"]}}, {"n": {"$in": [7.5]}}]}),
        ("n=nan", {"n": {"$eq": "nan"}}),
        ("n>7", {"$or": [{"n": {"$gt": 7}}, {"n": {"$gt": 7.0}}]}),
        ("n>=7.5", {"n": {"$gte": 7.5}}),
        ("n<=7.5", {"n": {"$lte": 7.5}}),
        ("n<7.5", {"n": {"$lt": 7.5}}),
        ("a=b=c", {"a": {"$eq": "b=c"}}),
        ("a=line\nline", {"a": {"$eq": "line\nline"}}),
    ],
)
def test_what_is_typed_means_each_type_it_may_be_stored_as(condition, parsed):
    assert parse_conditions([condition]) == parsed


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("type", "'type' cannot be understood; write it like type=bulk"),
        ("type= ,", "names no value; write it like"),
        ("year>spring", "> compares numbers, found 'spring'"),
        ("year>true", "> compares numbers, found 'true'"),
    ],
)
def test_what_is_wrong_with_what_was_typed_is_said(condition, problem):
    with pytest.raises(UsageError, match=problem):
        parse_conditions([condition])


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
