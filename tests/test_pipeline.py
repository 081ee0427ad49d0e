from __future__ import annotations

import pytest

from rag_pipeline import Pipeline
from rag_pipeline.answering import make_chat_model
from rag_pipeline.config import AnswerSettings
from rag_pipeline.errors import UsageError
from rag_pipeline.integration.vector_store import PipelineVectorStore
from rag_pipeline.testing import HashEmbeddings

QUESTION = "what does a tug do?"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "config.yaml").write_text("retrieval:\n  top_k: 2\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "tug.md").write_text("# Tugs\n\n## Work\n\nA tug tows ships.\n")
    with Pipeline(tmp_path / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest(tmp_path / "docs")
    return tmp_path


@pytest.mark.slow
def test_what_was_made_before_closing_works_afterwards(place, gemini):
    with Pipeline(place / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        chain, retriever = pipeline.answer_chain(), pipeline.retriever()
        before = chain.invoke(QUESTION)
        answer = pipeline.answer(QUESTION)
    assert chain.invoke(QUESTION) == before
    assert pipeline.answer(QUESTION) == answer
    assert len(retriever.invoke(QUESTION)) == 1
    pipeline.close()


def test_a_chat_model_of_the_callers_stays_open(place, gemini):
    model = make_chat_model(AnswerSettings())
    with Pipeline(place / "config.yaml", collection="docs", embeddings=HashEmbeddings(), chat_model=model) as pipeline:
        pipeline.answer(QUESTION)
    assert model.invoke("Hello").text


def test_a_name_that_no_collection_can_have_is_refused(place):
    for name in ("한글", "x", "abc\n"):
        with Pipeline(place / "config.yaml", collection=name, embeddings=HashEmbeddings()) as pipeline:
            with pytest.raises(UsageError, match="cannot name a collection"):
                pipeline.ingest(place / "docs")
            with pytest.raises(UsageError, match="cannot name a collection"):
                PipelineVectorStore.open(pipeline.settings, name, HashEmbeddings(), create=True)


def test_what_is_no_configuration_is_refused():
    with pytest.raises(UsageError, match=r"a configuration is a file, .* found {'a': 1}"):
        Pipeline({"a": 1})
