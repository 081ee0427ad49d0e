"""An index of words that turns out to be damaged while a searcher is open: vectors go on."""

from __future__ import annotations

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import CollectionMismatchError, LexicalIndexError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import open_searcher
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def settings(tmp_path, documents):
    (tmp_path / "config.yaml").write_text("")
    settings = load_settings(tmp_path / "config.yaml")
    ingest(settings, IngestTarget("docs", [documents], "bundled"), embeddings=HashEmbeddings())
    return settings


def damage(searcher) -> None:
    """As a folder that is restored in part: the files are others, those that are open stay what they are."""
    for file in searcher._collection.lexical.folder.glob("*.store"):
        file.unlink()
        file.write_bytes(b"")
    searcher._collection.lexical.close()


def test_an_open_hybrid_searcher_goes_on_by_vectors_with_a_warning(settings):
    searcher = open_searcher(settings, "docs", embeddings=HashEmbeddings())
    dense = searcher.changed(mode="dense").search("The pilot boards", 3)
    damage(searcher)
    with pytest.warns(UserWarning, match="until then passages are ranked by their vectors alone"):
        found = searcher.search("The pilot boards", 3, explain=True)
    assert [passage.id for passage in found] == [passage.id for passage in dense]


async def test_so_does_one_that_is_asked_from_an_event_loop(settings):
    searcher = open_searcher(settings, "docs", embeddings=HashEmbeddings())
    damage(searcher)
    with pytest.warns(UserWarning, match="ranked by their vectors alone"):
        found = await searcher.asearch("The pilot boards", 1)
    assert found[0].source == "notes.txt"


def test_words_alone_cannot_go_on(settings):
    searcher = open_searcher(settings, "docs", embeddings=HashEmbeddings(), mode="lexical")
    damage(searcher)
    with pytest.raises(LexicalIndexError, match="run rag-pipeline ingest again"):
        searcher.search("pilot", 1)


@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
def test_words_that_a_rebuild_removes_meanwhile_are_found_where_they_are_now(settings, documents, monkeypatch, mode):
    searcher = open_searcher(settings, "docs", embeddings=HashEmbeddings(), mode=mode)
    collection = searcher._collection
    texts = [passage.text for passage in searcher.search("The pilot boards", 2)]
    ask, refresh = collection.lexical.ask, collection.refresh

    def rebuilt_meanwhile(terms):
        again = IngestTarget("docs", [documents], "bundled")
        ingest(settings, again, rebuild=True, embeddings=HashEmbeddings())
        return ask(terms)

    monkeypatch.setattr(collection.lexical, "ask", rebuilt_meanwhile)
    # As if the look at the store were a moment ago.
    monkeypatch.setattr(collection, "refresh", lambda **how: refresh(**how) if how.get("at_once") else collection.id)
    assert [passage.text for passage in searcher.search("The pilot boards", 2)] == texts


def test_words_that_stay_away_are_missed_by_name_and_not_answered_with_nothing(settings):
    searcher = open_searcher(settings, "docs", embeddings=HashEmbeddings(), mode="lexical")
    folder = searcher._collection.lexical.folder
    folder.rename(folder.parent.parent / "moved away")  # at one moment: tantivy may take a lock in it meanwhile
    with pytest.raises(CollectionMismatchError, match="has no lexical index; the next ingest makes it"):
        searcher.search("pilot", 1)
