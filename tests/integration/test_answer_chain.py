from __future__ import annotations

import inspect

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableGenerator, RunnableLambda

from rag_pipeline import build_answer_chain
from rag_pipeline.answering import make_chat_model
from rag_pipeline.config import AnswerSettings
from rag_pipeline.errors import ServiceError, UsageError
from rag_pipeline.testing import gemini_faults


class Shelf(BaseRetriever):
    """Someone else's retriever."""

    documents: list[Document]

    def _get_relevant_documents(self, query, *, run_manager):
        return self.documents


@pytest.fixture
def shelf():
    return Shelf(
        documents=[
            Document("A lock lifts ships.", metadata={"source": "lock.md"}),
            Document(
                "Tugs\n\nA tug tows ships at 12 knots.", metadata={"source": "tug.md", "title": "Tugs", "page": 3}
            ),
        ]
    )


@pytest.fixture
def chain(shelf, gemini):
    return build_answer_chain(shelf, make_chat_model(AnswerSettings()))


def test_an_answer_cites_the_documents_of_any_retriever(chain, shelf):
    given = chain.invoke("what speed does a tug tow ships at?")
    assert given["question"] == "what speed does a tug tow ships at?"
    assert given["documents"] == shelf.documents
    assert given["answer"] == "A tug tows ships at 12 knots. [2]"
    assert given["citations"] == [
        {"number": 2, "source": "tug.md", "section": "", "quote": "A tug tows ships at 12 knots.", "place": "page 3"}
    ]
    assert (given["grounded"], given["problems"], given["finish_reason"]) == (True, [], "STOP")
    assert given["model"] == "gemini-3.5-flash"
    assert given["usage"]["total_tokens"] > 0


async def test_sync_async_and_batch_give_the_same(chain):
    question = {"question": "what speed does a tug tow ships at?"}
    one = chain.invoke(question)
    assert await chain.ainvoke(question) == one
    assert chain.batch([question, question]) == [one, one]


async def test_tokens_stream_after_the_documents(chain):
    for pieces in (
        list(chain.stream("what speed does a tug tow ships at?")),
        [piece async for piece in chain.astream("what speed does a tug tow ships at?")],
    ):
        assert list(pieces[0]) == ["question", "documents"]
        texts = [piece["answer"] for piece in pieces if "answer" in piece]
        assert len(texts) > 1
        assert "".join(texts) == "A tug tows ships at 12 knots. [2]"
        assert pieces[-1]["grounded"] is True


class Recorder(BaseCallbackHandler):
    def __init__(self):
        self.seen = []

    def on_retriever_start(self, serialized, query, *, tags=None, metadata=None, **rest):
        self.seen.append(("retriever", query, tags, metadata.get("app")))

    def on_chat_model_start(self, serialized, messages, *, tags=None, metadata=None, **rest):
        self.seen.append(("model", len(messages[0]), tags, metadata.get("app")))


async def test_callbacks_tags_and_metadata_reach_retriever_and_model(chain):
    expected = [("retriever", "tug", ["mine"], "harbour"), ("model", 2, ["mine"], "harbour")]
    for ask in (chain.invoke, chain.ainvoke):
        recorder = Recorder()
        done = ask("tug", {"callbacks": [recorder], "tags": ["mine"], "metadata": {"app": "harbour"}})
        if inspect.isawaitable(done):
            await done
        assert recorder.seen == expected


async def test_events_name_the_retriever_and_carry_the_models_tokens(chain):
    events = [event async for event in chain.astream_events("what speed does a tug tow ships at?")]
    kinds = {event["event"] for event in events}
    assert {"on_retriever_end", "on_chat_model_stream", "on_chat_model_end", "on_chain_end"} <= kinds
    tokens = [event["data"]["chunk"].text for event in events if event["event"] == "on_chat_model_stream"]
    assert "".join(tokens) == "A tug tows ships at 12 knots. [2]"


async def test_with_a_history_the_question_is_rewritten_before_it_is_searched_for(shelf, gemini):
    gemini.reply = lambda body: "A tug? [2]" if "<passages>" in str(body) else "What does a tug do?\n"
    chain = build_answer_chain(shelf, make_chat_model(AnswerSettings()))
    asked = {"question": "and what does it do?", "history": [("human", "What is a tug?"), ("ai", "A ship. [1]")]}
    for given in (chain.invoke(asked), await chain.ainvoke(asked)):
        assert given["question"] == "What does a tug do?"
    rewriting, answering = gemini.requests[:2]
    assert "user: What is a tug?\nassistant: A ship. [1]" in str(rewriting.body["contents"][0]["parts"][0]["text"])
    assert "What does a tug do?" in str(answering.body)
    chain.invoke({"question": "what is a tug?", "history": []})
    assert len(gemini.requests) == 5


@pytest.mark.parametrize(
    "history", ["What is a tug?", [5], [("pirate", "What is a tug?")], 7, {"human": "What is a tug?"}, [("human",)]]
)
async def test_what_is_no_history_is_refused(chain, history):
    with pytest.raises(UsageError, match="history as a list of messages"):
        chain.invoke({"question": "tug", "history": history})
    with pytest.raises(UsageError, match="history as a list of messages"):
        await chain.ainvoke({"question": "tug", "history": history})


async def test_a_question_that_comes_in_pieces_is_one(shelf, gemini):
    gemini.reply = lambda body: "A tug tows. [2]" if "<passages>" in str(body) else "What does a tug do?"
    steps = {
        "question": RunnableLambda(lambda given: given["q"]),
        "history": RunnableLambda(lambda given: given["said"]),
    }
    chain = steps | build_answer_chain(shelf, make_chat_model(AnswerSettings()))
    asked = {"q": "and what does it do?", "said": [("human", "What is a tug?"), ("ai", "A ship. [1]")]}
    streamed = list(chain.stream(asked))
    awaited = [piece async for piece in chain.astream(asked)]
    for pieces in (streamed, awaited):
        assert [piece["question"] for piece in pieces if "question" in piece] == ["What does a tug do?"]
        assert "".join(piece.get("answer", "") for piece in pieces) == "A tug tows. [2]"
    events = [event["event"] async for event in chain.astream_events(asked)]
    assert {"on_retriever_end", "on_chat_model_stream"} <= set(events)


def test_words_of_a_streamed_question_are_put_together(chain):
    def words(inputs):
        for given in inputs:
            yield from given.split("|")

    pieces = list((RunnableGenerator(words) | chain).stream("what speed does| a tug tow at?"))
    assert [piece["question"] for piece in pieces if "question" in piece] == ["what speed does a tug tow at?"]


def test_any_chat_model_answers(shelf):
    given = build_answer_chain(shelf, FakeListChatModel(responses=["It tows. [2]"])).invoke("what does a tug do?")
    assert (given["answer"], [cited["source"] for cited in given["citations"]]) == ("It tows. [2]", ["tug.md"])


def test_instructions_take_the_place_of_the_built_in_prompt(shelf, gemini):
    build_answer_chain(shelf, make_chat_model(AnswerSettings()), instructions="Answer as a pirate.").invoke("tug")
    assert gemini.requests[0].body["systemInstruction"]["parts"][0]["text"] == "Answer as a pirate."


def test_without_documents_no_model_is_asked(gemini):
    chain = build_answer_chain(Shelf(documents=[]), make_chat_model(AnswerSettings()))
    given = chain.invoke("예인선은?")
    assert (given["answer"], given["finish_reason"]) == (
        "문서에서 이 질문에 답할 내용을 찾지 못했습니다.",
        "NO_PASSAGES",
    )
    assert gemini.requests == []


def test_a_service_that_refuses_is_named_in_one_line(chain, gemini):
    gemini.expect(gemini_faults.status(403), gemini_faults.status(403))
    with pytest.raises(ServiceError) as failure:
        chain.invoke("tug")
    assert "\n" not in str(failure.value)
    assert gemini.api_key not in str(failure.value)


@pytest.mark.slow
def test_a_quota_that_is_used_up_says_nothing_of_embeddings(chain, gemini):
    gemini.expect(*[gemini_faults.status(429)] * 9)
    with pytest.raises(ServiceError, match="quota per minute is used up.*ask again in a minute") as failure:
        chain.invoke("tug")
    assert "embedding" not in str(failure.value)


@pytest.mark.parametrize("given", ["", {"question": "  "}, {"frage": "tug"}, 7])
def test_what_is_no_question_is_refused(chain, given):
    with pytest.raises(UsageError, match="question"):
        chain.invoke(given)


def test_it_goes_into_other_chains_and_tells_its_types(chain):
    piped = chain | RunnableLambda(lambda given: given["answer"].upper())
    assert piped.invoke("what speed does a tug tow ships at?") == "A TUG TOWS SHIPS AT 12 KNOTS. [2]"
    described = str(chain.get_output_jsonschema())
    assert all(f"'{name}'" in described for name in ("answer", "documents", "citations", "grounded"))
    assert "question" in str(chain.get_input_jsonschema())


def test_a_model_may_be_named_as_in_the_configuration(shelf, gemini):
    given = build_answer_chain(shelf, "google_genai:gemini-3.5-flash").invoke("what speed does a tug tow ships at?")
    assert (given["answer"], given["model"]) == ("A tug tows ships at 12 knots. [2]", "gemini-3.5-flash")
    with pytest.raises(UsageError, match=r"'nowhere:model'"):
        build_answer_chain(shelf, "nowhere:model")
    with pytest.raises(UsageError, match="a LangChain chat model or its name, found 5"):
        build_answer_chain(shelf, 5)


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_as_a_tool_it_takes_the_question(chain):
    tool = chain.as_tool(arg_types={"question": str}, name="ask", description="Answers questions on ships.")
    assert tool.invoke({"question": "what speed does a tug tow ships at?"})["grounded"]
