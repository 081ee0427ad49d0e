"""Collections are mended from what is stored, from Python as from the command line."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from rag_pipeline.config import HnswSettings
from rag_pipeline.errors import CollectionNotFoundError, StoreLockedError
from rag_pipeline.pipeline import Pipeline
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.store.repair import verify_collections
from rag_pipeline.testing import HashEmbeddings

pytestmark = pytest.mark.slow


@pytest.fixture
def ships(project):
    with Pipeline(collection="docs", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest("docs")
        yield pipeline


def test_a_whole_collection_is_left_as_it_is(ships):
    check = ships.verify(repair=True)
    assert (check.findings, check.repaired) == ([], [])
    assert check.chunks == 4


def test_a_broken_vector_is_removed_and_the_next_ingest_embeds_it_again(ships):
    store = Store(ships.settings.resolve_path("chroma_db"))
    with store.writer():
        collection = store.get("docs")
        [broken, *_] = sorted(collection.ids())
        text, metadata = collection.rows_of([broken])[broken]
        with collection.indexing():
            collection.write_rows([broken], [text], [metadata], [np.full(HashEmbeddings().identity.dimension, 2.0)])
    store.close()
    assert [finding.kind for finding in ships.verify().findings] == ["vector"]
    assert ships.verify().repaired == []
    check = asyncio.run(ships.averify(repair=True))
    assert check.repaired == ["removed 1 chunks; ingest its folder again to recreate them"]
    assert ships.ingest("docs").chunks_written == 1
    assert ships.verify().findings == []


def test_an_index_that_misses_is_rebuilt_from_the_stored_vectors(tmp_path):
    rows = np.random.default_rng(5).normal(size=(1500, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ids = [f"{number:04}" for number in range(len(rows))]
    poor = Store(tmp_path / "store", HnswSettings(max_neighbors=2, ef_construction=2, ef_search=10))
    with poor.writer():
        made = Fingerprint.of(HashEmbeddings(dimension=32).identity.as_dict(), None, 1)
        collection = poor.create("docs", made, "hash")
        with collection.indexing():
            collection.write_rows(ids, ids, [{} for _ in ids], list(rows))
    poor.close()
    store = Store(tmp_path / "store")
    assert {finding.kind for finding in verify_collections(store)["docs"].findings} == {"index"}
    check = verify_collections(store, ["docs"], repair=True)["docs"]
    assert check.repaired == ["rebuilt the index from the stored vectors"]
    assert verify_collections(store)["docs"].findings == []
    kept, vectors = store.get("docs").vectors()
    np.testing.assert_allclose(vectors[np.argsort(kept)], rows, atol=1e-6)
    store.close()


def test_nothing_is_mended_while_another_writes(ships):
    store = Store(ships.settings.resolve_path("chroma_db"))
    with store.writer(), pytest.raises(StoreLockedError):
        ships.verify(repair=True)
    store.close()


def test_a_collection_that_is_not_there_is_named(ships):
    with (
        Pipeline(ships.settings, collection="nothing") as other,
        pytest.raises(CollectionNotFoundError, match="nothing"),
    ):
        other.verify()
