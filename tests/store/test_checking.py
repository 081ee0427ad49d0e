"""A check names what is off, on real collections that were spoilt on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from rag_pipeline.store import ChunkRecord, Fingerprint, Store
from rag_pipeline.store.checking import Finding, check_collection
from rag_pipeline.store.records import FileKey, FileVersion
from rag_pipeline.testing import HashEmbeddings

FINGERPRINT = Fingerprint.of(HashEmbeddings(dimension=8).identity.as_dict(), None, 1)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    with store.writer():
        yield store
    store.close()


def make(store, fingerprint=FINGERPRINT, name="docs"):
    collection = store.create(name, fingerprint, "hash")
    with collection.indexing():
        pass
    return collection


def unit(count, seed=0):
    made = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def write(collection, count, sha="now", source="a.md", of=None, vectors=None):
    version = FileVersion(FileKey("docs", source), sha)
    rows = [ChunkRecord(version, index, of or count, f"글 {sha} {index}", "T", "") for index in range(count)]
    with collection.indexing():
        collection.write(rows, unit(count) if vectors is None else vectors)
    return rows


def found(collection):
    return [(finding.kind, finding.detail, finding.ids) for finding in check_collection(collection).findings]


def test_an_empty_collection_has_nothing_to_find(store):
    check = check_collection(store.create("docs", FINGERPRINT, "hash"))
    assert (check.chunks, check.foreign, check.recall, check.findings) == (0, 0, None, [])


def test_a_whole_collection_is_counted_and_its_index_measured(store):
    collection = make(store)
    write(collection, 30)
    with collection.indexing():
        collection.write_rows(["foreign"], ["a"], [{}], unit(1, seed=4))
    check = check_collection(collection)
    assert (check.chunks, check.foreign, check.recall, check.findings) == (31, 1, 1.0, [])


def test_one_chunk_is_too_few_to_measure_an_index_and_two_are_enough(store):
    collection = make(store)
    write(collection, 1)
    assert check_collection(collection).recall is None
    write(collection, 1, source="b.md", vectors=unit(2)[1:])
    assert check_collection(collection).recall == 1.0


def test_a_file_that_is_not_whole_is_named_with_its_chunks(store):
    collection = make(store)
    rows = write(collection, 2, of=3)
    assert found(collection) == [("half-written", "a.md: 2 of 3 chunks", tuple(row.id for row in rows))]


def test_two_whole_contents_of_a_file_are_named_and_left_to_the_next_ingest(store):
    collection = make(store)
    write(collection, 1, "before")
    write(collection, 1, "now", vectors=unit(2)[1:])
    assert found(collection) == [("stale", "a.md: 2 contents side by side; ingest its folder again", ())]


def test_a_chunk_under_two_ids_is_removed_under_one(store):
    collection = make(store)
    (row,) = write(collection, 1)
    with collection.indexing():
        collection.write_rows(["again"], [row.text], [row.metadata], unit(1))
    ((kind, detail, ids),) = found(collection)
    assert (kind, detail) == ("duplicate", "1 chunks are stored twice")
    assert len(ids) == 1
    assert set(ids) < {"again", row.id}


def test_a_vector_that_is_not_of_length_one_is_named_where_all_are_to_be(store):
    vectors = unit(4) * np.array([[1], [1.0009], [1.0011], [0.5]], dtype=np.float32)
    collection = make(store)
    rows = write(collection, 4, vectors=vectors)
    detail = "2 vectors are not of length one (one has 0.500)"
    assert found(collection) == [("vector", detail, (rows[2].id, rows[3].id))]
    unknown = {name: value for name, value in FINGERPRINT.values.items() if name != "normalize"}
    for name, values in (("free", {**unknown, "normalize": False}), ("unknown", unknown)):
        collection = make(store, Fingerprint(values), name)
        write(collection, 4, vectors=vectors)
        assert [kind for kind, *_ in found(collection) if kind == "vector"] == []


def test_a_vector_that_is_not_finite_is_named_once_and_the_index_is_not_measured(store):
    vectors = unit(3)
    collection = make(store)
    rows = write(collection, 3)
    vectors[1, 2] = np.nan
    collection.rows = lambda: ((row.id, row.metadata, vector) for row, vector in zip(rows, vectors, strict=True))
    check = check_collection(collection)
    assert [(one.kind, one.detail, one.ids) for one in check.findings] == [
        ("vector", "1 vectors hold numbers that are not finite", (rows[1].id,))
    ]
    assert check.recall is None


def test_a_lexical_index_that_is_missing_or_out_of_step_is_named(store):
    collection = store.create("docs", FINGERPRINT, "hash")
    collection.write_rows(["a", "b", "c"], ["가", "나", "다"], [{}] * 3, unit(3))
    assert [(kind, ids) for kind, _, ids in found(collection)] == [("lexical", ())]
    assert "there is no lexical index" in found(collection)[0][1]
    with collection.indexing():
        pass
    assert found(collection) == []
    collection.delete(["a"])
    collection.write_rows(["d", "e"], ["라", "마"], [{}] * 2, unit(2, seed=3))
    ((_, detail, _),) = found(collection)
    assert detail == "the lexical index lacks 2 chunks and has 1 that were deleted; the next ingest brings it in step"


def test_a_lexical_index_that_cannot_be_read_is_a_finding_and_no_failure(store):
    collection = make(store)
    write(collection, 2)
    for file in collection.lexical.folder.iterdir():
        file.write_bytes(b"damaged")
    collection.lexical.close()
    ((kind, detail, _),) = found(collection)
    assert kind == "lexical"
    assert "index" in detail


def test_a_finding_as_json_counts_its_chunks():
    assert Finding("vector", "off", ("a", "b")).as_dict() == {"kind": "vector", "detail": "off", "chunks": 2}
