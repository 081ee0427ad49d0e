"""Retrieval and answer as one LangChain runnable, over any retriever and any chat model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypeAlias

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, MessageLikeRepresentation, convert_to_messages
from langchain_core.prompts import BasePromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator
from langchain_core.runnables.utils import AddableDict
from langchain_core.tools import BaseTool
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from rag_pipeline.answering.answer import Answer
from rag_pipeline.answering.answerer import Answerer
from rag_pipeline.answering.given_model import ChatModel, is_gemini_model, model_name, models_in
from rag_pipeline.config import Settings, load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.passages import Passage

_SHOWN = 80


class AnswerInput(TypedDict):
    """What the chain takes; a plain string is the question alone."""

    question: str
    history: NotRequired[Sequence[MessageLikeRepresentation]]
    """The conversation before, without the question. With it the question is first rewritten to stand alone."""


class AnswerOutput(TypedDict):
    """What the chain gives. It streams ``question``, ``documents``, then ``answer`` piece by piece, then the rest."""

    question: str
    """As it was searched for: rewritten where there is a history."""
    documents: list[Document]
    """In the order of their numbers in the answer, from 1."""
    answer: str
    """Empty where the model sent no text; ``finish_reason`` and ``problems`` then say why."""
    citations: list[dict[str, Any]]
    """``number``, ``source``, ``section``, ``quote`` and ``place`` of each passage that the answer cites."""
    problems: list[str]
    """Why there is no text, or not all of it, and what the check against the passages found."""
    grounded: bool
    """Whether the answer is whole, cites a passage, and the check found nothing."""
    finish_reason: str
    model: str
    usage: dict[str, int]


AnswerChain: TypeAlias = Runnable[AnswerInput | str, AnswerOutput]


def build_answer_chain(
    retriever: BaseRetriever,
    model: ChatModel | Answerer | str | None = None,
    *,
    settings: Settings | None = None,
    instructions: str | None = None,
) -> AnswerChain:
    """A runnable that answers questions from what a retriever finds, with numbered citations that are checked.

    Callbacks, tags and metadata of its config reach the retriever and the model, which appear in traces as such;
    ``astream_events`` gives the tokens of the model.

    Args:
        retriever: any; ``source``, ``title`` and ``section`` in the metadata of its documents are shown to the model.
        model: any chat model, also one with fallbacks, retries, bound arguments or a config around it
            (``with_fallbacks``, ``with_retry``, ``bind``, ``with_config``; one that retries gives its answer in one
            piece), or its name as ``answer.model`` of the configuration takes it; None: the one of the configuration.
        settings: the configuration, where no model or only its name is given; None: as the commands find it.
        instructions: what the model is told before the passages, in place of the built-in prompt.

    Raises:
        ConfigurationError: the configuration's model cannot be had.
    """
    answerer = make_answerer(model, settings, instructions)

    def transform(inputs: Iterator[Any], config: RunnableConfig) -> Iterator[dict[str, Any]]:
        whole: list[Any] = []
        for piece in inputs:
            whole = _added(whole, piece)
        for given in whole:
            question, history = _read(given)
            if history:
                question = answerer.rewrite(question, history, config)
            documents = retriever.invoke(question, config)
            yield AddableDict(question=question, documents=documents)
            begun = False
            for shown in answerer.stream(question, _passages(documents), config):
                yield _shown(shown, begun=begun)
                begun = True

    async def atransform(inputs: AsyncIterator[Any], config: RunnableConfig) -> AsyncIterator[dict[str, Any]]:
        whole: list[Any] = []
        async for piece in inputs:
            whole = _added(whole, piece)
        for given in whole:
            question, history = _read(given)
            if history:
                question = await answerer.arewrite(question, history, config)
            documents = await retriever.ainvoke(question, config)
            yield AddableDict(question=question, documents=documents)
            begun = False
            async for shown in answerer.astream(question, _passages(documents), config):
                yield _shown(shown, begun=begun)
                begun = True

    # Its annotation knows nothing of the config that it hands over.
    both: Any = (transform, atransform)
    chain: Any = RunnableGenerator(*both, name="answer_chain")
    typed: AnswerChain = chain.with_types(input_type=AnswerInput | str, output_type=AnswerOutput)
    return typed


def make_answerer(
    model: ChatModel | Answerer | str | None, settings: Settings | None = None, instructions: str | None = None
) -> Answerer:
    """An answerer from a chat model of the caller's, or the configuration's.

    Raises:
        ConfigurationError: the configuration's model cannot be had.
    """
    if isinstance(model, Answerer):
        return model
    if model is None or isinstance(model, str):
        return Answerer.from_settings(settings or load_settings(), instructions, model)
    if not isinstance(model, Runnable) or isinstance(model, BaseRetriever | BaseTool | BasePromptTemplate):
        raise UsageError(f"the model of an answer is a LangChain chat model or its name, found {model!r}")
    first = models_in(model)[0]
    provider = "google_genai" if is_gemini_model(first) else type(first).__name__
    return Answerer(model, f"{provider}:{model_name(first) or 'chat model'}", instructions)


def _added(before: list[Any], piece: Any) -> list[Any]:
    """The input so far, none or one, with its next piece, as LangChain's runnables put a streamed input together."""
    if not before:
        return [piece]
    try:
        return [before[0] + piece]
    except TypeError:
        return [piece]


def _read(given: Any) -> tuple[str, list[Any]]:
    if isinstance(given, str):
        return _checked(given), []
    if isinstance(given, Mapping) and isinstance(given.get("question"), str):
        return _checked(given["question"]), _history(given.get("history"))
    raise UsageError("the chain takes a question as a string, or {'question': …, 'history': [messages]}")


def _history(given: Any) -> list[BaseMessage]:
    try:
        if isinstance(given, str | Mapping):
            raise TypeError
        return convert_to_messages(given or [])
    except (TypeError, ValueError, NotImplementedError, AttributeError, KeyError):
        found = repr(given)
        raise UsageError(
            "the chain takes the history as a list of messages, such as [('human', '…'), ('ai', '…')]; found"
            f" {found[:_SHOWN] + '…' if len(found) > _SHOWN else found}"
        ) from None


def _checked(question: str) -> str:
    if not question.strip():
        raise UsageError("the question is empty")
    return question.strip()


def _passages(documents: Sequence[Document]) -> list[Passage]:
    return [Passage.from_document(document, rank) for rank, document in enumerate(documents, start=1)]


def _shown(piece: str | Answer, *, begun: bool) -> dict[str, Any]:
    if isinstance(piece, str):
        return AddableDict(answer=piece)
    rest = {name: value for name, value in piece.as_dict().items() if name != "text"}
    if piece.failure_reason is not None:
        rest["problems"] = [piece.failure_reason, *rest["problems"]]
    return AddableDict(rest) if begun else AddableDict(answer="", **rest)
