"""All collections kept open."""

from __future__ import annotations

import pytest

from rag_pipeline import Pipeline, load_settings
from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError
from rag_pipeline.retrieval.open_collections import OpenCollections
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def settings(documents, tmp_path, monkeypatch):
    (tmp_path / "config.yaml").write_text(
        "default_collection: first\ncollections: {first: {folder: docs}, second: {folder: docs}}\n", "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        with Pipeline(collection=name, embeddings=HashEmbeddings()) as pipeline:
            pipeline.ingest()
    return load_settings()


@pytest.fixture
def collections(settings):
    own = HashEmbeddings()
    collections = OpenCollections(settings, embeddings={"first": own, "second": own})
    yield collections
    collections.close()


def test_options_are_kept_apart_and_the_model_is_shared(collections):
    one, other = collections.get(["first"]), collections.get(["first"], mode="dense")
    assert (one.mode, other.mode) == ("hybrid", "dense")
    assert collections.get(["first"]) is one
    assert collections.get(["first"], mode="dense") is other
    assert collections.get() is one
    assert one.embeddings is other.embeddings is collections.get(["second"]).embeddings
    assert collections.get(["first", "second"]).collection == "first,second"


@pytest.mark.slow
def test_a_collection_that_was_recreated_in_another_way_is_opened_again(collections, settings):
    collections.search(["first"], "x", 1, {})
    with Pipeline(collection="first", embeddings=HashEmbeddings(dimension=32)) as pipeline:
        pipeline.ingest(rebuild=True)
    with pytest.raises(CollectionMismatchError):
        collections.search(["first"], "x", 1, {})
    with Pipeline(collection="first", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest(rebuild=True)
    assert collections.search(["first"], "x", 1, {})[1]


@pytest.mark.slow
def test_only_those_that_are_allowed_are_there(settings):
    collections = OpenCollections(settings, ["second"], {"second": HashEmbeddings()})
    assert collections.names() == ["second"]
    assert collections.default_name() == "second"
    with pytest.raises(CollectionNotFoundError, match="known: second") as unknown:
        collections.get(["first"])
    assert str(settings.base_dir) not in str(unknown.value)
    [passage] = collections.search([], "x", 1, {})[1]
    assert passage.collection == "second"
    collections.close()


def test_passages_and_documents_are_found_by_their_ids(collections):
    [passage] = collections.search(["second"], "최대 흘수", 1, {})[1]
    assert collections.passage(passage.id).text == passage.text
    assert collections.passage("nothing") is None
    [document] = [one for one in collections.documents("first").values() if one.version.key.source == "container.md"]
    assert document.as_dict() == {
        "id": document.id,
        "source": "container.md",
        "title": "컨테이너선 (Container Ship)",
        "chunks": 2,
        "metadata": {},
    }
    whole = collections.document("first", document.id)
    assert whole["text"].count("컨테이너선 (Container Ship)") == 2  # once for each of its sections
    assert [section["section"] for section in whole["sections"]] == ["제원", "역사"]
    assert collections.document("first", "nothing") is None
