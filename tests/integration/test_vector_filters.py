"""What a vector store is asked with: filters of metadata and texts, in a folder and on a server."""

from __future__ import annotations

import json
import unicodedata

import pytest
from langchain_core.documents import Document

from rag_pipeline import Pipeline
from rag_pipeline.config import load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.integration.retriever import PipelineRetriever
from rag_pipeline.integration.vector_store import PipelineVectorStore
from rag_pipeline.testing import HashEmbeddings
from tests.store.server.servers import running

TEXTS = ["tenant one: salaries", "tenant two: salaries", "tenant two: holidays", "nobody: salaries"]
METADATA = [
    {"tenant": 1, "tags": ["pay", "secret"], "years": [2023, 2024]},
    {"tenant": 2, "tags": ["pay"], "years": [2024], "open": None},
    {"tenant": 2, "tags": "pay", "years": 2024, "shares": [0.5, 1.0], "flags": [True]},
    {"tags": None},
]
IDS = ["one", "two", "holidays", "nobody"]
PARTS = unicodedata.normalize("NFD", "부산")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server") / "db") as server:
        yield server


@pytest.fixture(scope="module", params=["embedded", "server"])
def settings(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    store = {"path": "db"}
    if request.param == "server":
        store |= {"mode": "server", "host": "127.0.0.1", "port": request.getfixturevalue("server").port}
    (folder / "config.yaml").write_text(json.dumps({"store": store, "default_collection": "docs"}))
    return load_settings(folder / "config.yaml")


@pytest.fixture(scope="module")
def store(settings):
    opened = PipelineVectorStore.open(settings, "docs", HashEmbeddings(), create=True)
    opened.add_texts(TEXTS, METADATA, ids=IDS)
    yield opened
    opened.close()


def found(documents):
    return {document.id for document in documents}


@pytest.mark.slow
def test_metadata_are_kept_as_they_were_given_without_what_is_none(store):
    known = [document.metadata for document in store.get_by_ids(IDS)]
    assert known == [{name: value for name, value in one.items() if value is not None} for one in METADATA]
    (nearest,) = store.similarity_search(TEXTS[0], 1)
    assert nearest.metadata == METADATA[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ({"tags": {"$contains": "pay"}}, {"one", "two"}),
        ({"tags": {"$contains": "secret"}}, {"one"}),
        ({"tags": {"$not_contains": "secret"}}, {"two", "holidays", "nobody"}),
        ({"tags": "pay"}, {"holidays"}),
        ({"years": {"$contains": 2023}}, {"one"}),
        ({"years": {"$contains": 2023.0}}, set()),
        ({"shares": {"$contains": 0.5}}, {"holidays"}),
        ({"flags": {"$contains": True}}, {"holidays"}),
        ({"tenant": 2, "tags": {"$contains": "pay"}}, {"two"}),
        ({"$or": [{"tags": {"$contains": "secret"}}, {"tenant": {"$gte": 2}}]}, {"one", "two", "holidays"}),
    ],
)
def test_what_a_list_holds_is_filtered_alike_in_every_search(store, settings, where, wanted):
    assert found(store.similarity_search("salaries", 9, filter=where)) == wanted
    assert found(store.max_marginal_relevance_search("salaries", 9, filter=where)) == wanted
    lexical = {chunk for chunk in wanted if chunk != "holidays"}  # it holds no "salaries"
    with PipelineRetriever(settings=settings, collection="docs", embeddings=HashEmbeddings(), k=9) as retriever:
        assert found(retriever.invoke("salaries", mode="dense", where=where)) == wanted
        assert found(retriever.invoke("salaries", mode="hybrid", where=where)) == wanted
        assert found(retriever.invoke("salaries", mode="lexical", where=where)) == lexical
    with Pipeline(settings, embeddings=HashEmbeddings()) as pipeline:
        assert {passage.id for passage in pipeline.retrieve("salaries", 9, where=where)} == wanted
        assert {passage.id for passage in pipeline.retrieve("salaries", 9, where=where, exact=True)} == wanted


async def test_texts_are_filtered_as_chroma_does_it(store):
    two = {"$contains": "two"}
    for kind in ("similarity", "mmr", "similarity_score_threshold"):
        told = {"k": 9, "where_document": two, "score_threshold": 0.0}
        if kind != "similarity_score_threshold":
            del told["score_threshold"]
        retriever = store.as_retriever(search_type=kind, search_kwargs=told)
        assert found(retriever.invoke("salaries")) == {"two", "holidays"}
        assert found(await retriever.ainvoke("salaries")) == {"two", "holidays"}
    vector = HashEmbeddings().embed_query("salaries")
    searches = (store.similarity_search_by_vector, store.max_marginal_relevance_search_by_vector)
    assert [found(search(vector, 9, where_document=two)) for search in searches] == [{"two", "holidays"}] * 2
    assert found(await store.asimilarity_search_by_vector(vector, 9, where_document=two)) == {"two", "holidays"}
    scored = await store.asimilarity_search_with_score("salaries", 9, where_document=two)
    assert [one.id for one, _ in scored] == ["two", "holidays"]
    both = {"$contains": "salaries", "$not_regex": "^nobody"}
    assert found(store.similarity_search("x", 9, {"tenant": 2}, both)) == {"two"}
    with pytest.raises(UsageError, match=r"where_document: unknown operator '\$like'"):
        store.similarity_search("salaries", where_document={"$like": "two"})


@pytest.mark.parametrize(
    ("argument", "value", "advice"),
    [
        ("where", {"tenant": 2}, "use filter"),
        ("filters", {"tenant": 2}, "use filter"),
        ("filtr", {"tenant": 2}, "use filter"),
        ("where_documents", {"$contains": "two"}, "use where_document"),
        ("n_results", 2, "use k"),
        ("namespace", "two", "it takes k, "),
    ],
)
async def test_an_unknown_argument_is_refused_by_name(store, argument, value, advice):
    unknown = {argument: value}
    said = f"'{argument}'; {advice}"
    vector = [1.0] * 64
    for search, asked in (
        (store.similarity_search, "salaries"),
        (store.similarity_search_with_score, "salaries"),
        (store.similarity_search_with_relevance_scores, "salaries"),
        (store.similarity_search_by_vector, vector),
        (store.max_marginal_relevance_search, "salaries"),
        (store.max_marginal_relevance_search_by_vector, vector),
    ):
        with pytest.raises(UsageError, match=said):
            search(asked, **unknown)
        with pytest.raises(UsageError, match=said):
            await getattr(store, f"a{search.__name__}")(asked, **unknown)
    for kind in ("similarity", "mmr"):
        retriever = store.as_retriever(search_type=kind, search_kwargs=unknown)
        with pytest.raises(UsageError, match=said):
            retriever.invoke("salaries")
        with pytest.raises(UsageError, match=said):
            await retriever.ainvoke("salaries")


async def test_arguments_of_another_search_are_pointed_to_it(store):
    for told, advice in (
        ({"score_threshold": 0.9}, "search_type='similarity_score_threshold'"),
        ({"fetch_k": 9}, "search_type='mmr'"),
    ):
        with pytest.raises(UsageError, match=advice):
            store.as_retriever(search_kwargs=told).invoke("salaries")
    for field in ("filter", "k", "where", "search_kwarg"):
        with pytest.raises(UsageError, match=f"no '{field}'; .*search_kwargs"):
            store.as_retriever(**{field: {"tenant": 2}})
    assert store.as_retriever(tags=["x"], name="mine", search_kwargs={"k": 2}).name == "mine"
    with pytest.raises(UsageError, match="delete takes no argument 'where'; it takes ids"):
        store.delete(["one"], where={"tenant": 2})
    with pytest.raises(UsageError, match="delete takes no argument 'where'"):
        await store.adelete(["one"], where={"tenant": 2})
    with pytest.raises(UsageError, match="from_texts takes no argument 'persist_directory'"):
        PipelineVectorStore.from_texts(["a"], HashEmbeddings(), persist_directory="db", collection="docs")


def test_the_retriever_refuses_what_it_does_not_know(store, settings):
    assert store
    with PipelineRetriever(settings=settings, collection="docs", embeddings=HashEmbeddings()) as retriever:
        for unknown in ("filter", "filters", "where_document"):
            with pytest.raises(UsageError, match=f"'{unknown}'.*with where="):
                retriever.invoke("salaries", **{unknown: {"tenant": 2}})


@pytest.mark.slow
def test_a_list_that_is_replaced_leaves_nothing_behind(store):
    for tags, held in ((["new", "old"], True), (["new"], True), ("new", False), (["new"], True), (None, False)):
        store.add_texts(["a tug"], [{"tags": tags, "kind": "tug"}], ids=["tug"])
        assert found(store.similarity_search("tug", filter={"tags": {"$contains": "new"}})) == (
            {"tug"} if held else set()
        )
        (known,) = store.get_by_ids(["tug"])
        assert known.metadata == {"kind": "tug", **({"tags": tags} if tags else {})}
    store.add_documents([Document("a tug", metadata={"ports": [PARTS]})], ids=["tug"])
    assert found(store.similarity_search("tug", filter={"ports": {"$contains": PARTS}})) == {"tug"}
    store.delete(["tug"])
