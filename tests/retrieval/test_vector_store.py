from __future__ import annotations

import unicodedata

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.retrieval.vector_store import PipelineVectorStore
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def store(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    settings = load_settings(tmp_path / "config.yaml")
    opened = PipelineVectorStore.open(settings, "docs", HashEmbeddings(dimension=8), create=True)
    opened.add_texts(["A tug tows.", "A buoy marks."], [{"port": "부산"}, {"port": "인천"}], ids=["tug", "buoy"])
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"texts": "abc"}, "texts are a list of texts, found 'abc'"),
        ({"texts": 5}, "texts are a list of texts, found 5"),
        ({"texts": [None]}, "found None among them"),
        ({"texts": ["a", " "]}, "a text is empty"),
        ({"texts": ["a"], "metadatas": [None]}, "metadata of a text are keys and values, found None"),
        ({"texts": ["a"], "metadatas": [{}, {}]}, "1 texts do not go together with 2"),
        ({"texts": ["a"], "metadatas": [{5: "b"}]}, "a key of metadata is text, found 5"),
        ({"texts": ["a"], "metadatas": [{"b": ["c"]}]}, "metadata 'b' must be a string"),
        ({"texts": ["a"], "metadatas": [{"b": float("nan")}]}, "metadata 'b' must be"),
        ({"texts": ["a"], "metadatas": [{"b": float("-inf")}]}, "metadata 'b' must be"),
        ({"texts": ["a"], "metadatas": [{"b": "x \ud83d"}]}, "metadata 'b' must be"),
        ({"texts": ["a"], "metadatas": [{"b": 2**63}]}, "metadata 'b' is a whole number of more than 64 bits"),
        ({"texts": ["a"], "metadatas": [{"\ud83d": "b"}]}, "a key of metadata is text"),
        ({"texts": ["a"], "metadatas": [{"chroma:document": "b"}]}, "a key of metadata is text"),
        ({"texts": ["a \ud83d"]}, "half of a character"),
        ({"texts": ["a"], "ids": ["\ud83d"]}, "an id is text, found"),
        ({"texts": ["a"], "ids": [5]}, "an id is text, found 5"),
        ({"texts": ["a"], "ids": "b"}, "ids are a list of texts, found 'b'"),
        ({"texts": ["a", "b"], "ids": ["c", "c"]}, "an id is given twice"),
        ({"texts": ["a", "b"], "ids": ["c"]}, "2 texts and 1 ids"),
    ],
)
async def test_what_cannot_be_stored_is_refused_in_words(store, arguments, problem):
    with pytest.raises(UsageError, match=problem):
        store.add_texts(**arguments)
    with pytest.raises(UsageError, match=problem):
        await store.aadd_texts(**arguments)
    assert len(store.similarity_search("tug", 9)) == 2


@pytest.mark.parametrize("vector", [[1.0] * 7, [], None, ["a"] * 8, [[1.0] * 8], [float("nan")] * 8])
def test_a_vector_of_another_dimension_is_refused(store, vector):
    for search in (store.similarity_search_by_vector, store.max_marginal_relevance_search_by_vector):
        with pytest.raises(UsageError, match="'docs' is asked with a vector of 8 numbers"):
            search(vector)


@pytest.mark.parametrize("k", [0, -1, 2.5, "3"])
def test_a_number_of_documents_is_one_or_more(store, k):
    for search in (store.similarity_search, store.max_marginal_relevance_search):
        with pytest.raises(UsageError, match="k must be a whole number, 1 or more"):
            search("tug", k)
    with pytest.raises(UsageError, match="fetch_k must be"):
        store.max_marginal_relevance_search("tug", 1, k)


def test_other_arguments_that_mean_nothing_are_refused(store):
    with pytest.raises(UsageError, match="lambda_mult must be from 0 to 1, found 2"):
        store.max_marginal_relevance_search("tug", lambda_mult=2)
    with pytest.raises(UsageError, match="a question is a text, found None"):
        store.similarity_search(None)
    with pytest.raises(UsageError, match="ids are a list of texts"):
        store.delete("tug")
    with pytest.raises(UsageError, match="ids are a list of texts"):
        store.get_by_ids("tug")
    with pytest.raises(UsageError, match="compares numbers"):
        store.similarity_search("tug", filter={"port": {"$gte": "a"}})


def test_names_in_parts_are_found(store):
    parts = unicodedata.normalize("NFD", "부산")
    assert [found.id for found in store.similarity_search("tug", filter={"port": parts})] == ["tug"]
    store.add_texts(["A quay."], [{"port": parts}], ids=["quay"])
    assert {found.id for found in store.similarity_search("tug", filter={"port": parts})} == {"tug", "quay"}


def test_more_than_there_is_may_be_asked_for(store):
    assert len(store.similarity_search("tug", 10**12)) == 2
    assert len(store.max_marginal_relevance_search("tug", 10**12, 10**12)) == 2
