"""Collections are opened as the configuration says, and stay open for those who ask."""

from __future__ import annotations

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import (
    CollectionMismatchError,
    CollectionNotFoundError,
    ConfigurationError,
    RagPipelineError,
    UsageError,
)
from rag_pipeline.retrieval import MultiSearcher, factory, open_searcher, open_searchers
from rag_pipeline.retrieval.lazy import LazySearcher
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A configuration whose embeddings are both a stand-in, made once for each time that one is loaded."""
    (tmp_path / "config.yaml").write_text(
        """
default_collection: docs
embeddings:
  one: {provider: mean_pooling, model: one}
  two: {provider: mean_pooling, model: two}
"""
    )
    made = []
    monkeypatch.setattr(factory, "make_embeddings", lambda _, name: made.append(name) or HashEmbeddings())
    settings = load_settings(tmp_path / "config.yaml")
    object.__setattr__(settings, "made", made)
    return settings


def make(settings, *names, embedding="one", fingerprint=None):
    store = Store(settings.resolve_path("chroma_db"))
    with store.writer():
        for name in names:
            made = fingerprint or factory.fingerprint_of(HashEmbeddings(), settings)
            collection = store.create(name, made, embedding)
            with collection.indexing():
                collection.write_rows(["a"], ["a tug"], [{}], HashEmbeddings().embed_documents(["a tug"]))
    store.close()


@pytest.fixture
def closed(monkeypatch):
    """How often a store was closed."""
    closes = []
    close = Store.close
    monkeypatch.setattr(Store, "close", lambda store: closes.append(store) or close(store))
    return closes


@pytest.mark.slow
def test_the_default_collection_is_asked_where_none_is_named_or_the_only_one(settings):
    make(settings, "papers")
    assert open_searcher(settings).collection == "papers"
    make(settings, "more")
    with pytest.raises(CollectionNotFoundError, match=r"'docs' is not in the store; .*--collection: more, papers$"):
        open_searcher(settings)
    make(settings, "docs")
    assert open_searcher(settings).collection == "docs"
    assert open_searcher(settings, "more").collection == "more"


def test_an_empty_store_lacks_the_default_collection(settings, tmp_path, monkeypatch):
    with pytest.raises(CollectionNotFoundError, match="unknown collection 'docs'") as failure:
        open_searcher(settings)
    assert "no config.yaml was found" not in str(failure.value)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(
        CollectionNotFoundError, match=r"unknown collection .* \(no config\.yaml was found in .*elsewhere\)"
    ):
        open_searcher(load_settings())


def test_a_store_that_cannot_be_asked_is_closed_again_and_one_that_can_with_its_searcher(settings, closed):
    make(settings, "docs")
    closed.clear()
    with pytest.raises(CollectionNotFoundError):
        open_searcher(settings, "nothing")
    with pytest.raises(UsageError):
        open_searchers(settings, ["docs"], modus="dense")
    assert len(closed) == 2
    searcher = open_searcher(settings)
    assert len(closed) == 2
    searcher.close()
    assert len(closed) == 3


@pytest.mark.slow
def test_collections_of_one_model_load_it_once(settings):
    make(settings, "docs", "more")
    make(settings, "other", embedding="two")
    both = open_searchers(settings, ["docs", "more", "docs", "other"])
    assert isinstance(both, MultiSearcher)
    assert both.collection == "docs,more,other"
    assert settings.made == ["one", "two"]
    assert open_searchers(settings, ["docs", "docs"]).collection == "docs"


def test_options_of_the_call_come_before_those_of_the_configuration(settings):
    make(settings, "docs")
    assert open_searcher(settings, mode="lexical").mode == "lexical"
    assert open_searchers(settings, ["docs"], candidates=5).options.candidates == 5


def test_a_collection_that_does_not_say_how_it_was_made_is_refused_with_what_can_be_done(settings):
    store = Store(settings.resolve_path("chroma_db"))
    with store.writer():
        made = store.create("docs", factory.fingerprint_of(HashEmbeddings(), settings), "one")
        with made._writing() as chroma:
            chroma.modify(metadata={"other": 1})
    store.close()
    with pytest.raises(CollectionMismatchError, match=r"adopt docs --embedding NAME, or .* --rebuild$"):
        open_searcher(settings)


def test_an_embedding_that_the_configuration_lacks_is_named_with_those_it_has(settings):
    make(settings, "docs", embedding="lost")
    with pytest.raises(ConfigurationError, match=r"unknown embedding 'lost'; known: bundled, .*one, two"):
        open_searcher(settings)
    own = HashEmbeddings()
    with open_closed(open_searcher(settings, embeddings=own)) as searcher:
        assert searcher._embeddings is own
        assert settings.made == []


def test_an_embedding_that_makes_other_vectors_is_refused(settings):
    make(settings, "docs", fingerprint=Fingerprint.of(HashEmbeddings(query_prompt="q").identity.as_dict(), None, 1))
    with pytest.raises(CollectionMismatchError, match="the configuration asks for 'one'"):
        open_searcher(settings)
    with pytest.raises(CollectionMismatchError, match="the one that was given is another"):
        open_searcher(settings, embeddings=HashEmbeddings())


class open_closed:  # noqa: N801
    """Close a searcher after use."""

    def __init__(self, searcher):
        self._searcher = searcher

    def __enter__(self):
        return self._searcher

    def __exit__(self, *_):
        self._searcher.close()


def test_an_opened_searcher_is_kept_for_each_set_of_options_and_the_least_used_go(settings):
    make(settings, "docs")
    lazy = LazySearcher(settings)
    plain = lazy.get()
    assert lazy.get(min_score=None) is plain
    first = lazy.get(min_score=0.0, context=1)
    assert lazy.get(context=1, min_score=0.0) is first is not plain
    assert first.options.context == 1
    kept = lazy.get(min_score=0.5)
    others = [lazy.get(min_score=1.0 + number) for number in range(14)]
    assert lazy.get(context=1, min_score=0.0) is first
    lazy.get(min_score=99.0)
    assert lazy.get(context=1, min_score=0.0) is first
    assert lazy.get(min_score=14.0) is others[-1]
    assert lazy.get(min_score=0.5) is not kept
    assert lazy.get() is plain
    lazy.close()


def test_a_closed_searcher_is_opened_again_and_closing_twice_is_closing_once(settings, closed):
    make(settings, "docs")
    lazy = LazySearcher(settings, ["docs"])
    lazy.close()
    first, changed = lazy.get(), lazy.get(context=1)
    closed.clear()
    lazy.close()
    lazy.close()
    assert len(closed) == 1
    assert lazy.get() is not first
    assert lazy.get(context=1) is not changed
    lazy.close()


@pytest.mark.slow
def test_several_collections_are_opened_by_name_and_take_no_embedding_of_ones_own(settings):
    make(settings, "docs", "more")
    lazy = LazySearcher(settings, ["docs", "more"])
    assert lazy.get().collection == "docs,more"
    lazy.close()
    with pytest.raises(UsageError, match="goes with one collection, not with several"):
        LazySearcher(settings, ["docs", "more"], HashEmbeddings()).get()
    alone = LazySearcher(settings, ["more"], HashEmbeddings())
    assert alone.get().collection == "more"
    alone.close()


def test_a_configuration_is_read_when_it_is_needed_and_once(settings, tmp_path, monkeypatch):
    lazy = LazySearcher(tmp_path / "missing.yaml")
    with pytest.raises(RagPipelineError, match=r"missing\.yaml"):
        _ = lazy.settings
    (tmp_path / "missing.yaml").write_text("default_collection: papers\n")
    assert lazy.settings.default_collection == "papers"
    assert lazy.settings is lazy.settings
    assert LazySearcher(settings).settings is settings
    function, arguments = LazySearcher(settings, ["a"], None).__reduce__()
    assert (function, arguments) == (LazySearcher, (settings, ["a"], None))
