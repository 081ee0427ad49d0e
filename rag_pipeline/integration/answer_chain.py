"""Retrieval and answer as one LangChain runnable, over any retriever and any chat model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypeAlias

from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, MessageLikeRepresentation, convert_to_messages
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator
from langchain_core.runnables.utils import AddableDict
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from rag_pipeline.answering.answer import Answer
from rag_pipeline.answering.answerer import Answerer
from rag_pipeline.answering.prompt import make_rewriting_messages
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
    citations: list[dict[str, Any]]
    """``number``, ``source``, ``section``, ``quote`` and ``place`` of each passage that the answer cites."""
    problems: list[str]
    """What the check against the passages found."""
    grounded: bool
    """Whether the answer is whole, cites a passage, and the check found nothing."""
    finish_reason: str
    model: str
    usage: dict[str, int]


AnswerChain: TypeAlias = Runnable[AnswerInput | str, AnswerOutput]


def build_answer_chain(
    retriever: BaseRetriever,
    model: BaseChatModel | Answerer | str | None = None,
    *,
    settings: Settings | None = None,
    instructions: str | None = None,
) -> AnswerChain:
    """A runnable that answers questions from what a retriever finds, with numbered citations that are checked.

    Callbacks, tags and metadata of its config reach the retriever and the model, which appear in traces as such;
    ``astream_events`` gives the tokens of the model.

    Args:
        retriever: any; ``source``, ``title`` and ``section`` in the metadata of its documents are shown to the model.
        model: any chat model, or its name as ``answer.model`` of the configuration takes it; None: the one of the
            configuration.
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
                question = answerer.complete(make_rewriting_messages(question, history), config).strip() or question
            documents = retriever.invoke(question, config)
            yield AddableDict(question=question, documents=documents)
            for shown in answerer.stream(question, _passages(documents), config):
                yield _shown(shown)

    async def atransform(inputs: AsyncIterator[Any], config: RunnableConfig) -> AsyncIterator[dict[str, Any]]:
        whole: list[Any] = []
        async for piece in inputs:
            whole = _added(whole, piece)
        for given in whole:
            question, history = _read(given)
            if history:
                rewritten = await answerer.acomplete(make_rewriting_messages(question, history), config)
                question = rewritten.strip() or question
            documents = await retriever.ainvoke(question, config)
            yield AddableDict(question=question, documents=documents)
            async for shown in answerer.astream(question, _passages(documents), config):
                yield _shown(shown)

    # Its annotation knows nothing of the config that it hands over.
    both: Any = (transform, atransform)
    chain: Any = RunnableGenerator(*both, name="answer_chain")
    typed: AnswerChain = chain.with_types(input_type=AnswerInput | str, output_type=AnswerOutput)
    return typed


def make_answerer(
    model: BaseChatModel | Answerer | str | None, settings: Settings | None = None, instructions: str | None = None
) -> Answerer:
    """An answerer from a chat model of the caller's, or the configuration's.

    Raises:
        ConfigurationError: the configuration's model cannot be had.
    """
    if isinstance(model, Answerer):
        return model
    if model is None or isinstance(model, str):
        return Answerer.from_settings(settings or load_settings(), instructions, model)
    if not isinstance(model, BaseChatModel):
        raise UsageError(f"the model of an answer is a LangChain chat model or its name, found {model!r}")
    name = str(getattr(model, "model", None) or getattr(model, "model_name", None) or "chat model")
    provider = "google_genai" if model.get_name() == "ChatGoogleGenerativeAI" else model.get_name()
    return Answerer(model, f"{provider}:{name.removeprefix('models/')}", instructions, getattr(model, "base_url", None))


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


def _shown(piece: str | Answer) -> dict[str, Any]:
    if isinstance(piece, str):
        return AddableDict(answer=piece)
    rest = piece.as_dict()
    return AddableDict({name: value for name, value in rest.items() if name != "text"})
