"""The lexical leg on a real index: how deep it looks, with a filter and without."""

from __future__ import annotations

import pytest

from rag_pipeline.retrieval import lexical
from rag_pipeline.retrieval.lexical import lexical_leg
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.testing import HashEmbeddings

COUNT = 40


@pytest.fixture
def collection(tmp_path, monkeypatch):
    """Forty chunks that hold a word, each longer, and so ranked lower, than the one before; the last are `late`."""
    monkeypatch.setattr(lexical, "_DEPTH", 4)
    store = Store(tmp_path / "store")
    with store.writer():
        made = store.create("docs", Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash")
        texts = ["tug" + " filler" * number for number in range(COUNT)]
        metadatas = [{"place": number, "half": number % 2} for number in range(COUNT)]
        with made.indexing():
            made.write_rows(
                [f"{number:02}" for number in range(COUNT)], texts, metadatas, HashEmbeddings().embed_documents(texts)
            )
        yield made
    store.close()


def places(hits):
    return [int(key) for key in hits.scores]


def test_it_looks_as_deep_as_is_wanted_and_no_less_than_so_many(collection):
    few, many = lexical_leg(collection, "tug", None, 1), lexical_leg(collection, "tug", None, 7)
    assert (places(few), few.complete) == ([0, 1, 2, 3], False)
    assert (places(many), many.complete) == (list(range(7)), False)


def test_it_says_when_it_has_all_there_is(collection):
    assert not lexical_leg(collection, "tug", None, COUNT).complete
    found = lexical_leg(collection, "tug", None, COUNT + 1)
    assert (len(found.scores), found.complete) == (COUNT, True)
    assert lexical_leg(collection, "anchor", None, 1).complete
    assert lexical_leg(collection, "anchor", {"half": 1}, 1).scores == {}


def test_where_enough_of_the_best_fit_nothing_else_is_looked_up(collection, monkeypatch):
    monkeypatch.setattr(
        collection,
        "matching",
        lambda where, ids=None, limit=None, real=collection.matching: (
            real(where, ids) if ids is not None else pytest.fail("all that fit were listed")
        ),
    )
    found = lexical_leg(collection, "tug", {"half": 1}, 4)
    assert (places(found), found.complete) == ([1, 3], False)


def test_where_few_fit_only_those_are_ranked(collection):
    found = lexical_leg(collection, "tug", {"place": {"$gte": 37}}, 1)
    assert (places(found), found.complete) == ([37, 38, 39], True)
    found = lexical_leg(collection, "tug", {"place": {"$gte": 30}}, 1)
    assert (places(found), found.complete) == ([30, 31, 32, 33], False)


@pytest.mark.parametrize(("few", "looked"), [(9, 10), (10, 10)])
def test_so_many_that_fit_are_still_few(collection, monkeypatch, few, looked):
    monkeypatch.setattr(lexical, "_FEW", few)
    asked = []
    search = collection.lexical.search
    monkeypatch.setattr(
        type(collection.lexical), "search", lambda index, *given: asked.append(given[1:]) or search(*given)
    )
    lexical_leg(collection, "tug", {"place": {"$gte": COUNT - looked}}, 1)
    ranked_alone = [given for given in asked if len(given) == 2]
    assert len(ranked_alone) == (few >= looked)


def test_where_many_fit_but_rank_low_it_looks_deeper_up_to_a_bound(collection, monkeypatch):
    monkeypatch.setattr(lexical, "_FEW", 4)
    found = lexical_leg(collection, "tug", {"place": {"$gte": 14}}, 1)
    assert (places(found), found.complete) == ([14, 15], False)
    monkeypatch.setattr(lexical, "_FEW", 3)
    assert places(lexical_leg(collection, "tug", {"place": {"$gte": 14}}, 1)) == []


def test_without_an_index_nothing_holds_a_word(tmp_path):
    store = Store(tmp_path / "other")
    with store.writer():
        made = store.create("docs", Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash")
        hits = lexical_leg(made, "tug", None, 3)
    assert (hits.scores, hits.complete, hits.question.words) == ({}, True, 0)
    store.close()


def test_words_beyond_the_longest_question_do_not_count(collection, monkeypatch):
    monkeypatch.setattr(lexical, "_LONGEST_QUESTION", 6)
    assert lexical_leg(collection, "filler tug", None, 1).scores
    assert not lexical_leg(collection, "anchor tug", None, 1).scores
