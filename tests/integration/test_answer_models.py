"""The answer chain over models of the caller's: what is around them, what they fail with, what they leave unsaid."""

from __future__ import annotations

import traceback

import pytest
from google.oauth2.credentials import Credentials
from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel, SimpleChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableLambda
from langchain_google_genai import ChatGoogleGenerativeAI

from rag_pipeline import build_answer_chain
from rag_pipeline.errors import RagPipelineError, ServiceError, UsageError
from rag_pipeline.testing import gemini_faults
from tests.integration.test_answer_chain import Shelf

# Of the SDK, which takes aiohttp for async calls of a model that it has made itself, and is not done with it.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:coroutine 'ClientResponse.json' was never awaited:RuntimeWarning"),
]

QUESTION = "what speed does a tug tow ships at?"
ANSWER = "A tug tows ships at 12 knots. [1]"
HISTORY = [("human", "What is a tug?"), ("ai", "A ship. [1]")]


class Failing(SimpleChatModel):
    """Someone's model that is out of order."""

    said: str = "out of order"
    _llm_type = "failing"

    def _call(self, *_arguments, **_options):
        raise RuntimeError(self.said)


@pytest.fixture
def shelf():
    return Shelf(documents=[Document("A tug tows ships at 12 knots.", metadata={"source": "tug.md"})])


@pytest.fixture
async def own_model(gemini, monkeypatch):
    """A model with a key of the caller's, and none in the environment."""
    for name in gemini.environment:
        monkeypatch.delenv(name)
    gemini.api_key = "made-up-key-of-the-caller"
    made = []

    def make(**fields):
        fields = {"google_api_key": gemini.api_key, "base_url": gemini.url, "max_retries": 1, **fields}
        made.append(ChatGoogleGenerativeAI(model="gemini-3.5-flash", **fields))
        return made[-1]

    yield make
    for model in made:
        await model.client.aio.aclose()
        model.client.close()


async def asked_in_every_way(chain, question=QUESTION):
    """What the chain gives at once, and put together from its pieces, sync and async."""
    streamed = awaited = None
    for piece in chain.stream(question):
        streamed = piece if streamed is None else streamed + piece
    async for piece in chain.astream(question):
        awaited = piece if awaited is None else awaited + piece
    return [chain.invoke(question), await chain.ainvoke(question), chain.batch([question])[0], streamed, awaited]


@pytest.mark.parametrize(
    ("fault", "reason", "said"),
    [
        (gemini_faults.blocked_prompt(times=None), "SAFETY", "gave no answer: SAFETY"),
        (gemini_faults.finish("SAFETY", times=None), "SAFETY", "gave no answer: SAFETY"),
        (gemini_faults.finish("MAX_TOKENS", times=None), "MAX_TOKENS", "used up before any text came"),
        (
            gemini_faults.finish("MALFORMED_FUNCTION_CALL", times=None),
            "MALFORMED_FUNCTION_CALL",
            "gave no answer: MALF",
        ),
        (gemini_faults.finish("STOP", " \n ", times=None), "STOP", "sent an empty answer"),
        (gemini_faults.empty(times=None), "STOP", "sent an empty answer"),
        (gemini_faults.no_candidate(times=None), "STOP", "sent an empty answer"),
    ],
    ids=["blocked", "safety", "tokens", "call", "blank", "empty", "no candidate"],
)
async def test_without_a_text_there_is_an_empty_answer_and_the_problem_is_named(shelf, gemini, fault, reason, said):
    gemini.expect(fault)
    chain = build_answer_chain(shelf)
    for question in (QUESTION, {"question": QUESTION, "history": HISTORY}):
        for given in await asked_in_every_way(chain, question):
            assert (given["answer"], given["finish_reason"], given["grounded"]) == ("", reason, False)
            assert len(given["problems"]) == 1
            assert said in given["problems"][0]
            assert given["question"] == QUESTION
            assert given["documents"] == shelf.documents
    # The conversation goes on with it.
    gemini.forget()
    history = [*HISTORY, ("human", QUESTION), ("ai", given["answer"])]
    gemini.reply = lambda body: ANSWER if "<passages>" in str(body) else QUESTION
    assert chain.invoke({"question": "and now?", "history": history})["answer"] == ANSWER


def test_an_answer_that_is_cut_off_says_so_among_its_problems(shelf, gemini):
    gemini.expect(gemini_faults.finish("MAX_TOKENS", "A tug tows [1]"))
    given = build_answer_chain(shelf).invoke(QUESTION)
    assert given["answer"] == "A tug tows [1]"
    assert "cut off at the limit of tokens" in given["problems"][0]


async def test_half_a_rewritten_question_is_not_asked(shelf, gemini):
    cut = gemini_faults.finish("MAX_TOKENS", "what speed", times=2, when=lambda body: "<passages>" not in str(body))
    gemini.expect(cut)
    chain = build_answer_chain(shelf)
    asked = {"question": QUESTION, "history": HISTORY}
    assert chain.invoke(asked)["question"] == QUESTION
    assert (await chain.ainvoke(asked))["question"] == QUESTION


async def test_a_model_that_sends_nothing_at_all_or_calls_a_tool_has_given_no_answer(shelf):
    class Silent(GenericFakeChatModel):
        def _stream(self, *_arguments, **_options):
            yield from ()

    call = {"name": "search", "args": {}, "id": "1"}
    calling = RunnableLambda(lambda _: AIMessage("", tool_calls=[call]))
    for model, said in ((Silent(messages=iter([])), "sent an empty answer"), (calling, "called a tool in place of")):
        for given in await asked_in_every_way(build_answer_chain(shelf, model)):
            assert given["answer"] == ""
            assert said in given["problems"][0]


@pytest.mark.parametrize("env", [None, "made-up-other-key"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (gemini_faults.status(429, "spent", quota="GenerateRequestsPerDay", times=None), "quota per day is used up"),
        (gemini_faults.status(503, "overloaded", times=None), "answered 503 UNAVAILABLE: overloaded"),
        (
            gemini_faults.status(400, "key made-up-key-of-the-caller is bad", reason="API_KEY_INVALID", times=None),
            "refused the API key from the chat model that was given: key *** is bad",
        ),
        (gemini_faults.status(400, "x" * 290 + "made-up-key-of-the-caller", times=None), "refused the request (400"),
        (gemini_faults.status(404, times=None), "no model 'gemini-3.5-flash' for this key"),
        (gemini_faults.cut(times=None), "cannot be reached"),
    ],
    ids=["quota", "busy", "key", "long", "model", "cut"],
)
async def test_a_failure_of_the_callers_own_model_is_named_and_its_key_is_not(
    shelf, gemini, own_model, monkeypatch, fault, said, env
):
    if env:
        monkeypatch.setenv("GOOGLE_API_KEY", env)
    plain = own_model()
    gemini.expect(fault)
    for model in (plain, plain.bind(temperature=0), plain.with_config(tags=["x"]), plain.with_fallbacks([own_model()])):
        chain = build_answer_chain(shelf, model)
        for question in (QUESTION, {"question": "it?", "history": HISTORY}):
            for ask in (chain.invoke, chain.ainvoke):
                with pytest.raises(ServiceError) as failed:
                    done = ask(question)
                    await done if ask == chain.ainvoke else None
                assert said in str(failed.value)
                shown = "".join(traceback.format_exception(failed.value))
                assert "made-up" not in shown
                assert "GOOGLE_API_KEY" not in shown


def test_a_model_made_with_the_key_of_the_environment_says_which(shelf, gemini):
    model = ChatGoogleGenerativeAI(model="gemini-3.5-flash", base_url=gemini.url, max_retries=1)
    gemini.expect(gemini_faults.status(403, "denied", times=None))
    with pytest.raises(ServiceError, match="refused the API key from GOOGLE_API_KEY: denied"):
        build_answer_chain(shelf, model).invoke(QUESTION)
    model.client.close()


def test_a_model_within_another_class_is_not_blamed_on_the_key_of_the_environment(
    shelf, gemini, own_model, monkeypatch
):
    class Within(SimpleChatModel):
        inner: ChatGoogleGenerativeAI
        _llm_type = "within"

        def _call(self, messages, *_arguments, **_options):
            return self.inner.invoke(messages).text

    monkeypatch.setenv("GOOGLE_API_KEY", "made-up-other-key")
    chain = build_answer_chain(shelf, Within(inner=own_model()))
    assert chain.invoke(QUESTION)["answer"] == ANSWER
    gemini.expect(gemini_faults.status(403, f"{gemini.api_key} is denied", times=None))
    with pytest.raises(ServiceError) as failed:
        chain.invoke(QUESTION)
    assert "refused the API key from the chat model that was given: *** is denied" in str(failed.value)


def test_vertex_ai_is_named_and_its_token_is_not_shown(shelf, gemini, own_model):
    token = "made-up-token-of-the-caller"
    model = own_model(vertexai=True, google_api_key=None, project="p", location="l", credentials=Credentials(token))
    with pytest.raises(ServiceError, match="^Vertex AI has no model 'gemini-3.5-flash' in this project and location"):
        build_answer_chain(shelf, model).invoke(QUESTION)
    assert gemini.requests[-1].headers["authorization"] == f"Bearer {token}"

    said = f"refused {token} and made-up-key-of-the-caller"
    echoing = Failing(said=said).with_fallbacks([model]).bind(api_key="made-up-key-of-the-caller")
    with pytest.raises(ServiceError) as failed:
        build_answer_chain(shelf, echoing).invoke(QUESTION)
    assert str(failed.value) == "Failing:chat model failed: RuntimeError: refused *** and ***"


async def test_models_with_fallbacks_retries_arguments_and_config_answer(shelf, gemini, own_model):
    plain = own_model()
    models = [
        plain.bind(stop=["§"]),
        plain.with_config(run_name="mine", tags=["x"]),
        Failing().with_fallbacks([plain]),
        plain.with_retry(stop_after_attempt=2),
        plain.bind(stop=["§"]).with_retry().with_config(tags=["x"]).with_fallbacks([plain]),
        plain | StrOutputParser(),
        plain.bind_tools([]),
        plain.configurable_fields(temperature=ConfigurableField("heat")),
    ]
    for model in models:
        for given in await asked_in_every_way(build_answer_chain(shelf, model)):
            assert (given["answer"], given["grounded"]) == (ANSWER, True)
            assert given["model"] in ("gemini-3.5-flash", "google_genai:gemini-3.5-flash")
    assert "stopSequences" in str(gemini.requests[0].body)


async def test_a_model_that_retries_does_so_in_the_chain(shelf, gemini, own_model):
    chain = build_answer_chain(shelf, own_model().with_retry(wait_exponential_jitter=False, stop_after_attempt=3))
    for fault in (gemini_faults.status(503, times=2), gemini_faults.cut(times=2)):
        gemini.forget()
        gemini.expect(fault)
        assert chain.invoke(QUESTION)["answer"] == ANSWER
        gemini.expect(gemini_faults.status(503, times=2))
        assert (await chain.ainvoke({"question": QUESTION, "history": HISTORY}))["answer"] == ANSWER
    gemini.expect(gemini_faults.status(503, "overloaded", times=None))
    with pytest.raises(ServiceError, match="answered 503 UNAVAILABLE: overloaded"):
        chain.invoke(QUESTION)


def test_what_is_no_model_is_refused(shelf, own_model):
    for given in (5, shelf, ChatPromptTemplate.from_messages([("human", "{question}")]), object()):
        with pytest.raises(UsageError, match="a LangChain chat model or its name"):
            build_answer_chain(shelf, given)
    parsing = own_model() | RunnableLambda(lambda message: {"said": message.text})
    with pytest.raises(RagPipelineError, match="gave dict in place of a message"):
        build_answer_chain(shelf, parsing).invoke(QUESTION)
