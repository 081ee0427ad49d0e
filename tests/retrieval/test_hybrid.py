"""Both legs on real collections: the reference questions, filters, explanations, two languages."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import CollectionMismatchError, UsageError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import Searcher, SearchOptions, open_searcher, open_searchers
from rag_pipeline.retrieval.collection_statistics import is_korean, measure
from rag_pipeline.store import Store
from rag_pipeline.store.filters import parse_conditions
from rag_pipeline.testing import HashEmbeddings
from tests.retrieval.test_dense import ENGLISH, KOREAN, ships
from tests.retrieval.test_filtered import searcher, sources

pytestmark = pytest.mark.slow

__all__ = ["searcher", "ships"]


@pytest.mark.parametrize("question", [KOREAN, ENGLISH])
def test_the_reference_questions_find_the_container_ship_first(ships, question):
    best = open_searcher(ships).search(question, 1)[0]
    assert (best.source, best.section) == ("container_panamax.md", "주요 제원 (Key figures)")


def test_a_figure_in_another_spelling_finds_the_same(ships):
    asked = open_searcher(ships, mode="lexical")
    best = {
        asked.search(f"흘수 {figure}", 1)[0].section for figure in ("12.04m", "12.04 m", "12.040 미터", "12.04 metres")
    }
    assert best == {"주요 제원 (Key figures)"}


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_an_explanation_adds_up_to_the_score(ships, mode):
    for passage in open_searcher(ships, mode=mode).search(KOREAN, 5, explain=True):
        why = passage.explanation
        if mode == "lexical":
            assert why.inner_product is None
            assert passage.score == why.lexical_score == pytest.approx(sum(why.terms.values()), rel=1e-4)
        else:
            assert passage.score == pytest.approx(
                why.inner_product + why.language_correction + why.lexical_boost, abs=1e-5
            )
        if mode == "hybrid":
            assert why.lexical_score == pytest.approx(sum(why.terms.values()), rel=1e-4)
        assert passage.as_dict()["explanation"]["terms"].keys() == why.terms.keys()
    assert open_searcher(ships).search(KOREAN, 1)[0].explanation is None


def test_both_legs_rank_as_an_exact_ranking_of_both_would(ships):
    hybrid, vectors = open_searcher(ships), open_searcher(ships, mode="dense")
    found = hybrid.search(KOREAN, 30)
    assert [p.id for p in found] == [p.id for p in hybrid.search(KOREAN, 30, exact=True)]
    assert {p.id for p in found} == {p.id for p in vectors.search(KOREAN, 30)}


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_filters_hold_for_both_legs(searcher, mode):
    where = parse_conditions(["type=bulk,tanker", "year>=2010"])
    found = searcher.changed(mode=mode).search("흘수 m", 100, where=where)
    assert sorted(sources(found)) == [n for n in range(10, 40) if n % 3 != 1]
    nested = {"$and": [{"type": {"$in": ["bulk"]}}, {"year": {"$lt": 2010}}]}
    assert sorted(sources(searcher.changed(mode=mode).search("흘수 m", 100, where=nested))) == [0, 3, 6, 9]


def test_a_filter_that_most_chunks_fit_holds_too(searcher, monkeypatch):
    from rag_pipeline.retrieval import lexical

    monkeypatch.setattr(lexical, "_FEW", 3)
    monkeypatch.setattr(lexical, "_DEPTH", 2)
    found = searcher.changed(mode="lexical").search("흘수 m", 10, where={"type": "bulk"})
    assert found
    assert all(passage.metadata["type"] == "bulk" for passage in found)


def test_lexical_mode_needs_no_model(searcher):
    asked = searcher.changed(mode="lexical")
    assert sources(asked.search("배 17", 1)) == [17]
    assert searcher._embeddings.embedded == []


def test_a_collection_without_its_index_is_ranked_by_vectors_with_a_warning(tmp_path, project):
    settings = load_settings(project / "config.yaml")
    ingest(settings, IngestTarget("docs", [project / "docs"], "tiny"))
    shutil.rmtree(project / "chroma_db" / "lexical")
    with pytest.warns(UserWarning, match=r"no lexical index, .* by their vectors alone; the next ingest makes it"):
        searcher = open_searcher(settings)
    assert searcher.mode == "dense"
    assert searcher.search("최대 흘수", 2)
    with pytest.raises(CollectionMismatchError, match="no lexical index; the next ingest makes it"):
        open_searcher(settings, mode="lexical")
    ingest(settings, IngestTarget("docs", [project / "docs"], "tiny"))
    assert open_searcher(settings).mode == "hybrid"


def test_a_collection_may_have_a_mode_of_its_own(project):
    text = (
        (project / "config.yaml").read_text("utf-8").replace("embedding: tiny}", "embedding: tiny, mode: lexical}", 1)
    )
    (project / "config.yaml").write_text(text + "retrieval: {mode: dense}\n", "utf-8")
    settings = load_settings(project / "config.yaml")
    ingest(settings, IngestTarget("docs", [project / "docs"], "tiny"))
    ingest(settings, IngestTarget("other", [project / "docs"], "tiny"))
    assert open_searcher(settings).mode == "lexical"
    assert open_searcher(settings, "other").mode == "dense"
    assert open_searcher(settings, mode="hybrid").mode == "hybrid"


def test_an_option_that_is_not_known_is_refused(ships):
    with pytest.raises(UsageError, match="unknown retrieval option 'modus'; known: "):
        open_searcher(ships, modus="dense")


class TwoLanguages(HashEmbeddings):
    """Vectors in which the language outweighs everything else, as in a small multilingual model."""

    def _vector(self, text):
        vector = np.array(super()._vector(text.split(":")[-1]))
        vector[0] = 2.0 if is_korean(text) else -2.0
        return (vector / np.linalg.norm(vector)).tolist()


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """Thirty passages in each language; `:` sets apart what a passage is about."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "config.yaml").write_text("")
    for number in range(30):
        (tmp_path / "docs" / f"ko{number}.md").write_text(f"# 문서\n\n한국어로 쓴 문서이다:topic {number}a\n", "utf-8")
        (tmp_path / "docs" / f"en{number}.md").write_text(f"# Paper\n\nwritten in English:subject {number}b\n", "utf-8")
    ingest(load_settings("config.yaml"), IngestTarget("docs", [tmp_path / "docs"], "x"), embeddings=TwoLanguages())
    store = Store(tmp_path / "chroma_db")
    yield store.get("docs")
    store.close()


def test_a_passage_of_the_other_language_is_found_where_the_languages_are_evened_out(mixed):
    question = "한국어 질문의 주제는 무엇인가:subject 7b"
    options = SearchOptions(lexical_weight=0)
    plain = Searcher(mixed, TwoLanguages(), options.changed(balance_languages=False)).search(question, 60)
    unbiased = Searcher(mixed, TwoLanguages(), options).search(question, 60, explain=True)
    assert plain[0].source.startswith("ko")
    assert unbiased[0].source == "en7.md"
    assert len({passage.source for passage in unbiased}) == 60
    for passage in unbiased:
        why = passage.explanation
        assert passage.score == pytest.approx(why.inner_product + why.language_correction + why.lexical_boost, abs=1e-5)


def test_what_is_usual_in_a_collection_is_told_without_the_languages(mixed, ships):
    statistics = measure(mixed)
    assert np.linalg.norm(statistics.language_axis) == pytest.approx(1, abs=1e-5)
    ids, vectors = mixed.vectors()
    korean = np.array([is_korean(text) for text in mixed.texts_of(ids).values()])
    texts = mixed.texts_of(ids)
    korean = np.array([is_korean(texts[key]) for key in ids])
    along = vectors @ statistics.language_axis
    assert along[korean].min() > along[~korean].max()
    one = measure(Store(ships.resolve_path("chroma_db")).get("ships"))
    assert one.language_axis is None
    ids, vectors = Store(ships.resolve_path("chroma_db")).get("ships").vectors()
    products = vectors @ vectors.T
    assert one.spread == pytest.approx(products[~np.eye(len(ids), dtype=bool)].std(), rel=1e-4)


def test_several_collections_of_one_embedding_are_merged_by_score(project):
    settings = load_settings(project / "config.yaml")
    for name, embedding in (("docs", "tiny"), ("more", "tiny"), ("cls", "tiny-cls")):
        ingest(settings, IngestTarget(name, [project / "docs"], embedding))
    both = open_searchers(settings, ["docs", "more", "docs"], mode="dense")
    alone = open_searcher(settings, "docs", mode="dense").search("최대 흘수", 2)
    found = both.search("최대 흘수", 4)
    assert [passage.rank for passage in found] == [1, 2, 3, 4]
    assert sorted({passage.collection for passage in found}) == ["docs", "more"]
    assert [passage.score for passage in found] == pytest.approx([alone[0].score] * 2 + [alone[1].score] * 2)
    assert open_searchers(settings, ["docs"]).collection == "docs"


def test_collections_of_different_models_are_merged_by_standard_deviations(project):
    settings = load_settings(project / "config.yaml")
    for name, embedding in (("docs", "tiny"), ("cls", "tiny-cls")):
        ingest(settings, IngestTarget(name, [project / "docs"], embedding))
    found = open_searchers(settings, ["docs", "cls"], mode="dense").search("최대 흘수", 8)
    for name in ("docs", "cls"):
        searcher = open_searcher(settings, name, mode="dense")
        own = searcher.search("최대 흘수", 1)[0]
        expected = (own.score - searcher.statistics.mean) / searcher.statistics.spread
        assert max(p.score for p in found if p.collection == name) == pytest.approx(expected)
    text = (
        (project / "config.yaml").read_text("utf-8").replace("embedding: tiny}", "embedding: tiny, mode: lexical}", 1)
    )
    (project / "config.yaml").write_text(text, "utf-8")
    with pytest.raises(UsageError, match="asked in different modes"):
        open_searchers(load_settings(project / "config.yaml"), ["docs", "cls"])
