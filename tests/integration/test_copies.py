"""Vector stores and settings that are copied, or go to other processes: they work there, and take no key along."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from rag_pipeline import GeminiEmbeddings, Pipeline, PipelineRetriever
from rag_pipeline.config import load_settings
from rag_pipeline.embeddings.wrapped import WrappedEmbeddings
from rag_pipeline.errors import ConfigurationError
from rag_pipeline.integration.vector_store import PipelineVectorStore
from rag_pipeline.store import Store
from rag_pipeline.testing import HashEmbeddings
from tests.embeddings.test_wrapped import Theirs

pytestmark = pytest.mark.slow

COPIES = [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
SECRET = "made-up-secret"


@pytest.fixture(params=COPIES, ids=["copy", "deepcopy", "pickle"])
def copied(request):
    return request.param


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "config.yaml").write_text("embeddings: {g: {provider: gemini, dimension: 128}}\n")
    return load_settings(tmp_path / "config.yaml")


def test_a_copy_of_a_vector_store_finds_and_writes(settings, copied):
    for name, embeddings in (("own", HashEmbeddings()), ("theirs", Theirs([1.0, 2.0]))):
        opened = PipelineVectorStore.open(settings, name, embeddings, create=True)
        opened.add_texts(["A tug tows."], [{"tags": ["a"]}], ids=["tug"])
        again = copied(opened)
        assert [found.id for found in again.similarity_search("tug")] == ["tug"]
        again.add_texts(["A buoy marks."], ids=["buoy"])
        assert {found.id for found in opened.similarity_search("tug")} == {"tug", "buoy"}
        retriever = copied(opened.as_retriever(search_kwargs={"k": 1}))
        assert len(retriever.invoke("tug")) == 1
        again.close()
        retriever.vectorstore.close()
        opened.close()


def test_a_copy_of_one_that_was_made_without_settings_opens_the_same_folder(settings, tmp_path, copied):
    PipelineVectorStore.open(settings, "docs", HashEmbeddings(), create=True).close()
    opened = PipelineVectorStore(Store(tmp_path / "chroma_db"), "docs", HashEmbeddings())
    opened.add_texts(["A tug tows."], ids=["tug"])
    again = copied(opened)
    assert [found.id for found in again.similarity_search("tug")] == ["tug"]
    again.close()
    opened.close()


def test_an_embedding_of_the_configuration_is_made_again_where_the_copy_arrives(settings, gemini, copied, monkeypatch):
    with Pipeline(settings, collection="docs", embeddings=GeminiEmbeddings(dimension=128)):
        pass
    first = PipelineVectorStore.open(settings, "docs", GeminiEmbeddings(dimension=128), create=True)
    first.add_texts(["A tug tows."], ids=["tug"])
    first.close()
    sent = pickle.dumps(first)
    assert gemini.api_key.encode() not in sent
    monkeypatch.setenv("GOOGLE_API_KEY", SECRET)
    gemini.api_key = SECRET
    again = pickle.loads(sent)
    assert [found.id for found in again.similarity_search("tug")] == ["tug"]
    again.close()
    assert copied(first).embeddings.identity == first.embeddings.identity


def test_the_keys_of_a_configuration_stay_behind_and_are_read_again(tmp_path, monkeypatch):
    file = tmp_path / "config.yaml"
    file.write_text(
        "store: {mode: server, host: chroma.example, headers: {X-Chroma-Token: made-up-secret}}\n"
        "answer: {options: {api_key: made-up-secret, top_p: 0.5}}\n"
    )
    settings = load_settings(file)
    embeddings = HashEmbeddings()
    retriever = PipelineRetriever(settings=settings, embeddings=embeddings)
    for sent in (pickle.dumps(settings), pickle.dumps(retriever)):
        assert SECRET.encode() not in sent
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert copy.deepcopy(settings) == copy.copy(settings) == settings
    assert pickle.loads(pickle.dumps(retriever)).settings == settings
    sent = pickle.dumps(settings)
    file.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "config.yaml").write_text("store: {headers: {X-Chroma-Token: not-theirs}}")
    lost = pickle.loads(sent)
    assert (lost.store.headers, lost.answer.options) == ({}, {"top_p": 0.5})
    headers = json.dumps({"X-Chroma-Token": "another"})
    monkeypatch.setenv("RAG_PIPELINE_STORE__HEADERS", headers)
    again = pickle.loads(sent)
    assert again.store.headers["X-Chroma-Token"].get_secret_value() == "another"
    assert (again.store.host, again.base_dir) == ("chroma.example", tmp_path)


def test_a_copy_of_gemini_embeddings_embeds(gemini, copied):
    embeddings = GeminiEmbeddings(dimension=128, batch_size=7)
    vector = embeddings.embed_query("tug")
    again = copied(embeddings)
    assert again.embed_query("tug") == vector
    assert again.embed_documents(["tug"] * 8) == embeddings.embed_documents(["tug"] * 8)
    assert [len(request.texts) for request in gemini.requests[2:]].count(7) == 2
    assert (again.identity, repr(again)) == (embeddings.identity, repr(embeddings))
    again.close()
    embeddings.close()


def test_a_key_that_was_given_does_not_go_through_pickle(gemini, monkeypatch):
    gemini.api_key = SECRET
    monkeypatch.delenv("GOOGLE_API_KEY")
    given = GeminiEmbeddings(api_key=SECRET, dimension=128, max_tokens=99)
    given.embed_query("tug")
    for sent in (pickle.dumps(given), pickle.dumps(WrappedEmbeddings(given)), repr(given.__getstate__()).encode()):
        assert SECRET.encode() not in sent
    lost = pickle.loads(pickle.dumps(given))
    assert lost.max_tokens == 99
    with pytest.raises(ConfigurationError, match="no Gemini API key"):
        lost.embed_query("tug")
    monkeypatch.setenv("GOOGLE_API_KEY", SECRET)
    assert lost.embed_query("tug") == given.embed_query("tug")
    monkeypatch.delenv("GOOGLE_API_KEY")
    # In the same process the key need not be looked for again.
    assert copy.deepcopy(given).embed_query("tug") == copy.copy(given).embed_query("tug")
