from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import threading
import unicodedata
from pathlib import Path

import langchain_chroma
import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel

from rag_pipeline import probe
from rag_pipeline.config import load_settings
from rag_pipeline.errors import (
    CollectionMismatchError,
    EmbeddingError,
    ServiceError,
    StoreError,
    StoreLockedError,
    UsageError,
)
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.integration.retriever import PipelineRetriever
from rag_pipeline.integration.vector_store import PipelineVectorStore
from rag_pipeline.store import Collection, Store
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def store(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    settings = load_settings(tmp_path / "config.yaml")
    opened = PipelineVectorStore.open(settings, "docs", HashEmbeddings(dimension=8), create=True)
    opened.add_texts(["A tug tows.", "A buoy marks."], [{"port": "부산"}, {"port": "인천"}], ids=["tug", "buoy"])
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"texts": "abc"}, "texts are a list of texts, found 'abc'"),
        ({"texts": 5}, "texts are a list of texts, found 5"),
        ({"texts": [None]}, "found None among them"),
        ({"texts": ["a", " "]}, "a text is empty"),
        ({"texts": ["a"], "metadatas": [None]}, "metadata of a text are keys and values, found None"),
        ({"texts": ["a"], "metadatas": [{}, {}]}, "1 texts do not go together with 2"),
        ({"texts": ["a"], "metadatas": [{5: "b"}]}, "a key of metadata is text, found 5"),
        ({"texts": ["a"], "metadatas": [{"b": {"c": 1}}]}, "metadata 'b' must be a string"),
        ({"texts": ["a"], "metadatas": [{"b": ("c",)}]}, "metadata 'b' must be a string"),
        ({"texts": ["a"], "metadatas": [{"b": []}]}, "metadata 'b' is an empty list"),
        ({"texts": ["a"], "metadatas": [{"b": ["c", 1]}]}, "metadata 'b' must be a list of values of one type"),
        ({"texts": ["a"], "metadatas": [{"b": [1, 2.0]}]}, "metadata 'b' must be a list of values of one type"),
        ({"texts": ["a"], "metadatas": [{"b": [True, 1]}]}, "metadata 'b' must be a list of values of one type"),
        ({"texts": ["a"], "metadatas": [{"b": [None]}]}, "metadata 'b' must be a string"),
        ({"texts": ["a"], "metadatas": [{"b": [["c"]]}]}, "metadata 'b' must be a string"),
        ({"texts": ["a"], "metadatas": [{"b": [float("nan")]}]}, "metadata 'b' must be"),
        ({"texts": ["a"], "metadatas": [{"b": [2**63]}]}, "metadata 'b' is a whole number of more than 64 bits"),
        ({"texts": ["a"], "metadatas": [{5: None}]}, "a key of metadata is text, found 5"),
        ({"texts": ["a"], "metadata": [{"b": "c"}]}, "add_texts takes no argument 'metadata'; use metadatas"),
        ({"texts": ["a"], "metadatas": [{"b": float("nan")}]}, "metadata 'b' must be"),
        ({"texts": ["a"], "metadatas": [{"b": float("-inf")}]}, "metadata 'b' must be"),
        ({"texts": ["a"], "metadatas": [{"b": "x \ud83d"}]}, "metadata 'b' must be"),
        ({"texts": ["a"], "metadatas": [{"b": 2**63}]}, "metadata 'b' is a whole number of more than 64 bits"),
        ({"texts": ["a"], "metadatas": [{"\ud83d": "b"}]}, "a key of metadata is text"),
        ({"texts": ["a"], "metadatas": [{"chroma:document": "b"}]}, "a key of metadata is text"),
        ({"texts": ["a"], "metadatas": [{"$schema": "b"}]}, "does not begin with '\\$' or '#', found '\\$schema'"),
        ({"texts": ["a"], "metadatas": [{"": "b"}]}, "a key of metadata is not empty"),
        ({"texts": ["a"], "metadatas": [dict.fromkeys(map(str, range(9000)), 1)]}, "a text has 9,000 metadata, more"),
        ({"texts": ["a \ud83d"]}, "half of a character"),
        ({"texts": ["a"], "ids": ["\ud83d"]}, "an id is text, found"),
        ({"texts": ["a"], "ids": [5]}, "an id is text, found 5"),
        ({"texts": ["a"], "ids": "b"}, "ids are a list of texts, found 'b'"),
        ({"texts": ["a", "b"], "ids": ["c", "c"]}, "an id is given twice"),
        ({"texts": ["a", "b"], "ids": ["c"]}, "2 texts and 1 ids"),
    ],
)
async def test_what_cannot_be_stored_is_refused_in_words(store, arguments, problem):
    with pytest.raises(UsageError, match=problem):
        store.add_texts(**arguments)
    with pytest.raises(UsageError, match=problem):
        await store.aadd_texts(**arguments)
    assert len(store.similarity_search("tug", 9)) == 2


@pytest.mark.parametrize("vector", [[1.0] * 7, [], None, ["a"] * 8, [[1.0] * 8], [float("nan")] * 8])
def test_a_vector_of_another_dimension_is_refused(store, vector):
    for search in (store.similarity_search_by_vector, store.max_marginal_relevance_search_by_vector):
        with pytest.raises(UsageError, match="'docs' is asked with a vector of 8 numbers"):
            search(vector)


@pytest.mark.parametrize("k", [0, -1, 2.5, "3"])
def test_a_number_of_documents_is_one_or_more(store, k):
    for search in (store.similarity_search, store.max_marginal_relevance_search):
        with pytest.raises(UsageError, match="k must be a whole number, 1 or more"):
            search("tug", k)
    with pytest.raises(UsageError, match="fetch_k must be"):
        store.max_marginal_relevance_search("tug", 1, k)


def test_other_arguments_that_mean_nothing_are_refused(store):
    with pytest.raises(UsageError, match="lambda_mult must be from 0 to 1, found 2"):
        store.max_marginal_relevance_search("tug", lambda_mult=2)
    with pytest.raises(UsageError, match="a question is a text, found None"):
        store.similarity_search(None)
    with pytest.raises(UsageError, match="ids are a list of texts"):
        store.delete("tug")
    with pytest.raises(UsageError, match="ids are a list of texts"):
        store.get_by_ids("tug")
    with pytest.raises(UsageError, match="compares numbers"):
        store.similarity_search("tug", filter={"port": {"$gte": "a"}})


@pytest.mark.slow
def test_names_in_parts_are_found(store):
    parts = unicodedata.normalize("NFD", "부산")
    assert [found.id for found in store.similarity_search("tug", filter={"port": parts})] == ["tug"]
    store.add_texts(["A quay."], [{"port": parts}], ids=["quay"])
    assert {found.id for found in store.similarity_search("tug", filter={"port": parts})} == {"tug", "quay"}


def test_more_than_there_is_may_be_asked_for(store):
    assert len(store.similarity_search("tug", 10**12)) == 2
    assert len(store.max_marginal_relevance_search("tug", 10**12, 10**12)) == 2


class OtherModel(HashEmbeddings):
    """Vectors of the same length that mean something else."""

    @property
    def identity(self):
        return dataclasses.replace(super().identity, model="another", revision="2")


def make_anew(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n\nA tug tows.\n", "utf-8")
    settings = load_settings(tmp_path / "config.yaml")
    target = IngestTarget("docs", [tmp_path / "docs"], "other")
    ingest(settings, target, rebuild=True, embeddings=OtherModel(dimension=8))


@pytest.mark.slow
def test_what_was_made_anew_with_another_model_is_neither_asked_nor_written_to(store, tmp_path):
    make_anew(tmp_path)
    with pytest.raises(CollectionMismatchError, match="made with embedding 'other'.*the one that was given is another"):
        store.add_texts(["A quay."], ids=["quay"])
    store.close()
    with pytest.raises(CollectionMismatchError, match="'another'"):
        store.similarity_search("tug")
    with pytest.raises(CollectionMismatchError, match="'another'"):
        store.delete(["tug"])
    other = PipelineVectorStore.open(load_settings(tmp_path / "config.yaml"), "docs", OtherModel(dimension=8))
    assert [found.metadata["source"] for found in other.similarity_search("tug")] == ["a.md"]
    other.close()


@pytest.mark.slow
def test_without_a_fingerprint_the_first_one_holds(store, tmp_path):
    opened = PipelineVectorStore(Store(tmp_path / "chroma_db"), "docs", HashEmbeddings(dimension=8))
    assert len(opened.similarity_search("tug")) == 2
    opened.close()
    make_anew(tmp_path)
    with pytest.raises(CollectionMismatchError, match="'another'"):
        opened.similarity_search("tug")
    opened.close()


@pytest.mark.slow
def test_one_that_another_process_has_just_made_is_taken(store, tmp_path, monkeypatch):
    names, asked = Store.names, []

    def seen_late(self):
        asked.append(self)
        return names(self) if len(asked) > 1 else []

    monkeypatch.setattr(Store, "names", seen_late)
    settings = load_settings(tmp_path / "config.yaml")
    opened = PipelineVectorStore.open(settings, "docs", HashEmbeddings(dimension=8), create=True)
    assert len(opened.similarity_search("tug")) == 2
    opened.close()


@pytest.mark.slow
def test_ids_are_looked_up_once_to_be_deleted(store, monkeypatch):
    rows_of, asked = Collection.rows_of, []

    def counted(self, ids):
        asked.append(ids)
        return rows_of(self, ids)

    monkeypatch.setattr(Collection, "rows_of", counted)
    store.delete(["tug", "buoy", "tug", "none"])
    assert asked == [["tug", "buoy", "none"]]
    assert store.similarity_search("tug") == []


def test_a_text_that_is_too_long_for_the_store_is_refused_before_any_is_written(store, monkeypatch):
    monkeypatch.setattr(Collection, "rejection_reason", lambda _, text: "too long" if len(text) > 20 else "")
    with pytest.raises(UsageError, match="text 1 of 2 cannot be stored: too long"):
        store.add_texts(["A quay.", "A quay " * 5])
    assert len(store.similarity_search("quay", 9)) == 2


@pytest.mark.slow
def test_documents_that_were_found_are_of_no_file_when_they_are_added_again(tmp_path, documents):
    (tmp_path / "config.yaml").write_text("")
    settings = load_settings(tmp_path / "config.yaml")
    target = IngestTarget("docs", [documents], "hash")
    ingest(settings, target, embeddings=HashEmbeddings())
    with PipelineRetriever(settings=settings, collection="docs", k=9, embeddings=HashEmbeddings()) as retriever:
        found = [document for document in retriever.invoke("석탄") if document.metadata["source"] == "bulk.md"]
    opened = PipelineVectorStore.open(settings, "docs", HashEmbeddings())
    opened.add_documents(found, ids=["mine"])
    (documents / "bulk.md").unlink()
    assert ingest(settings, target, embeddings=HashEmbeddings()).chunks_removed == 1
    (kept,) = opened.get_by_ids(["mine"])
    assert (kept.page_content, kept.metadata["source"]) == (found[0].page_content, "bulk.md")
    assert not {"file_sha256", "text_sha256", "chunk_index", "chunk_count"} & kept.metadata.keys()
    opened.close()


@pytest.mark.slow
def test_what_replaces_a_chunk_of_a_file_stays_one(tmp_path, documents):
    (tmp_path / "config.yaml").write_text("")
    settings = load_settings(tmp_path / "config.yaml")
    target = IngestTarget("docs", [documents], "hash")
    ingest(settings, target, embeddings=HashEmbeddings())
    opened = PipelineVectorStore.open(settings, "docs", HashEmbeddings())
    found = opened.similarity_search("최대 흘수", 9)
    opened.add_documents(found)
    opened.close()
    again = opened.get_by_ids([document.id for document in found])
    for before, after in zip(found, again, strict=True):
        assert after.metadata == {name: value for name, value in before.metadata.items() if name != "text_sha256"}
    assert ingest(settings, target, embeddings=HashEmbeddings()).unchanged == 3
    opened.close()


class Gated(HashEmbeddings):
    """Holds the first call of embed_documents up, and keeps what it was asked."""

    def __init__(self):
        super().__init__(dimension=8)
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.calls = []

    def embed_documents(self, texts):
        if texts != [probe.TEXT]:
            self.calls.append(list(texts))
        self.begun.set()
        assert self.go_on.wait(60)
        if any("storm" in text for text in texts):
            raise EmbeddingError(f"text 1 of {len(texts)}: a storm")
        if any("outage" in text for text in texts):
            raise ServiceError("the service cannot be reached")
        return super().embed_documents(texts)


@pytest.fixture
def gated(tmp_path):
    (tmp_path / "config.yaml").write_text("store: {queue_timeout: 0.2}")
    embeddings = Gated()
    opened = PipelineVectorStore.open(load_settings(tmp_path / "config.yaml"), "docs", embeddings, create=True)
    yield opened
    opened.close()


async def gathered(opened, *additions):
    """One addition that is under way, and others that come meanwhile; what each caller gets."""
    embeddings = opened.embeddings
    first = asyncio.create_task(opened.aadd_documents([Document("the first")]))
    await asyncio.to_thread(embeddings.begun.wait, 60)
    others = [asyncio.create_task(opened.aadd_documents(documents, **more)) for documents, more in additions]
    while len(opened._additions._waiting) < len(additions):
        await asyncio.sleep(0.001)
    embeddings.go_on.set()
    await first
    return await asyncio.gather(*others, return_exceptions=True)


async def test_documents_that_many_tasks_add_at_once_are_embedded_and_written_together(gated, monkeypatch):
    writes = []
    write_rows = Collection.write_rows
    monkeypatch.setattr(
        Collection, "write_rows", lambda self, ids, *rest: writes.append(list(ids)) or write_rows(self, ids, *rest)
    )
    additions = [([Document(f"upload {n}", metadata={"n": n}), Document(f"more {n}")], {}) for n in range(6)]
    found = await gathered(gated, *additions)
    assert [len(call) for call in gated.embeddings.calls] == [1, 12]
    assert [len(ids) for ids in writes] == [1, 12]
    for number, ids in enumerate(found):
        texts = [document.page_content for document in gated.get_by_ids(ids)]
        assert texts == [f"upload {number}", f"more {number}"]
    assert gated.get_by_ids(found[3])[0].metadata == {"n": 3}


@pytest.mark.slow
async def test_each_caller_gets_its_own_error_and_the_others_are_stored(gated):
    found = await gathered(gated, ([Document("calm")], {}), ([Document("storm")], {}), ([Document("breeze")], {}))
    assert str(found[1]) == "text 1 of 1: a storm"
    assert isinstance(found[1], EmbeddingError)
    assert [gated.get_by_ids(found[n])[0].page_content for n in (0, 2)] == ["calm", "breeze"]


async def test_a_service_that_is_away_is_not_asked_once_for_each_caller(gated):
    found = await gathered(gated, *[([Document(f"outage {n}")], {}) for n in range(5)])
    assert {str(error) for error in found} == {"the service cannot be reached"}
    assert len(gated.embeddings.calls) == 2


@pytest.mark.slow
async def test_of_two_that_give_one_id_the_later_one_stays(gated):
    found = await gathered(gated, *[([Document(f"version {n}")], {"ids": ["same"]}) for n in range(3)])
    assert found == [["same"]] * 3
    assert gated.get_by_ids(["same"])[0].page_content == "version 2"


async def test_rows_that_the_store_refuses_cost_their_caller_only(gated, monkeypatch):
    write_rows = Collection.write_rows

    def refusing(self, ids, texts, *rest):
        if "bad row" in texts:
            raise StoreError(f"refused among {len(texts)}")
        write_rows(self, ids, texts, *rest)

    monkeypatch.setattr(Collection, "write_rows", refusing)
    found = await gathered(gated, ([Document("good row")], {}), ([Document("bad row")], {}))
    assert str(found[1]) == "refused among 1"
    assert gated.get_by_ids(found[0])[0].page_content == "good row"


@pytest.mark.slow
async def test_who_is_cancelled_while_waiting_is_not_stored_and_holds_nobody_up(gated):
    first = asyncio.create_task(gated.aadd_documents([Document("the first")]))
    await asyncio.to_thread(gated.embeddings.begun.wait, 60)
    leaving, staying = (asyncio.create_task(gated.aadd_texts([text], ids=[text])) for text in ("leaving", "staying"))
    while len(gated._additions._waiting) < 2:
        await asyncio.sleep(0.001)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    gated.embeddings.go_on.set()
    assert await staying == ["staying"]
    await first
    assert gated.get_by_ids(["leaving"]) == []


@pytest.mark.slow
def test_threads_that_add_and_delete_at_once_all_get_through(store):
    failures = []

    def work(number):
        try:
            store.add_texts([f"text {number}"], ids=[f"id {number}"])
            if number % 2:
                store.delete([f"id {number}"])
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    assert len(store.get_by_ids([f"id {number}" for number in range(12)])) == 6
    assert len(store.get_by_ids(["tug", "buoy"])) == 2


@pytest.mark.slow
async def test_a_writer_that_takes_too_long_is_named_without_our_own_process(gated):
    gated.embeddings.go_on.set()
    held, done = threading.Event(), threading.Event()

    def hold():
        with Store(Path(gated._store.address)).writer():
            held.set()
            done.wait(60)

    holding = threading.Thread(target=hold)
    holding.start()
    held.wait(60)
    try:
        with pytest.raises(StoreLockedError, match="waited 0.2 s for another thread of this process") as raised:
            await gated.aadd_texts(["late"])
        assert f"process {os.getpid()}" not in str(raised.value)
    finally:
        done.set()
        holding.join()
    assert len(await gated.aadd_texts(["later"])) == 1


def test_langchain_finds_the_translator_of_filters_for_self_queries(store):
    assert isinstance(store, langchain_chroma.Chroma)  # virtually: nothing is inherited
    assert langchain_chroma.Chroma not in type(store).__mro__
    retrievers = pytest.importorskip("langchain_classic.retrievers")
    pytest.importorskip("langchain_community")
    said = json.dumps({"query": "tug", "filter": 'eq("port", "인천")'})
    model = FakeListChatModel(responses=[f"```json\n{said}\n```"])
    fields = [{"name": "port", "description": "where", "type": "string"}]
    retriever = retrievers.SelfQueryRetriever.from_llm(model, store, "harbours", fields)
    assert [found.id for found in retriever.invoke("tugs at 인천")] == ["buoy"]
