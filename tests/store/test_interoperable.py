"""Our collections in plain langchain_chroma and raw chromadb: the same ids, texts and scores."""

from __future__ import annotations

import chromadb
import pytest
from langchain_chroma import Chroma

from rag_pipeline import Pipeline
from rag_pipeline.testing import HashEmbeddings

pytestmark = pytest.mark.slow

QUESTION = "a tug tows ships"


@pytest.fixture
def pipeline(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    (tmp_path / "docs").mkdir()
    for name in ("tug", "buoy", "lock", "quay"):
        (tmp_path / "docs" / f"{name}.md").write_text(f"# {name}\n\nA {name} and ships in a harbour.\n", "utf-8")
    with Pipeline(tmp_path / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest(tmp_path / "docs")
        yield pipeline


def rows(pipeline):
    found = pipeline.retrieve(QUESTION, 4, mode="dense")
    return [(passage.id, passage.text, pytest.approx(passage.score, abs=1e-5)) for passage in found]


def test_langchains_own_class_finds_the_same(pipeline):
    theirs = Chroma("docs", HashEmbeddings(), persist_directory=str(pipeline.settings.resolve_path("chroma_db")))
    found = theirs.similarity_search_with_score(QUESTION, 4)
    assert [(document.id, document.page_content, 1 - distance) for document, distance in found] == rows(pipeline)
    ours = {document.id: document.metadata for document in pipeline.vector_store().similarity_search(QUESTION, 4)}
    assert {document.id: document.metadata for document, _ in found} == ours
    theirs._client.close()


def test_raw_chroma_finds_the_same(pipeline):
    client = chromadb.PersistentClient(str(pipeline.settings.resolve_path("chroma_db")))
    got = client.get_collection("docs", embedding_function=None).query(
        query_embeddings=[HashEmbeddings().embed_query(QUESTION)], n_results=4
    )
    scores = [1 - distance for distance in got["distances"][0]]
    assert list(zip(got["ids"][0], got["documents"][0], scores, strict=True)) == rows(pipeline)
    client.close()


def test_what_langchains_own_class_adds_is_found_here(pipeline):
    theirs = Chroma("docs", HashEmbeddings(), persist_directory=str(pipeline.settings.resolve_path("chroma_db")))
    theirs.add_texts(["A lighthouse shines."], [{"source": "theirs.txt"}], ids=["theirs"])
    theirs._client.close()
    best = pipeline.retrieve("A lighthouse shines.", 1, mode="dense")[0]
    assert (best.id, best.source, best.score) == ("theirs", "theirs.txt", pytest.approx(1, abs=1e-5))


def test_our_vector_store_replaces_what_has_the_same_id_wholly(pipeline):
    store = pipeline.vector_store()
    store.add_texts(["A pilot boards."], [{"source": "a.txt", "page": 3}], ids=["pilot"])
    store.add_texts(["A pilot leaves."], [{"source": "b.txt"}], ids=["pilot"])
    [document] = store.get_by_ids(["pilot"])
    assert (document.page_content, document.metadata) == ("A pilot leaves.", {"source": "b.txt"})
    assert [passage.id for passage in pipeline.retrieve("pilot", mode="lexical")] == ["pilot"]
    pipeline.ingest(pipeline.settings.base_dir / "docs")  # leaves what is of no folder alone
    assert store.get_by_ids(["pilot"])
    store.close()
