"""Several real collections asked as if they were one."""

from __future__ import annotations

import pytest

from rag_pipeline.config import RerankSettings
from rag_pipeline.embeddings.wrapped import as_pipeline_embeddings
from rag_pipeline.errors import UsageError
from rag_pipeline.retrieval import MultiSearcher, Searcher, SearchOptions
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.testing import HashEmbeddings

SHIPS = {
    "harbour": ["a tug tows ships", "a buoy marks water", "a lock lifts ships"],
    "yard": ["a crane lifts steel", "a tug tows barges", "a dock holds ships"],
}


class Loading(HashEmbeddings):
    """Counts how often its model is loaded."""

    loads = 0

    def load(self):
        self.loads += 1


@pytest.fixture
def collections(tmp_path):
    store = Store(tmp_path / "store")
    with store.writer():
        for name, texts in SHIPS.items():
            made = store.create(name, Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash")
            with made.indexing():
                made.write_rows(
                    [f"{name}{number}" for number in range(len(texts))],
                    texts,
                    [{"place": name, "source": f"{number}.md", "title": text} for number, text in enumerate(texts)],
                    HashEmbeddings().embed_documents(texts),
                )
    yield [store.get(name) for name in SHIPS]
    store.close()


def several(collections, *embeddings, closed=None, **options):
    embeddings = embeddings or (HashEmbeddings(), HashEmbeddings())
    return MultiSearcher(
        [
            Searcher(
                one,
                as_pipeline_embeddings(embedding),
                SearchOptions().changed(**options),
                on_close=(lambda one=one: closed.append(one.name)) if closed is not None else None,
            )
            for one, embedding in zip(collections, embeddings, strict=True)
        ]
    )


def seen(passages):
    return [(passage.rank, passage.id, passage.score) for passage in passages]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
async def test_the_best_of_all_come_first_sync_and_async(collections, mode):
    both = several(collections, mode=mode)
    found = both.search("a tug tows ships", 3)
    alone = [passage for one in both.searchers for passage in one.search("a tug tows ships", 3)]
    best = sorted(alone, key=lambda passage: (-passage.score, passage.id))[:3]
    assert [(passage.id, passage.score) for passage in found] == [(passage.id, passage.score) for passage in best]
    assert found[0].id == "harbour0"
    assert [passage.rank for passage in found] == [1, 2, 3]
    assert seen(await both.asearch("a tug tows ships", 3)) == seen(found)


@pytest.mark.slow
async def test_filter_exact_ranking_and_explanation_reach_each_collection(collections, monkeypatch):
    both = several(collections, mode="dense")
    where = {"place": "yard"}
    assert [passage.collection for passage in both.search("ships", 9, where=where)] == ["yard"] * 3
    assert [passage.collection for passage in await both.asearch("ships", 9, where=where)] == ["yard"] * 3
    assert all(passage.explanation for passage in both.search("ships", 9, explain=True))
    assert all(passage.explanation for passage in await both.asearch("ships", 9, explain=True))
    assert not any(passage.explanation for passage in both.search("ships", 9))
    asked = []
    for one in collections:
        ranked = one._rank_exactly
        monkeypatch.setattr(one, "_rank_exactly", lambda *given, ranked=ranked: asked.append(1) or ranked(*given))
    both.search("ships", 9, exact=True)
    await both.asearch("ships", 9, exact=True)
    assert len(asked) == 4
    both.search("ships", 9)
    assert len(asked) == 4


@pytest.mark.slow
def test_scores_of_different_models_are_put_on_one_scale_unless_something_else_has_ranked(collections):
    models = HashEmbeddings(), HashEmbeddings(query_prompt="q: ")
    both = several(collections, *models, mode="dense")
    for searcher in both.searchers:
        (own,) = searcher.search("a tug tows ships", 1)
        usual = searcher.statistics
        (same,) = [passage for passage in both.search("a tug tows ships", 9) if passage.id == own.id]
        assert same.score == pytest.approx((own.score - usual.mean) / usual.spread)
    # Words are compared by the same measure in each collection, and a cross-encoder knows nothing of collections.
    words = several(collections, *models, mode="lexical")
    assert words.search("tug", 1)[0].score == max(one.search("tug", 1)[0].score for one in words.searchers)
    for searcher in both.searchers:
        searcher.options = searcher.options.changed(rerank=RerankSettings(method="cross_encoder"))
    (best,) = both.search("a tug tows ships", 1)
    assert best.score == pytest.approx(1, abs=1e-5)


def test_collections_without_a_spread_are_merged_too(tmp_path):
    store = Store(tmp_path / "store")
    with store.writer():
        for name in ("one", "two"):
            made = store.create(name, Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash")
            made.write_rows([name], ["a tug"], [{}], HashEmbeddings().embed_documents(["a tug"]))
    models = HashEmbeddings(), HashEmbeddings(query_prompt="q: ")
    found = several([store.get("one"), store.get("two")], *models, mode="dense").search("a tug", 2)
    assert [passage.id for passage in found] == ["one", "two"]
    assert found[0].score == pytest.approx(1, abs=1e-5)
    store.close()


def test_what_is_done_to_several_is_done_to_each(collections):
    closed = []
    embeddings = Loading(), Loading()
    both = several(collections, *embeddings, mode="dense", closed=closed)
    both.load()
    assert [one.loads for one in embeddings] == [1, 1]
    both.close()
    assert closed == ["harbour", "yard"]
    assert (both.collection, both.mode) == ("harbour,yard", "dense")
    assert both.changed(mode="lexical").mode == "lexical"
    assert [(name, count) for name, _, count in both.descriptions()] == [("harbour", "3"), ("yard", "3")]
    assert both.descriptions()[1][1] == SHIPS["yard"]


def test_one_collection_with_a_least_score_is_enough_to_say_that_there_is_one(collections):
    both = several(collections)
    assert not both.has_least_score
    both.searchers[1].options = both.searchers[1].options.changed(min_score=0.5)
    assert both.has_least_score


def test_collections_of_different_modes_are_refused(collections):
    dense, lexical = several(collections, mode="dense"), several(collections, mode="lexical")
    with pytest.raises(UsageError, match=r"different modes \(dense, lexical\); choose one"):
        MultiSearcher([dense.searchers[0], lexical.searchers[1]])
