"""Several questions at once: as each alone, in one pass of the model."""

from __future__ import annotations

import numpy as np
import pytest

from rag_pipeline import Pipeline, open_searcher
from rag_pipeline.config import load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import open_searchers
from rag_pipeline.testing import HashEmbeddings

QUESTIONS = ["최대 흘수는?", "When does the pilot board?", "석탄", "최대 흘수는?"]


class Counting(HashEmbeddings):
    def __init__(self):
        super().__init__()
        self.passes = []

    def embed_queries(self, texts):
        self.passes.append(list(texts))
        return super().embed_queries(texts)


@pytest.fixture
def settings(tmp_path, documents):
    (tmp_path / "config.yaml").write_text("")
    settings = load_settings(tmp_path / "config.yaml")
    ingest(settings, IngestTarget("docs", [documents], "bundled"), embeddings=HashEmbeddings())
    return settings


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_each_is_answered_as_if_it_were_alone(settings, mode):
    embeddings = Counting()
    searcher = open_searcher(settings, "docs", embeddings=embeddings, mode=mode)
    found = searcher.search_many(QUESTIONS, 2, explain=True, where={"source": {"$ne": "bulk.md"}})
    assert found == [searcher.search(q, 2, explain=True, where={"source": {"$ne": "bulk.md"}}) for q in QUESTIONS]
    assert embeddings.passes == ([] if mode == "lexical" else [QUESTIONS])


def test_no_question_is_no_answer(settings):
    embeddings = Counting()
    assert open_searcher(settings, "docs", embeddings=embeddings).search_many([], 2) == []
    assert embeddings.passes == []


def test_a_blank_one_is_refused_before_any_is_embedded(settings):
    embeddings = Counting()
    with pytest.raises(UsageError, match="question"):
        open_searcher(settings, "docs", embeddings=embeddings).search_many(["흘수", " "], 2)
    assert embeddings.passes == []


@pytest.mark.slow
async def test_a_pipeline_takes_several_from_an_event_loop(project):
    with Pipeline(load_settings()) as pipeline:
        pipeline.ingest()
        assert await pipeline.aretrieve_many(QUESTIONS, 2) == pipeline.retrieve_many(QUESTIONS, 2)


@pytest.mark.slow
def test_a_pipeline_and_several_collections_take_several_questions(project):
    settings = load_settings()
    with Pipeline(settings) as pipeline:
        pipeline.ingest()
        found = pipeline.retrieve_many(QUESTIONS, 2)
        alone = [pipeline.retrieve(question, 2) for question in QUESTIONS]
        assert [[one.id for one in passages] for passages in found] == [[one.id for one in each] for each in alone]
    ingest(settings, IngestTarget("second", [project / "docs"], "tiny"))
    searcher = open_searchers(settings, ["docs", "second"])
    try:
        together = searcher.search_many(QUESTIONS, 3)
        alone = [searcher.search(question, 3) for question in QUESTIONS]
    finally:
        searcher.close()
    assert [[one.id for one in found] for found in together] == [[one.id for one in found] for found in alone]
    np.testing.assert_allclose(
        [one.score for found in together for one in found], [one.score for found in alone for one in found], atol=1e-3
    )
