"""One collection: what is written, what cannot be, and whether it fits what is asked for."""

from __future__ import annotations

import dataclasses

import pytest

from rag_pipeline.errors import CollectionMismatchError
from rag_pipeline.store import Fingerprint
from tests.store.test_store import FINGERPRINT, fill, records, store, vectors

__all__ = ["store"]


@pytest.mark.slow
def test_rows_are_copied_as_they_are(store):
    one = fill(store, "docs", count=5)
    with one._writing() as chroma:
        chroma.add(ids=["bare"], embeddings=vectors(1), documents=["x"])
    other = store.create("copy", FINGERPRINT, "hash")
    one.copy_into(other)
    ids = list(one.ids())
    assert other.rows_of(ids) == one.rows_of(ids)
    assert {key: vector.tolist() for key, vector in other.vectors_of(ids).items()} == {
        key: vector.tolist() for key, vector in one.vectors_of(ids).items()
    }


def test_a_renamed_collection_is_read_and_written_under_its_new_name(store):
    collection = fill(store, "docs")
    collection.rename("papers")
    collection.write(records(3, "b.md"), vectors(3))
    assert (collection.name, collection.count, store.names()) == ("papers", 5, ["papers"])


def test_a_row_that_is_written_again_is_replaced_and_loses_what_is_none(store):
    collection = store.create("docs", FINGERPRINT, "hash")
    collection.write_rows(["a"], ["one"], [{"type": "bulk", "year": 2001}], vectors(1))
    collection.write_rows(["a"], ["two"], [{"type": None, "year": 2002}], vectors(1))
    assert collection.rows_of(["a"]) == {"a": ("two", {"year": 2002})}
    collection.write_rows([], [], [], [])
    assert collection.count == 1


def test_what_machines_tell_each_other_of_writing_is_not_kept_where_there_is_one_machine(store):
    collection = fill(store, "docs")
    with collection.indexing():
        collection.write(records(1), vectors(1))
    with collection._writing() as chroma:
        assert set(chroma.metadata) == {"rag_pipeline:fingerprint", "rag_pipeline:embedding"}


@pytest.mark.slow
def test_a_store_with_smaller_limits_is_written_in_smaller_parts(store):
    collection = store.create("docs", FINGERPRINT, "hash")
    store._connection.limits = dataclasses.replace(store._connection.limits, written=4, ids=3)
    sizes = []
    with collection._writing() as chroma:
        cls = type(chroma)
    with pytest.MonkeyPatch.context() as patch:
        upsert, delete = cls.upsert, cls.delete
        patch.setattr(cls, "upsert", lambda one, **rows: sizes.append(len(rows["ids"])) or upsert(one, **rows))
        patch.setattr(cls, "delete", lambda one, ids: sizes.append(len(ids)) or delete(one, ids=ids))
        collection.write(records(10), vectors(10))
        collection.delete([record.id for record in records(7)])
    assert sizes == [4, 4, 2, 3, 3, 1]
    assert collection.count == 3


def test_what_a_store_cannot_keep_is_said_of_a_row(store):
    kept = fill(store, "docs")
    assert kept.rejection_reason("글" * 10_000, {"key": "v" * 10_000}) == ""
    store._connection.limits = dataclasses.replace(
        store._connection.limits, document_bytes=2000, keys=2, key_bytes=4, value_bytes=6
    )
    assert kept.rejection_reason("x" * 2000, {"글a": "글글", "b": 123456}) == ""
    assert kept.rejection_reason("x" * 2000) == ""
    assert "a chunk has 2,001 bytes, and" in kept.rejection_reason("글" * 667)
    assert "takes 2,000; set chunking.max_tokens to less" in kept.rejection_reason("글" * 667)
    assert "'글글' have a key of more than the 4 bytes" in kept.rejection_reason("x", {"글글": 1})
    assert "'a' have a value of more than the 6 bytes" in kept.rejection_reason("x", {"a": 1234567})
    assert "more than the 2 metadata" in kept.rejection_reason("x", {"a": 1, "b": 2, "c": 3})


def test_a_collection_that_was_made_in_another_way_says_how_and_what_to_do(store):
    made = fill(store, "docs")
    made.check_compatible(FINGERPRINT, "hash")
    made.check_compatible(FINGERPRINT, None)
    other = Fingerprint({**FINGERPRINT.values, "pooling": "cls"})
    for embedding, problem in (
        ("hash", r"'hash' \(pooling 'sum'\); the configuration asks for 'hash' \(pooling 'cls'\); .*--rebuild$"),
        ("tiny", r"for 'tiny' .* --embedding tiny --rebuild, or use --embedding hash$"),
        (None, r"the one that was given is another \(pooling 'cls'\); give those it was made with.*rebuild=True\)$"),
    ):
        with pytest.raises(CollectionMismatchError, match=problem):
            made.check_compatible(other, embedding)
    with made._writing() as chroma:
        chroma.modify(metadata={"other": 1})
    store.close()
    unknown = store.get("docs")
    assert (unknown.fingerprint, unknown.embedding) == (None, None)
    with pytest.raises(CollectionMismatchError, match="does not say how it was made"):
        unknown.check_compatible(FINGERPRINT, "hash")


@pytest.mark.slow
def test_a_collection_that_was_recreated_the_same_way_is_gone_on_with_and_else_refused(store):
    collection = fill(store, "docs")
    store._delete("docs")
    fill(store, "docs", count=5)
    assert collection.count == 5
    assert collection.id == store.get("docs").id
    store._delete("docs")
    fill(store, "docs", Fingerprint({**FINGERPRINT.values, "pooling": "cls"}))
    with pytest.raises(CollectionMismatchError, match="was recreated in another way while it was in use; open it"):
        _ = collection.count
