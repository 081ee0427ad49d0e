"""How likely it is that a passage answers: from what is usual for the question in the collection."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rag_pipeline import Passage, open_searcher
from rag_pipeline.cli.passages import note_doubt
from rag_pipeline.config import load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval.collection_statistics import CollectionStatistics
from rag_pipeline.retrieval.confidence import usual_for
from rag_pipeline.testing import HashEmbeddings
from tests.conftest import ROOT

SHIPS = ROOT / "documents" / "ships"


def statistics(vectors, chunks=None):
    sample = np.asarray(vectors, dtype=np.float32)
    return CollectionStatistics(0.1, 0.5, None, sample, len(sample) if chunks is None else chunks)


@pytest.fixture
def random_vectors():
    vectors = np.random.default_rng(5).normal(size=(200, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_it_grows_with_the_score_and_stays_between_0_and_1(random_vectors):
    usual = usual_for(statistics(random_vectors), random_vectors[0], hybrid=True)
    values = [usual.confidence(score) for score in (-9.0, 0.0, 0.3, 0.6, 1.0, 2.0, 50.0)]
    assert values == sorted(values)
    assert 0 <= values[0] < 0.01 and 0.99 < values[-1] <= 1


def test_height_is_deviations_above_the_mean_by_what_chance_gives(random_vectors):
    usual = usual_for(statistics(random_vectors, chunks=5000), random_vectors[3], hybrid=False)
    products = random_vectors @ random_vectors[3]
    by_hand = (0.7 - products.mean()) / products.std() / math.sqrt(2 * math.log(5000))
    assert usual.height(0.7) == pytest.approx(by_hand, rel=1e-5)


def test_the_same_height_counts_less_by_chance_in_a_larger_collection(random_vectors):
    small, large = (usual_for(statistics(random_vectors, n), random_vectors[0], hybrid=True) for n in (100, 100_000))
    assert large.confidence(0.8) < small.confidence(0.8)


@pytest.mark.parametrize("vectors", [np.eye(19), np.ones((40, 4)) / 2, np.zeros((40, 4))])
def test_few_chunks_or_chunks_all_alike_do_not_tell(vectors):
    assert usual_for(statistics(vectors), np.ones(vectors.shape[1], dtype=np.float32), hybrid=True) is None


@pytest.fixture(scope="module")
def ships(tmp_path_factory):
    place = tmp_path_factory.mktemp("ships")
    (place / "config.yaml").write_text("")
    settings = load_settings(place / "config.yaml")
    ingest(settings, IngestTarget("docs", [SHIPS], "bundled"), embeddings=HashEmbeddings())
    return settings


def asked(settings, question="최대 흘수가 12.04 m인 컨테이너선은?", **options):
    return open_searcher(settings, "docs", embeddings=HashEmbeddings(), **options).search(question, 8, explain=True)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_each_passage_has_one_that_falls_with_its_rank(ships, mode):
    found = asked(ships, mode=mode)
    values = [passage.confidence for passage in found]
    assert values == sorted(values, reverse=True)
    assert all(0 < value < 1 for value in values)
    assert [passage.explanation.height for passage in found] == sorted(
        (passage.explanation.height for passage in found), reverse=True
    )


def test_words_alone_give_none(ships):
    assert {passage.confidence for passage in asked(ships, mode="lexical")} == {None}


async def test_it_is_the_same_from_an_event_loop(ships):
    searcher = open_searcher(ships, "docs", embeddings=HashEmbeddings())
    question = "파나마 운하의 역사"
    assert await searcher.asearch(question, 5) == searcher.search(question, 5)


def test_a_least_confidence_leaves_out_those_below(ships):
    found = asked(ships)
    least = found[2].confidence
    assert [p.id for p in asked(ships, min_confidence=least)] == [p.id for p in found if p.confidence >= least]
    assert asked(ships, min_confidence=1.0) == []


@pytest.mark.slow
def test_a_reranked_passage_keeps_what_stood_for_it_before(ships, bundled_folder):
    def search(**options):
        searcher = open_searcher(ships, "bundled", **options)
        return {passage.id: passage.confidence for passage in searcher.search("Which canal was opened in 1914?", 5)}

    ingest(ships, IngestTarget("bundled", [SHIPS], "bundled"))
    plain, reranked = search(), search(rerank="maxsim")
    assert {key: reranked[key] for key in plain.keys() & reranked.keys()} == {
        key: plain[key] for key in plain.keys() & reranked.keys()
    }


def test_a_small_collection_leaves_nothing_out(tmp_path, documents):
    (tmp_path / "config.yaml").write_text("")
    settings = load_settings(tmp_path / "config.yaml")
    ingest(settings, IngestTarget("docs", [documents], "bundled"), embeddings=HashEmbeddings())
    found = asked(settings, "pilot", min_confidence=1.0)
    assert found and {passage.confidence for passage in found} == {None}


@pytest.mark.parametrize("least", [-0.1, 1.5, "half", True])
def test_a_least_confidence_is_from_0_to_1(ships, least):
    with pytest.raises(UsageError, match="min_confidence must be"):
        asked(ships, min_confidence=least)


def test_it_needs_vectors(ships):
    with pytest.raises(UsageError, match="min_confidence needs vectors"):
        asked(ships, mode="lexical", min_confidence=0.5)


def test_documents_carry_it_and_give_it_back(ships):
    passage = asked(ships)[0]
    document = passage.as_document()
    assert document.metadata["confidence"] == passage.confidence
    assert Passage.from_document(document, 1).confidence == passage.confidence
    assert "confidence" not in asked(ships, mode="lexical")[0].as_document().metadata


def test_a_doubtful_answer_is_said_on_standard_error(ships, capsys):
    passage = asked(ships)[0]
    from dataclasses import replace

    note_doubt([replace(passage, confidence=0.12), replace(passage, confidence=0.05)])
    note_doubt([replace(passage, confidence=0.21)])
    note_doubt([replace(passage, confidence=None)])
    out, err = capsys.readouterr()
    assert (out, err) == ("", "The answer is probably not in these documents (confidence 0.12 at most).\n")
