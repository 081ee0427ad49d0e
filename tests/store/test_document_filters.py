from __future__ import annotations

import unicodedata

import chromadb
import pytest

from rag_pipeline.errors import UsageError
from rag_pipeline.store.document_filters import checked_document, document_predicates

PARTS, WHOLE = unicodedata.normalize("NFD", "부산"), "부산"


def test_no_condition_is_no_filter():
    assert checked_document(None) is None
    assert checked_document({}) is None


@pytest.mark.parametrize(
    "where",
    [
        "two",
        ["two"],
        {"$contains": ""},
        {"$contains": ["two"]},
        {"$contains": None},
        {"$not_contains": 5},
        {"$regex": "("},
        {"$like": "two"},
        {"tenant": 2},
        {5: "two"},
        {"$and": []},
        {"$and": [{}]},
        {"$or": "two"},
        {"$or": ["two"]},
    ],
)
def test_what_chroma_would_not_take_is_refused_in_words(where):
    with pytest.raises(UsageError, match="where_document"):
        checked_document(where)


def test_conditions_are_joined_and_korean_in_parts_means_whole_letters():
    assert checked_document({"$and": [{"$contains": "a"}]}) == {"$contains": "a"}
    both = {"$contains": "a", "$not_contains": "b"}
    assert checked_document(both) == {"$and": [{"$contains": "a"}, {"$not_contains": "b"}]}
    assert checked_document({"$contains": WHOLE}) == {"$contains": WHOLE}
    assert checked_document({"$contains": PARTS}) == {"$or": [{"$contains": WHOLE}, {"$contains": PARTS}]}
    without = {"$and": [{"$not_contains": WHOLE}, {"$not_contains": PARTS}]}
    assert checked_document({"$not_contains": PARTS}) == without
    for where in (both, {"$contains": PARTS}, {"$or": [{"$contains": PARTS}, {"$regex": "x"}]}):
        once = checked_document(where)
        assert checked_document(once) == once
    assert document_predicates(once) == 3


def test_chroma_takes_what_was_checked(tmp_path):
    chroma = chromadb.PersistentClient(str(tmp_path)).create_collection("rows", embedding_function=None)
    texts = {"a": "draft 12.04 m", "b": f"port {WHOLE}", "c": f"port {PARTS}"}
    chroma.add(ids=list(texts), embeddings=[[1.0]] * 3, documents=list(texts.values()))
    for where, wanted in (
        ({"$contains": "12.04"}, "a"),
        ({"$contains": PARTS}, "bc"),
        ({"$not_contains": PARTS}, "a"),
        ({"$regex": r"\d+\.\d+ m"}, "a"),
        ({"$not_regex": "^port"}, "a"),
        ({"$contains": "port", "$not_contains": WHOLE}, "c"),
        ({"$or": [{"$contains": "12.04"}, {"$contains": WHOLE}]}, "ab"),
    ):
        found = chroma.get(where_document=checked_document(where), include=[])["ids"]
        assert sorted(found) == list(wanted), where
