"""The words are looked up while the question is being embedded, in sync and in async searches."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rag_pipeline.lexical.index import LexicalIndex
from rag_pipeline.retrieval import Searcher
from rag_pipeline.store import Fingerprint, Store
from rag_pipeline.testing import HashEmbeddings

pytestmark = pytest.mark.slow

# Reached only where the legs wait for each other.
LONG = 30


class Waiting(HashEmbeddings):
    """Its questions are embedded only once the lexical index has been asked."""

    def __init__(self, asked: threading.Event) -> None:
        super().__init__()
        self.asked = asked
        self.in_time: list[bool] = []

    def embed_query(self, text: str) -> list[float]:
        self.in_time.append(self.asked.wait(LONG))
        return super().embed_query(text)

    async def aembed_query(self, text: str) -> list[float]:
        self.in_time.append(await asyncio.to_thread(self.asked.wait, LONG))
        return super().embed_query(text)


@pytest.fixture
def searched(tmp_path, monkeypatch):
    asked = threading.Event()
    ask = LexicalIndex.ask

    def asking(index, terms):
        asked.set()
        return ask(index, terms)

    monkeypatch.setattr(LexicalIndex, "ask", asking)
    embeddings = Waiting(asked)
    store = Store(tmp_path / "store")
    with store.writer():
        collection = store.create("ships", Fingerprint.of(embeddings.identity.as_dict(), None, 1), "hash")
        texts = ["컨테이너선의 최대 흘수", "벌크선은 석탄을 나른다"]
        with collection.indexing():
            vectors = HashEmbeddings().embed_documents(texts)
            collection.write_rows(["a", "b"], texts, [{"source": "a.md"}, {"source": "b.md"}], vectors)
    yield Searcher(collection, embeddings), embeddings
    store.close()


def test_a_sync_search_overlaps_its_legs(searched):
    searcher, embeddings = searched
    assert searcher.search("흘수", 1)[0].id == "a"
    assert embeddings.in_time == [True]


async def test_an_async_search_overlaps_its_legs(searched):
    searcher, embeddings = searched
    assert (await searcher.asearch("흘수", 1))[0].id == "a"
    assert embeddings.in_time == [True]


async def test_an_async_search_finds_what_was_written_while_the_question_was_embedded(searched, monkeypatch):
    searcher, _ = searched
    collection = searcher._collection
    text = "예인선의 흘수 흘수 흘수"

    class Writing(HashEmbeddings):
        async def aembed_query(self, question: str) -> list[float]:
            with collection.indexing():
                collection.write_rows(["c"], [text], [{"source": "c.md"}], self.embed_documents([text]))
            collection._connection.renew()
            return self.embed_query(question)

    found = await Searcher(collection, Writing()).asearch("흘수", 3)
    assert "c" in {passage.id for passage in found}
