"""A searcher on a small real collection: what it hands on, what it keeps, and what it does while others write."""

from __future__ import annotations

import numpy as np
import pytest

from rag_pipeline.config import RerankSettings
from rag_pipeline.errors import CollectionMismatchError, UsageError
from rag_pipeline.retrieval import Searcher, SearchOptions
from rag_pipeline.retrieval import searcher as module
from rag_pipeline.retrieval.collection_statistics import measure
from rag_pipeline.retrieval.questions import check_k, check_question
from rag_pipeline.store import ChunkRecord, Fingerprint, Store
from rag_pipeline.store.records import FileKey, FileVersion
from rag_pipeline.testing import HashEmbeddings

TEXTS = ["a tug tows ships", "a buoy marks water", "a lock lifts ships", "a crane lifts steel", "a pilot boards"]


class Counting(HashEmbeddings):
    """Says by which way it was asked."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def load(self):
        self.calls.append("load")

    def embed_query(self, text):
        self.calls.append("sync")
        return super().embed_query(text)

    async def aembed_query(self, text):
        self.calls.append("async")
        return super().embed_query(text)


def write(collection, texts, source="a.md"):
    version = FileVersion(FileKey("docs", source), "sha")
    rows = [ChunkRecord(version, index, len(texts), text, "Work", "Part") for index, text in enumerate(texts)]
    with collection.indexing():
        collection.write(rows, HashEmbeddings().embed_documents(list(texts)))
    return rows


@pytest.fixture
def collection(tmp_path):
    store = Store(tmp_path / "store")
    with store.writer():
        made = store.create("docs", Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash")
        write(made, TEXTS)
        yield made
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "sync", "asynchronous", "loads"),
    [("dense", ["sync"], ["async"], ["load"]), ("hybrid", ["sync"], ["async"], ["load"]), ("lexical", [], [], [])],
)
async def test_a_question_is_embedded_once_in_the_way_it_was_asked_and_only_where_vectors_count(
    collection, mode, sync, asynchronous, loads
):
    embeddings = Counting()
    searcher = Searcher(collection, embeddings, SearchOptions(mode=mode))
    found = searcher.search("a tug tows ships", 2)
    assert embeddings.calls == sync
    embeddings.calls.clear()
    assert await searcher.asearch("a tug tows ships", 2) == found
    assert embeddings.calls == asynchronous
    embeddings.calls.clear()
    searcher.load()
    assert embeddings.calls == loads


@pytest.mark.slow
def test_statistics_are_measured_again_only_after_something_was_written(tmp_path, monkeypatch):
    measured = []
    monkeypatch.setattr(module, "measure", lambda one: measured.append(one) or measure(one))
    writer, reader = Store(tmp_path / "store"), Store(tmp_path / "store")
    with writer.writer():
        write(writer.create("docs", Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash"), TEXTS)
    searcher = Searcher(reader.get("docs"), HashEmbeddings())
    first = searcher.statistics
    searcher.search("ships", 1)
    other = searcher.changed(distinct=True)
    assert other.statistics is searcher.statistics is first is searcher.background
    assert len(measured) == 1
    with writer.writer():
        write(writer.get("docs"), ["a ferry carries cars"], "b.md")
    assert searcher.statistics is not first
    assert len(measured) == 2
    reader.close()
    writer.close()


@pytest.mark.slow
def test_a_reranker_is_made_again_only_for_other_settings(collection, monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(module, "make_reranker", lambda *given: made.append(given))
    searcher = Searcher(collection, HashEmbeddings(), base_dir=tmp_path)
    kept = searcher._reranker = object()
    assert searcher.changed(distinct=True)._reranker is kept
    other = searcher.changed(rerank=RerankSettings(method="maxsim"))
    assert other._reranker is not kept
    assert [given[2] for given in made] == [tmp_path] * 3


def test_passages_that_another_process_replaced_meanwhile_are_asked_for_again(collection, monkeypatch):
    searcher = Searcher(collection, HashEmbeddings(), SearchOptions(mode="dense"))
    whole = searcher.search("ships", 3)
    rows_of, refresh, refreshed, lost = collection.rows_of, collection.refresh, [], [whole[0].id]

    def without_the_lost(ids):
        gone = lost.pop() if lost else None
        return {key: row for key, row in rows_of(ids).items() if key != gone}

    monkeypatch.setattr(collection, "rows_of", without_the_lost)
    monkeypatch.setattr(collection, "refresh", lambda **how: refreshed.append(how) or refresh(**how))
    assert searcher.search("ships", 3) == whole
    assert [how["at_once"] for how in refreshed if "at_once" in how][:2] == [False, True]
    assert not any(how["words"] for how in refreshed)


def test_a_passage_whose_text_stays_away_is_left_out_and_the_others_close_up(collection, monkeypatch):
    searcher = Searcher(collection, HashEmbeddings(), SearchOptions(mode="dense"))
    whole, rows_of, asked = searcher.search("ships", 3), collection.rows_of, []

    def all_but_the_first(ids):
        asked.append(ids)
        return {key: row for key, row in rows_of(ids).items() if key != whole[0].id}

    monkeypatch.setattr(collection, "rows_of", all_but_the_first)
    found = searcher.search("ships", 3)
    assert [(passage.rank, passage.id) for passage in found[:2]] == [(1, whole[1].id), (2, whole[2].id)]
    assert [passage.rank for passage in found] == [1, 2, 3]
    assert whole[0].id not in [passage.id for passage in found]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
def test_words_of_rows_that_a_cut_off_writer_deleted_take_no_places(collection, mode):
    rows = write(
        collection, [f"tug {number}" for number in range(300)] + ["a tug and all else that is in a harbour"], "b.md"
    )
    collection.delete([row.id for row in rows[:-1]])  # in SQLite, and no further
    found = Searcher(collection, HashEmbeddings(), SearchOptions(mode=mode)).search("tug", 2)
    assert {passage.text for passage in found} == {"a tug tows ships", rows[-1].text}


def test_passages_that_change_all_the_time_end_the_search_all_the_same(collection, monkeypatch):
    searcher = Searcher(collection, HashEmbeddings(), SearchOptions(mode="dense"))
    ids = [passage.id for passage in searcher.search("ships", 3)]
    rows_of, asked = collection.rows_of, []

    def another_is_gone_each_time(wanted):
        asked.append(wanted)
        return {key: row for key, row in rows_of(wanted).items() if key != ids[len(asked) % 3]}

    monkeypatch.setattr(collection, "rows_of", another_is_gone_each_time)
    assert len(searcher.search("ships", 3)) == 3
    assert len(asked) == 4


async def test_words_that_were_looked_up_while_the_question_was_embedded_are_not_looked_up_again(
    collection, monkeypatch
):
    looked = []
    look_up = module.lexical_leg
    monkeypatch.setattr(module, "lexical_leg", lambda *given: looked.append(given) or look_up(*given))
    await Searcher(collection, HashEmbeddings(), SearchOptions(candidates=2)).asearch("ships", 3)
    assert len(looked) == 1


def test_a_reranker_looks_at_so_many_candidates_however_few_are_wanted(collection):
    class Reversing:
        """A reranker that puts the last first."""

        def rerank(self, question, candidates, texts):
            assert (question, set(texts)) == ("ships", {candidate.id for candidate in candidates})
            return candidates[::-1]

    searcher = Searcher(collection, HashEmbeddings(), SearchOptions(mode="dense"))
    plain = [passage.id for passage in searcher.search("ships", 5)]
    searcher.options = searcher.options.changed(rerank={"method": "cross_encoder", "candidates": 3})
    searcher._reranker = Reversing()
    assert [passage.id for passage in searcher.search("ships", 1)] == [plain[2]]
    assert [passage.id for passage in searcher.search("ships", 5)] == plain[2::-1]


def test_where_there_are_enough_documents_one_look_is_enough(collection, monkeypatch):
    write(collection, ["a ferry", "a quay"], "b.md")
    looked = []
    nearest = collection.nearest
    monkeypatch.setattr(collection, "nearest", lambda *given, **how: looked.append(given) or nearest(*given, **how))
    searcher = Searcher(collection, HashEmbeddings(), SearchOptions(mode="dense", distinct=True, candidates=7))
    assert len(searcher.search("ships", 2)) == 2
    assert len(looked) == 1


@pytest.mark.slow
def test_an_explanation_gives_the_place_in_each_leg(collection):
    searcher = Searcher(collection, HashEmbeddings(), SearchOptions(lexical_weight=50.0))
    by = {
        mode: {passage.id: passage.rank for passage in searcher.changed(mode=mode).search("lifts ships", 9)}
        for mode in ("dense", "lexical")
    }
    assert set(by["lexical"].values()) == {1, 2, 3}
    for passage in searcher.search("lifts ships", 9, explain=True):
        why = passage.explanation
        assert why.dense_rank == by["dense"][passage.id]
        assert why.lexical_rank == by["lexical"].get(passage.id)
        assert bool(why.terms) == (passage.id in by["lexical"])
        assert why.language_correction == 0
        assert why.rerank_score is None
    words = searcher.changed(mode="lexical").search("lifts ships", 9, explain=True)
    assert [passage.explanation.dense_rank for passage in words] == [None] * 3


def test_a_passage_carries_its_chunk_and_its_collection(collection):
    (passage,) = Searcher(collection, HashEmbeddings(), SearchOptions(mode="dense")).search(TEXTS[1], 1)
    assert (passage.text, passage.title, passage.section) == (TEXTS[1], "Work", "Part")
    assert (passage.source, passage.collection, passage.rank) == ("a.md", "docs", 1)
    assert passage.metadata["chunk_index"] == 1
    assert passage.explanation is None


def test_a_collection_describes_itself_and_says_whether_there_is_a_least_score(collection):
    write(collection, ["a ferry"], "b.md")
    searcher = Searcher(collection, HashEmbeddings())
    assert searcher.descriptions() == [("docs", ["Work"], "2")]
    assert not searcher.has_least_score
    assert searcher.changed(min_score=0.0).has_least_score
    assert collection.titles(chunks=3) == (["Work"], "2")


def test_what_was_opened_for_a_searcher_is_closed_with_it(collection):
    closed = []
    Searcher(collection, HashEmbeddings(), on_close=lambda: closed.append(True)).close()
    assert closed == [True]
    Searcher(collection, HashEmbeddings()).close()


def test_a_candidate_at_the_least_score_stays(collection):
    searcher = Searcher(collection, HashEmbeddings(), SearchOptions(mode="dense"))
    best, second, *_ = searcher.search("a tug tows ships", 3)
    assert searcher.changed(min_score=best.score).search("a tug tows ships", 3) == [best]
    assert len(searcher.changed(min_score=second.score).search("a tug tows ships", 3)) == 2


def test_an_empty_collection_needs_no_lexical_index_and_one_with_chunks_does(tmp_path):
    store = Store(tmp_path / "other")
    with store.writer():
        made = store.create("docs", Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash")
        assert Searcher(made, HashEmbeddings(), SearchOptions(mode="lexical")).search("ships", 3) == []
        assert Searcher(made, HashEmbeddings()).search("ships", 3) == []
        made.write_rows(["a"], ["a tug"], [{}], HashEmbeddings().embed_documents(["a tug"]))
        with pytest.raises(CollectionMismatchError, match="'docs' has no lexical index; the next ingest makes it"):
            Searcher(made, HashEmbeddings(), SearchOptions(mode="lexical"))
    store.close()


def test_what_is_usual_is_the_spread_of_different_chunks_in_one_language(tmp_path):
    store = Store(tmp_path / "store")
    chance = np.random.default_rng(3)
    with store.writer():
        made = store.create("docs", Fingerprint.of(HashEmbeddings(8).identity.as_dict(), None, 1), "hash")
        one = measure(made)
        assert (one.spread, one.mean, one.language_axis) == (0.0, 0.0, None)
        rows = chance.normal(size=(19, 8)).astype(np.float32)
        texts = ["배는 항구에 있다"] * 9 + ["a ship"] * 10
        made.write_rows([f"{number:02}" for number in range(19)], texts, [{}] * 19, list(rows))
        nine = measure(made)
        assert nine.language_axis is None
        products = (rows @ rows.T)[~np.eye(19, dtype=bool)]
        assert (nine.mean, nine.spread) == (pytest.approx(products.mean(), rel=1e-4), pytest.approx(products.std()))
        made.write_rows(["18"], texts[:1], [{}], list(rows[18:]))
        assert measure(made).language_axis is None  # ten of the one, nine of the other
        made.write_rows(["18"], texts[18:], [{}], list(rows[18:]))
        made.write_rows(["19"], texts[:1], [{}], list(rows[:1]))
        ten = measure(made)
        korean, other = np.vstack([rows[:9], rows[:1]]).mean(axis=0), rows[9:].mean(axis=0)
        axis = (korean - other) / np.linalg.norm(korean - other)
        np.testing.assert_allclose(ten.language_axis, axis, atol=1e-5)
        flat = np.vstack([rows, rows[:1]]) - np.outer(np.vstack([rows, rows[:1]]) @ axis, axis)
        products = (flat @ flat.T)[~np.eye(20, dtype=bool)]
        assert (ten.mean, ten.spread) == (pytest.approx(products.mean(), abs=1e-4), pytest.approx(products.std()))
        assert float(ten.remove_language_bias(rows[0]) @ ten.language_axis) == pytest.approx(0, abs=1e-5)
        np.testing.assert_array_equal(nine.remove_language_bias(rows[0]), rows[0])
    store.close()


def test_questions_and_numbers_of_passages_are_checked_in_words():
    assert check_question("  흘수\ud800 ") == "흘수?"
    assert check_k(np.int64(3)) == 3
    assert type(check_k(np.int64(3))) is int
    assert check_k(1) == 1
    for wrong in (0, -1, 2.5, "3", True, None):
        with pytest.raises(UsageError, match="top must be a whole number, 1 or more, found"):
            check_k(wrong, "top")
