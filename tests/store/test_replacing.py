"""Collections take the place of others, are listed, and are read as they are, whoever made them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from rag_pipeline.errors import CollectionNotFoundError
from rag_pipeline.store import Fingerprint, connection
from rag_pipeline.store.connection import Connection
from tests.store.test_store import FINGERPRINT, fill, records, store, vectors

pytestmark = pytest.mark.slow

__all__ = ["store"]


def test_one_that_was_cut_off_before_it_took_the_place_is_left_for_the_next_run(store):
    fill(store, "docs", count=5)
    store.staging("docs", FINGERPRINT, "hash", "rebuild").write(records(2), vectors(2))
    with store.writer():
        assert store.get("docs").count == 5
    assert store._all_names() == {"docs", "docs.rag-rebuild"}


def test_one_that_was_taken_away_and_has_nothing_in_its_place_comes_back(store):
    fill(store, "docs.rag-retired", count=5)
    fill(store, "zoo.rag-retired", count=2)
    fill(store, "zoo.rag-rebuild", count=3)
    with store.writer():
        assert (store.get("docs").count, store.get("zoo").count) == (5, 3)
    assert store._all_names() == {"docs", "zoo"}


def test_one_that_is_being_made_stays_where_the_old_of_an_earlier_change_is_removed(store):
    for name, count in (("docs", 2), ("docs.rag-retired", 5), ("docs.rag-rebuild", 3)):
        fill(store, name, count=count)
    with store.writer():
        assert store.get("docs").count == 2
    assert store._all_names() == {"docs", "docs.rag-rebuild"}


def test_a_staged_collection_takes_a_place_that_is_empty(store):
    staged = store.staging("docs", FINGERPRINT, "hash", "rebuild")
    staged.write(records(2), vectors(2))
    with store.writer():
        store.replace("docs", staged)
    assert (store.names(), staged.name, staged.count) == (["docs"], "docs", 2)
    assert store.get("docs").embedding == "hash"


def test_what_is_to_be_staged_anew_is_not_gone_on_with(store):
    store.staging("docs", FINGERPRINT, "hash", "rebuild").write(records(2), vectors(2))
    assert store.staging("docs", FINGERPRINT, "hash", "repair").count == 0


def test_one_that_is_recreated_is_empty_and_its_files_go(store):
    first = fill(store, "docs")
    other = Fingerprint({**FINGERPRINT.values, "pooling": "cls"})
    with store.writer():
        made = store.recreate("docs", other, "other")
    assert (made.count, made.fingerprint, made.embedding) == (0, other, "other")
    assert made.id != first.id
    assert not [path for path in Path(store.address).iterdir() if path.is_dir() and path.name != "lexical"]


def test_names_are_those_of_whole_collections_and_own_names_of_those_that_can_be_asked(store):
    import chromadb

    assert store.own_names() == []
    for name in ("zoo", "docs", "docs.rag-rebuild", "rag-pipeline-writer"):
        fill(store, name)
    store.close()
    client = chromadb.PersistentClient(str(Path(store.address)))
    client.create_collection("cosine", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None)
    client.close()
    assert store.names() == ["cosine", "docs", "zoo"]
    assert store.own_names() == ["docs", "zoo"]
    assert store.find("docs").name == "docs"
    assert store.find("docs.rag-rebuild") is None
    assert store.find("nothing") is None


@pytest.mark.parametrize("page", [2, 4, 5, 100])
def test_more_collections_than_one_request_lists_are_all_listed(store, monkeypatch, page):
    monkeypatch.setattr(connection, "_NAMES", page)
    made = [f"docs{number}" for number in range(4)]
    for name in made:
        store.create(name, FINGERPRINT, "hash")
    with store._connection.use() as opened:
        assert sorted(chroma.name for chroma in Connection.collections(store._connection, opened)) == made


def test_a_collection_of_something_else_is_read_as_it_is(store):
    fill(store, "docs", count=25)
    foreign = store.foreign("docs")
    assert (foreign.name, foreign.count) == ("docs", 25)
    whole = store.get("docs").rows_of(list(store.get("docs").ids()))
    store._connection.limits = dataclasses.replace(store._connection.limits, rows=10)
    pages = list(foreign.pages())
    assert [len(page.ids) for page in pages] == [10, 10, 5]
    rows = {
        key: (text, metadata)
        for page in pages
        for key, text, metadata in zip(page.ids, page.texts, page.metadatas, strict=True)
    }
    assert rows == whole
    everything = [key for page in pages for key in page.ids]
    sample = foreign.sample(5)
    assert sample.ids == [everything[place] for place in (0, 6, 12, 18, 24)]
    assert sample.texts == [whole[key][0] for key in sample.ids]
    assert sample.metadatas == [whole[key][1] for key in sample.ids]
    stored = store.get("docs").vectors_of(sample.ids)
    np.testing.assert_array_equal(sample.vectors, [stored[key] for key in sample.ids])
    assert len(foreign.sample(100).ids) == 25
    with pytest.raises(CollectionNotFoundError, match="unknown collection 'other'"):
        store.foreign("other")


def test_foreign_rows_without_text_or_metadata_say_so_and_none_are_none(store):
    store.create("empty", FINGERPRINT, "hash")
    assert store.foreign("empty").sample(5).ids == []
    assert store.foreign("empty").sample(5).vectors.shape == (0, 0)
    with store.create("bare", FINGERPRINT, "hash")._writing() as chroma:
        chroma.add(ids=["a"], embeddings=vectors(1))
    (page,) = store.foreign("bare").pages()
    assert (page.ids, page.texts, page.metadatas) == (["a"], [None], [{}])
