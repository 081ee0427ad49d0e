from __future__ import annotations

import asyncio
import copy
import os
import pickle
import re
import threading
import time
from pathlib import Path

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import ConfigurableField

from rag_pipeline import Pipeline, PipelineRetriever
from rag_pipeline.config import load_settings
from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.errors import (
    CollectionMismatchError,
    CollectionNotFoundError,
    ConfigurationError,
    EmbeddingError,
    ServiceError,
    UsageError,
)
from rag_pipeline.integration.tool import make_tool
from rag_pipeline.testing import HashEmbeddings

pytestmark = pytest.mark.slow

TEXTS = {
    "tug": "# Tugs\n\n## Work\n\nA tug tows ships.\n",
    "buoy": "# Buoys\n\n## Work\n\nA buoy marks water.\n",
    "lock": "---\ntype: canal\n---\n# Locks\n\n## Work\n\nA lock lifts ships.\n",
}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "config.yaml").write_text("retrieval:\n  top_k: 2\n")
    (tmp_path / "docs").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "docs" / f"{name}.md").write_text(text)
    with Pipeline(tmp_path / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest(tmp_path / "docs")
    return tmp_path


@pytest.fixture
def retriever(place):
    with PipelineRetriever(config=place / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as retriever:
        yield retriever


def names(documents):
    return [document.metadata["source"] for document in documents]


def test_documents_carry_what_a_citation_needs(retriever):
    best = retriever.invoke("a tug tows ships")[0]
    assert best.id
    assert best.page_content == "Tugs > Work\n\nA tug tows ships."
    metadata = dict(best.metadata)
    assert metadata.pop("score") > 0.5
    assert {name: metadata[name] for name in ("source", "title", "section", "collection", "rank", "folder")} == {
        "source": "tug.md",
        "title": "Tugs",
        "section": "Work",
        "collection": "docs",
        "rank": 1,
        "folder": "docs",
    }
    # What apps may build on: a name that goes away or comes in is a change to write down.
    assert set(best.metadata) == {
        *("source", "title", "section", "collection", "rank", "score"),
        *("folder", "file_sha256", "text_sha256", "chunk_index", "chunk_count"),
    }


def test_the_configuration_says_how_many(retriever):
    assert len(retriever.invoke("ships")) == 2
    assert len(retriever.invoke("ships", k=3)) == 3


def test_filters_and_modes_come_with_the_retriever_or_the_question(place, retriever):
    assert names(retriever.invoke("a tug tows ships", where={"type": "canal"})) == ["lock.md"]
    lexical = retriever.invoke("tug", mode="lexical")
    assert names(lexical) == ["tug.md"]
    assert 0 < lexical[0].metadata["score"] <= 1
    fixed = PipelineRetriever(
        settings=load_settings(place / "config.yaml"),
        collection="docs",
        embeddings=HashEmbeddings(),
        mode="dense",
        where={"type": "canal"},
        options={"distinct": True},
    )
    assert names(fixed.invoke("a tug tows ships")) == ["lock.md"]
    fixed.close()


async def test_a_blank_question_among_those_a_model_made_up_gives_no_passages(place, retriever):
    for blank in ("", "  ", "\n\t"):
        assert retriever.invoke(blank) == await retriever.ainvoke(blank) == []
    several = retriever.batch(["ships", "", "a tug tows ships"])
    assert [bool(found) for found in several] == [True, False, True]
    with pytest.raises(UsageError, match="unknown retrieval option 'modus'"):
        retriever.invoke(" ", modus="dense")
    pipeline = Pipeline(place / "config.yaml", collection="docs", embeddings=HashEmbeddings())
    with pipeline, pytest.raises(UsageError, match="the question is empty"):
        pipeline.retrieve(" ")


def test_what_is_ingested_later_is_found(place, retriever):
    retriever.invoke("ships")
    (place / "docs" / "quay.md").write_text("# Quays\n\n## Work\n\nShips moor at a quay.\n")
    with Pipeline(place / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest(place / "docs")
    assert names(retriever.invoke("ships moor at a quay", k=1)) == ["quay.md"]


def test_bad_questions_options_and_names_are_refused(place, retriever):
    with pytest.raises(UsageError, match="unknown retrieval option 'modus'"):
        retriever.invoke("ships", modus="dense")
    with pytest.raises(ValueError, match="extra"):
        PipelineRetriever(top=3)
    other = PipelineRetriever(config=place / "config.yaml", collection="other", embeddings=HashEmbeddings())
    with pytest.raises(CollectionNotFoundError, match="known: docs"):
        other.invoke("ships")


def test_it_may_be_closed_and_asked_again(retriever):
    before = names(retriever.invoke("ships"))
    retriever.close()
    assert names(retriever.invoke("ships")) == before


class Recorder(BaseCallbackHandler):
    def __init__(self):
        self.seen = []

    def on_retriever_start(self, serialized, query, *, run_id, tags=None, metadata=None, **rest):
        self.seen.append((query, tags, metadata["ls_retriever_name"]))

    def on_retriever_end(self, documents, **rest):
        self.seen.append(len(documents))


async def test_callbacks_and_tags_reach_it_sync_and_async(retriever):
    recorder = Recorder()
    config = {"callbacks": [recorder], "tags": ["harbour"]}
    retriever.invoke("ships", config)
    await retriever.ainvoke("ships", config)
    assert recorder.seen == [("ships", ["harbour"], "rag_pipeline"), 2] * 2


class Gate(HashEmbeddings):
    """Waits for the test while it embeds a question."""

    def __init__(self):
        super().__init__()
        self.entered, self.open = threading.Event(), threading.Event()

    def embed_query(self, text):
        self.entered.set()
        assert self.open.wait(30)
        return super().embed_query(text)


async def test_the_event_loop_goes_on_while_a_question_is_asked(place):
    gate = Gate()
    with PipelineRetriever(config=place / "config.yaml", collection="docs", embeddings=gate) as retriever:
        asking = asyncio.create_task(retriever.ainvoke("ships"))
        while not gate.entered.is_set():  # only a loop that runs gets here while the model is at work
            await asyncio.sleep(0.001)
        assert not asking.done()
        gate.open.set()
        assert len(await asking) == 2


async def test_questions_that_come_together_share_passes_of_the_model(place, bundled_folder, monkeypatch):
    embeddings = TransformerEmbeddings(bundled_folder)
    embeddings.load()
    passes = []
    embed = embeddings.embed_queries
    monkeypatch.setattr(embeddings, "embed_queries", lambda texts: passes.append(len(texts)) or embed(texts))
    with Pipeline(place / "config.yaml", collection="real", embeddings=embeddings) as pipeline:
        pipeline.ingest(place / "docs")
        questions = [f"what tows ship number {number}?" for number in range(40)]
        together = await asyncio.gather(*(pipeline.aretrieve(question, mode="dense") for question in questions))
        assert sum(passes) == 40
        assert len(passes) < 20
        alone = [pipeline.retrieve(question, mode="dense") for question in questions]
    for one, other in zip(together, alone, strict=True):
        assert [passage.id for passage in one] == [passage.id for passage in other]
        assert [passage.score for passage in one] == pytest.approx([passage.score for passage in other], abs=2e-3)


def test_any_langchain_embedding_makes_and_asks_a_collection(place):
    embeddings = DeterministicFakeEmbedding(size=24)
    with Pipeline(place / "config.yaml", collection="fake", embeddings=embeddings) as pipeline:
        assert pipeline.ingest(place / "docs").new == 3
        assert [
            passage.score for passage in pipeline.retrieve("Tugs > Work\n\nA tug tows ships.", mode="dense", k=1)
        ] == [pytest.approx(1.0, abs=1e-5)]
        assert names(pipeline.retriever(mode="lexical").invoke("tug")) == ["tug.md"]


def test_several_collections_are_asked_at_once(place):
    with Pipeline(place / "config.yaml", collection="docs") as pipeline:
        settings = pipeline.settings
    for name in ("one", "two"):
        with Pipeline(settings, collection=name) as pipeline:
            pipeline.ingest(place / "docs")
    with PipelineRetriever(settings=settings, collection=["one", "two"], k=4) as retriever:
        found = retriever.invoke("a tug tows ships")
        assert [document.metadata["collection"] for document in found[:2]] == ["one", "two"]
        assert names(retriever.invoke("tug", mode="lexical")) == ["tug.md", "tug.md"]


def test_a_tool_tells_the_agent_what_is_there_and_cites(retriever):
    tool = retriever.as_tool()
    assert tool.name == "search_docs"
    assert "'docs' (3 documents about: " in tool.description
    assert "Tugs" in tool.description
    called = tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": {"question": "a tug tows ships"}})
    first, second = (document.metadata["label"] for document in called.artifact)
    assert called.content.startswith(f"[{first}] Tugs — Work — tug.md\nA tug tows ships.\n\n[{second}] ")
    assert names(called.artifact)[0] == "tug.md"


async def test_a_tool_is_asked_without_holding_up_the_loop(retriever):
    tool = retriever.as_tool(name="찾기 docs", description="…")
    assert tool.name == "_docs"
    assert re.match(r"\[\w{5}\] Tugs", await tool.ainvoke({"question": "tug"}))


def test_a_passage_has_one_label_in_all_searches_and_no_other_has_it(place, retriever):
    def labels(tool, question):
        call = {"type": "tool_call", "id": "1", "name": tool.name, "args": {"question": question}}
        return {one.metadata["source"]: one.metadata["label"] for one in tool.invoke(call).artifact}

    tool = retriever.as_tool()
    found = labels(tool, "a tug tows ships") | labels(tool, "a buoy marks water") | labels(tool, "a lock lifts ships")
    assert len(set(found.values())) == 3
    with PipelineRetriever(
        config=place / "config.yaml", collection="docs", embeddings=HashEmbeddings(), k=3
    ) as another:
        assert labels(another.as_tool(), "water") == found


async def test_what_goes_wrong_is_told_to_the_agent_and_does_not_end_it(place):
    class Failing(HashEmbeddings):
        def embed_query(self, text):
            if "storm" in text:
                raise ServiceError("the service cannot be reached; try again later")
            return super().embed_query(text)

    with PipelineRetriever(config=place / "config.yaml", collection="docs", embeddings=Failing()) as retriever:
        tool = retriever.as_tool()
        for arguments, problem in (
            ({"question": "  "}, "the question is empty"),
            ({"question": "storm"}, "the service cannot be reached"),
            ({}, "takes a question as text"),
        ):
            call = {"type": "tool_call", "id": "1", "name": tool.name, "args": arguments}
            for message in (tool.invoke(call), await tool.ainvoke(call)):
                assert message.status == "error"
                assert problem in message.content


async def test_a_model_that_fails_in_its_own_way_is_named_by_the_retriever_and_told_to_the_agent(place):
    class Raw(HashEmbeddings):
        def embed_query(self, text):
            raise RuntimeError("mat1 and mat2\ncannot be multiplied")

    for mode in ("dense", "hybrid"):
        asked = {"config": place / "config.yaml", "collection": "docs", "embeddings": Raw(), "mode": mode}
        with PipelineRetriever(**asked) as retriever:
            said = "embedding the question failed: RuntimeError: mat1 and mat2 cannot be multiplied"
            with pytest.raises(EmbeddingError, match=f"^{said}$"):
                retriever.invoke("tug")
            with pytest.raises(EmbeddingError, match=f"^{said}$"):
                await retriever.ainvoke("tug")
            tool = retriever.as_tool()
            call = {"type": "tool_call", "id": "1", "name": tool.name, "args": {"question": "tug"}}
            for message in (tool.invoke(call), await tool.ainvoke(call)):
                assert (message.status, message.content) == ("error", said)


def test_a_tool_over_any_retriever_goes_on_after_a_failure_and_lets_a_graph_be_steered():
    class GraphBubbleUp(Exception):  # noqa: N818
        """As LangGraph's, which is an exception too."""

    class Broken(BaseRetriever):
        def _get_relevant_documents(self, query, *, run_manager):
            if query == "pause":
                raise GraphBubbleUp
            raise KeyError("https://user:secret@host/tugs")

    tool = make_tool(Broken(), "search", "…")
    call = {"type": "tool_call", "id": "1", "name": "search", "args": {"question": "tug"}}
    message = tool.invoke(call)
    assert message.status == "error"
    assert message.content == "the search failed: KeyError: 'https://host/tugs'"
    with pytest.raises(GraphBubbleUp):
        tool.invoke({**call, "args": {"question": "pause"}})


def test_a_name_that_no_chat_model_takes_is_refused(retriever):
    with pytest.raises(UsageError, match="tool name '찾기'"):
        retriever.as_tool(name="찾기")


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_more_than_there_is_may_be_asked_for(retriever, mode):
    assert len(retriever.invoke("ships", k=10**12, mode=mode, candidates=10**12)) == (2 if mode == "lexical" else 3)


@pytest.mark.parametrize(
    ("question", "k", "problem"),
    [
        ("ships", 0, "k must be a whole number, 1 or more, found 0"),
        ("ships", -1, "found -1"),
        ("ships", "3", "found '3'"),
        ("ships", 2.5, "found 2.5"),
        (None, 1, "a question is a text, found None"),
        (5, 1, "a question is a text, found 5"),
    ],
)
async def test_what_is_no_number_or_no_question_is_refused_in_words(retriever, question, k, problem):
    with pytest.raises(UsageError, match=problem):
        retriever.invoke(question, k=k)
    with pytest.raises(UsageError, match=problem):
        await retriever.ainvoke(question, k=k)


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_finds_the_same(place, retriever, copied):
    before = names(retriever.invoke("ships"))
    with Pipeline(place / "config.yaml", collection="docs", embeddings=HashEmbeddings()) as pipeline:
        for made in (retriever, pipeline.retriever()):
            again = copied(made)
            assert names(again.invoke("ships")) == before
            again.close()


@pytest.mark.parametrize("deep", [False, True])
def test_a_copy_with_another_collection_asks_that_one(place, retriever, deep):
    (place / "other").mkdir()
    (place / "other" / "lighthouse.md").write_text("# 등대\n\n밤에 빛난다.\n", "utf-8")
    with Pipeline(place / "config.yaml", collection="other", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest(place / "other")
    before = names(retriever.invoke("ships"))
    changed = retriever.model_copy(update={"collection": "other"}, deep=deep)
    assert names(changed.invoke("ships")) == ["lighthouse.md"]
    changed.close()
    again = copy.copy(retriever)
    assert names(again.invoke("ships")) == before
    again.close()
    # A copy that is closed closes nothing of the one it was made of.
    assert retriever._lazy._opened is not None
    assert names(retriever.invoke("ships")) == before


def test_a_retriever_that_is_gone_holds_no_files(place):
    def open_files():
        return sum(str(place) in os.path.realpath(one) for one in Path("/proc/self/fd").iterdir())

    def configured(config):
        return PipelineRetriever(
            config=config, collection="docs", embeddings=HashEmbeddings(), k=2
        ).configurable_fields(k=ConfigurableField(id="k"))

    chosen = configured(place / "config.yaml")
    before = open_files()
    for k in (1, 2, 3):
        assert len(chosen.with_config(configurable={"k": k}).invoke("ships")) == k
    end = time.monotonic() + 30
    while open_files() > before and time.monotonic() < end:  # Chroma closes in a thread of its own
        time.sleep(0.05)
    assert open_files() <= before


async def test_closing_does_not_disturb_the_questions_on_their_way(retriever):
    asking = [asyncio.create_task(retriever.ainvoke(f"ships {number}", k=1)) for number in range(20)]
    while not all(asked.done() for asked in asking):
        retriever.close()
        await asyncio.sleep(0.005)
    assert [len(asked.result()) for asked in asking] == [1] * 20


def test_threads_and_searchers_do_not_grow_with_the_options_that_are_asked_with(retriever):
    # Servers and clusters of earlier tests may have left threads: only those that begin here count.
    before = set(threading.enumerate())
    for number in range(40):
        retriever.invoke("ships", min_score=-float(number + 1))
    assert len(set(threading.enumerate()) - before) < 5
    assert len(retriever._lazy._changed) <= 16


async def test_models_are_loaded_before_the_first_question_where_that_is_wanted(place):
    loaded = []

    class Loading(HashEmbeddings):
        def load(self):
            loaded.append(self)

    embeddings = Loading()
    with Pipeline(place / "config.yaml", collection="docs", embeddings=embeddings) as pipeline:
        pipeline.load()
        await pipeline.aload()
        pipeline.retriever(mode="lexical").load()
        await pipeline.retriever(mode="dense").aload()
    assert loaded == [embeddings] * 3


def test_a_question_as_long_as_a_book_is_answered_from_its_beginning(retriever):
    question = "a tug tows ships " + "배는 항구에 있다 " * 100_000
    started = time.process_time()
    assert names(retriever.invoke(question, k=1, mode="lexical")) == ["tug.md"]
    assert len(retriever.invoke(question, k=1)) == 1
    assert time.process_time() - started < 20


def test_another_embedding_than_the_collections_is_refused_with_what_can_be_done(place):
    for embeddings, problem in (
        (HashEmbeddings(dimension=32), r"the one that was given is another .*give those it was made with"),
        (None, r"'docs' was made with it: if that is one of your own, give it as embeddings="),
    ):
        with (
            PipelineRetriever(config=place / "config.yaml", collection="docs", embeddings=embeddings) as retriever,
            pytest.raises((CollectionMismatchError, ConfigurationError), match=problem),
        ):
            retriever.invoke("ships")


def test_a_folder_without_a_configuration_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with PipelineRetriever(collection="ships") as retriever:
        with pytest.raises(CollectionNotFoundError, match=r"no config\.yaml was found in ") as failure:
            retriever.invoke("ships")
        assert str(tmp_path) in str(failure.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"diversity": "x"}, "diversity must be a number, found 'x'"),
        ({"diversity": True}, "diversity must be a number, found True"),
        ({"diversity": 2}, "diversity must be from 0 to 1, found 2"),
        ({"context": 1.5}, "context must be a whole number, found 1.5"),
        ({"candidates": "9"}, "candidates must be a whole number"),
        ({"min_score": [1]}, "min_score must be a number"),
        ({"distinct": "yes"}, "distinct must be true or false, found 'yes'"),
        ({"mode": 5}, "unknown mode 5"),
        ({"rerank": "best"}, "rerank: method: found 'best'; allowed: 'none', 'maxsim' or 'cross_encoder'"),
        ({"rerank": {"weight": -1}}, "rerank: weight: found -1"),
        ({"rerank": {"wait": 1}}, "rerank: wait: found 1"),
        ({"rerank": 5}, "rerank is a method, such as 'maxsim', or its settings; found 5"),
    ],
)
def test_an_option_of_the_wrong_kind_is_refused_in_words(retriever, options, problem):
    with pytest.raises(UsageError, match=problem):
        retriever.invoke("ships", **options)


def test_a_reranker_may_be_named_or_described(place, bundled_folder):
    embeddings = TransformerEmbeddings(bundled_folder)
    with Pipeline(place / "config.yaml", collection="real", embeddings=embeddings) as pipeline:
        pipeline.ingest(place / "docs")
        plain, named, described = (
            pipeline.retriever(options=options).invoke("what tows ships?")[0].metadata["score"]
            for options in ({}, {"rerank": "maxsim"}, {"rerank": {"method": "maxsim", "weight": 0}})
        )
    assert named > plain == pytest.approx(described)
