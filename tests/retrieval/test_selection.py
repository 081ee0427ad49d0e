"""One passage a document, passages unlike each other, and passages with their neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import Searcher, SearchOptions
from rag_pipeline.store import Store
from rag_pipeline.testing import HashEmbeddings

pytestmark = pytest.mark.slow


@pytest.fixture
def collection(tmp_path, monkeypatch):
    """One long document that is all about the question, and five short ones that touch upon it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "config.yaml").write_text("")
    sections = "\n\n".join(f"## Part {number}\n\nThe harbour pilot boards, part {number}." for number in range(40))
    (tmp_path / "docs" / "long.md").write_text(f"# Pilots\n\n{sections}\n")
    for number in range(5):
        (tmp_path / "docs" / f"short{number}.md").write_text(
            f"# Note {number}\n\nPilot of ferry {number} {'x' * number}.\n"
        )
    ingest(load_settings("config.yaml"), IngestTarget("docs", [tmp_path / "docs"], "x"), embeddings=HashEmbeddings())
    store = Store(tmp_path / "chroma_db")
    yield store.get("docs")
    store.close()


def ask(collection, k, question="The harbour pilot boards", **options):
    return Searcher(collection, HashEmbeddings(), SearchOptions().changed(**options)).search(question, k)


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_one_passage_a_document_is_found_behind_a_document_that_holds_all_the_best_places(collection, mode):
    assert {passage.source for passage in ask(collection, 6, mode=mode, candidates=5)} == {"long.md"}
    found = ask(collection, 6, mode=mode, candidates=5, distinct=True)
    assert found[0].source == "long.md"
    assert sorted(passage.source for passage in found) == ["long.md", *(f"short{number}.md" for number in range(5))]
    assert [passage.rank for passage in found] == [1, 2, 3, 4, 5, 6]


def test_digging_deeper_embeds_the_question_once(collection):
    embeddings = HashEmbeddings()
    searcher = Searcher(collection, embeddings, SearchOptions(distinct=True, candidates=2))
    assert len(searcher.search("The harbour pilot boards", 6)) == 6
    assert embeddings.embedded.count("The harbour pilot boards") == 1


def test_fewer_documents_than_asked_for_are_all_of_them(collection):
    assert len(ask(collection, 50, distinct=True, candidates=3)) == 6


def test_without_diversity_the_order_is_that_of_the_scores(collection):
    found = ask(collection, 5, diversity=0.0)
    assert [passage.score for passage in found] == sorted((passage.score for passage in found), reverse=True)


@pytest.mark.parametrize("diversity", [0.3, 0.7, 1.0])
def test_diversity_is_maximal_marginal_relevance(collection, diversity):
    found = ask(collection, 6, diversity=diversity, mode="dense")
    ranked = ask(collection, 45, mode="dense")
    vectors = collection.vectors_of([passage.id for passage in ranked])
    picked = []
    while len(picked) < 6:
        left = [passage for passage in ranked if passage.id not in picked]

        def worth(passage):
            alike = max((float(vectors[passage.id] @ vectors[other]) for other in picked), default=0.0)
            return (1 - diversity) * passage.score - diversity * alike

        picked.append(max(left, key=worth).id)
    if diversity < 1:
        assert [passage.id for passage in found] == picked
    else:  # every first choice is as good as another
        assert len({passage.id for passage in found}) == 6


def test_diverse_passages_are_less_alike(collection):
    def likeness(passages):
        vectors = np.stack(list(collection.vectors_of([passage.id for passage in passages]).values()))
        return (vectors @ vectors.T)[~np.eye(len(vectors), dtype=bool)].mean()

    assert likeness(ask(collection, 5, diversity=0.6)) < likeness(ask(collection, 5)) - 0.01


def test_passages_below_the_least_score_are_left_out(collection):
    scores = [passage.score for passage in ask(collection, 10)]
    kept = ask(collection, 10, min_score=scores[3])
    assert [passage.score for passage in kept] == [score for score in scores if score >= scores[3]]
    assert ask(collection, 10, min_score=99.0) == []


def test_neighbours_are_joined_in_their_order_with_each_heading_once(collection):
    (passage,) = ask(collection, 1, "pilot boards part 7", mode="lexical", context=1)
    assert passage.section == "Part 7"
    assert passage.text == "\n\n".join(
        f"Pilots > Part {number}\n\nThe harbour pilot boards, part {number}." for number in (6, 7, 8)
    )


def test_the_edge_of_a_document_has_fewer_neighbours(collection):
    (passage,) = ask(collection, 1, "pilot boards part 39", mode="lexical", context=2)
    assert [part in passage.text for part in ("part 36.", "part 37.", "part 38.", "part 39.")] == [
        False,
        True,
        True,
        True,
    ]
    (alone,) = ask(collection, 1, "ferry 3", mode="lexical", context=3)
    assert alone.text.startswith("Note 3\n\n")
    assert alone.body.startswith("Pilot of ferry 3")


def test_passages_whose_neighbours_meet_become_one(collection):
    found = ask(collection, 45, context=2)
    assert [passage.source for passage in found].count("long.md") < 15
    assert sum(passage.text.count("harbour pilot boards") for passage in found) == 40
    assert [passage.rank for passage in found] == list(range(1, len(found) + 1))


def test_a_chunk_of_no_file_stays_as_it_is(collection):
    vector = HashEmbeddings().embed_query("lighthouse keeper")
    with collection._writing() as chroma:
        chroma.upsert(ids=["foreign"], embeddings=[vector], documents=["lighthouse keeper"])
    found = ask(collection, 1, "lighthouse keeper", mode="dense", context=2, distinct=True)
    assert [(passage.id, passage.text) for passage in found] == [("foreign", "lighthouse keeper")]
