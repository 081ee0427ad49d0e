from __future__ import annotations

import json

import numpy as np
import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError, UsageError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import open_searcher
from rag_pipeline.store import Store
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

KOREAN = "최대 흘수가 12.04 m인 컨테이너선은 무엇인가?"
ENGLISH = "Which container ship has a maximum draft of 12.04 m?"


@pytest.fixture(scope="module")
def ships(tmp_path_factory, cache_dir):
    """The six ship documents in a collection made with the embedded default, as shipped."""
    folder = tmp_path_factory.mktemp("ships")
    text = (ROOT / "config.yaml").read_text("utf-8").replace("documents/ships", str(ROOT / "documents" / "ships"))
    (folder / "config.yaml").write_text(text.replace("cache_dir: null", f"cache_dir: {cache_dir}"), "utf-8")
    settings = load_settings(folder / "config.yaml")
    report = ingest(settings, IngestTarget("ships", [ROOT / "documents" / "ships"], "bundled"))
    assert (report.new, report.chunks_total) == (6, 30)
    return settings


@pytest.mark.parametrize("question", [KOREAN, ENGLISH, "What goes through the Strait of Hormuz?", "석탄"])
def test_scores_and_order_are_those_of_an_exact_ranking(ships, question):
    searcher = open_searcher(ships, mode="dense")
    passages = searcher.search(question, 30)
    vector = np.array(searcher._embeddings.embed_query(question), dtype=np.float64)
    texts = [passage.text for passage in passages]
    exact = np.array(searcher._embeddings.embed_documents(texts), dtype=np.float64) @ vector
    # Embedded again in other batches, so equal up to the rounding of the number format.
    np.testing.assert_allclose([passage.score for passage in passages], exact, atol=0.01)
    ids, stored = Store(ships.resolve_path("chroma_db")).get("ships").vectors()
    ranking = stored.astype(np.float64) @ vector
    order = np.argsort(-ranking)
    assert [passage.id for passage in passages] == [ids[i] for i in order]
    np.testing.assert_allclose([passage.score for passage in passages], ranking[order], atol=1e-5)


def test_the_reference_questions_are_answered_by_a_section_on_key_figures(ships):
    for question in (KOREAN, ENGLISH):
        passages = open_searcher(ships).search(question, 4)
        assert "주요 제원 (Key figures)" in passages[0].section
        assert [passage.rank for passage in passages] == [1, 2, 3, 4]
        assert passages[0].body.startswith("- 기준")
        assert passages[0].title in passages[0].text


def test_a_decomposed_question_is_the_same_question(ships):
    import unicodedata

    searcher = open_searcher(ships)
    assert searcher.search(KOREAN, 3) == searcher.search(unicodedata.normalize("NFD", f"  {KOREAN}\n"), 3)


@pytest.mark.parametrize(("question", "k"), [("", 3), (" \n ", 3), (KOREAN, 0), (KOREAN, -1)])
def test_no_question_and_no_passages_are_refused(ships, question, k):
    with pytest.raises(UsageError):
        open_searcher(ships).search(question, k)


def test_more_passages_than_there_are_gives_all(ships):
    assert len(open_searcher(ships).search(KOREAN, 1000)) == 30


def test_a_passage_as_json_has_the_stable_keys(ships):
    passage = json.loads(json.dumps(open_searcher(ships).search(KOREAN, 1)[0].as_dict()))
    keys = {"rank", "score", "confidence", "title", "section", "source", "text", "metadata", "collection"}
    assert set(passage) == keys
    assert not {"title", "section", "source"} & set(passage["metadata"])


def test_a_collection_made_in_another_way_is_refused(ships, monkeypatch):
    monkeypatch.setenv("RAG_PIPELINE_CHUNKING__MAX_TOKENS", "64")
    changed = load_settings(ships.config_file)
    with pytest.raises(CollectionMismatchError, match="chunk_tokens None.*chunk_tokens 64.*--rebuild"):
        open_searcher(changed)


def test_unknown_collections_are_refused_with_the_known_ones(ships):
    with pytest.raises(CollectionNotFoundError, match="'shps'.*known: ships"):
        open_searcher(ships, "shps")


def test_the_only_collection_is_taken_where_the_default_is_not_there(ships, monkeypatch):
    monkeypatch.setenv("RAG_PIPELINE_DEFAULT_COLLECTION", "other")
    assert open_searcher(load_settings(ships.config_file)).collection == "ships"


def test_plain_langchain_opens_the_same_collection_and_finds_the_same(ships):
    from langchain_chroma import Chroma

    from rag_pipeline import make_embeddings

    plain = Chroma("ships", make_embeddings(ships, "bundled"), str(ships.resolve_path("chroma_db")))
    found = plain.similarity_search_with_score(KOREAN, k=5)
    passages = open_searcher(ships, mode="dense").search(KOREAN, 5)
    assert [document.page_content for document, _ in found] == [passage.text for passage in passages]
    assert [document.id for document, _ in found] == [passage.id for passage in passages]
    np.testing.assert_allclose([1 - distance for _, distance in found], [p.score for p in passages], atol=1e-5)
