"""Exact rankings, on an index that is so poor that its own answers are others."""

from __future__ import annotations

import numpy as np
import pytest

from rag_pipeline.config import HnswSettings
from rag_pipeline.retrieval import Searcher, SearchOptions
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.testing import HashEmbeddings

COUNT, DIMENSION, WANTED = 1500, 32, 10


@pytest.fixture(scope="module")
def poor(tmp_path_factory):
    """A collection whose index misses most of the nearest, a question, and the ids nearest to it."""
    store = Store(
        tmp_path_factory.mktemp("poor") / "store", HnswSettings(max_neighbors=2, ef_construction=2, ef_search=10)
    )
    embeddings = HashEmbeddings(dimension=DIMENSION)
    rows = np.random.default_rng(5).normal(size=(COUNT, DIMENSION)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ids = [f"{number:04}" for number in range(COUNT)]
    with store.writer():
        collection = store.create("poor", Fingerprint.of(embeddings.identity.as_dict(), None, 1), "hash")
        with collection.indexing():
            metadatas = [{"source": f"{number}.md", "half": number % 2} for number in range(COUNT)]
            collection.write_rows(ids, [f"글 {number}" for number in range(COUNT)], metadatas, list(rows))
    vector = np.asarray(embeddings.embed_query("선박"), dtype=np.float32)
    scores = rows @ vector
    yield collection, embeddings, vector, scores
    store.close()


def nearest(scores, fits=lambda _: True):
    order = [number for number in np.argsort(-scores) if fits(number)]
    return [f"{number:04}" for number in order[:WANTED]]


def test_the_index_is_poor_enough_to_tell_the_two_apart(poor):
    collection, _, vector, scores = poor
    assert [hit.id for hit in collection.search(vector, WANTED)] != nearest(scores)
    assert list(collection.nearest(vector, WANTED)) != nearest(scores)


def test_exact_hits_are_the_nearest_of_all(poor):
    collection, _, vector, scores = poor
    hits = collection.search(vector, WANTED, exact=True)
    assert [hit.id for hit in hits] == nearest(scores)
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(scores)[::-1][:WANTED], atol=1e-5)
    assert list(collection.nearest(vector, WANTED, exact=True)) == nearest(scores)


def test_exact_hits_with_a_filter_are_the_nearest_that_fit(poor):
    collection, _, vector, scores = poor
    fitting = nearest(scores, lambda number: number % 2 == 1)
    assert [hit.id for hit in collection.search(vector, WANTED, {"half": 1}, exact=True)] == fitting
    assert list(collection.nearest(vector, WANTED, {"half": 1}, exact=True)) == fitting


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
async def test_a_searcher_hands_on_that_the_ranking_is_to_be_exact(poor, mode):
    collection, embeddings, _, scores = poor
    options = SearchOptions(mode=mode, lexical_weight=0, balance_languages=False, candidates=WANTED)
    searcher = Searcher(collection, embeddings, options)
    assert [passage.id for passage in searcher.search("선박", WANTED, exact=True)] == nearest(scores)
    assert [passage.id for passage in await searcher.asearch("선박", WANTED, exact=True)] == nearest(scores)
    assert [passage.id for passage in searcher.search("선박", WANTED)] != nearest(scores)
