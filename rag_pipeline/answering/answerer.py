"""A question and its passages, put to a chat model; its reply, checked."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import RunnableConfig

from rag_pipeline import forking
from rag_pipeline.answering.answer import CONNECTION_LOST, NO_PASSAGES, STOP, Answer, normal_reason
from rag_pipeline.answering.chat_model import is_gemini, make_chat_model
from rag_pipeline.answering.checking import check_answer
from rag_pipeline.answering.prompt import make_messages
from rag_pipeline.config import Settings
from rag_pipeline.errors import ServiceError
from rag_pipeline.gemini.api_key import ApiKey, find_api_key, find_base_url
from rag_pipeline.gemini.failures import GeminiError, read_failure
from rag_pipeline.passages import Passage

_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]")
_NOTHING_FOUND = {
    True: "문서에서 이 질문에 답할 내용을 찾지 못했습니다.",
    False: "The documents hold nothing that answers this question.",
}


class Answerer:
    """Answers questions from passages.

    Args:
        model: any LangChain chat model.
        name: how the model is called in the configuration, for answers and errors.
        instructions: what it is told before the passages; None: :data:`rag_pipeline.answering.prompt.INSTRUCTIONS`.
        base_url: where it is called, for errors.
    """

    def __init__(
        self, model: BaseChatModel, name: str, instructions: str | None = None, base_url: str | None = None
    ) -> None:
        self._given: BaseChatModel | None = model
        self._make: Callable[[], BaseChatModel] | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()
        forking.renew_locks(self)
        self._name = name
        self._instructions = instructions
        self._base_url = base_url

    @classmethod
    def from_settings(cls, settings: Settings, instructions: str | None = None, model: str | None = None) -> Answerer:
        """The chat model and the prompt of a configuration, or others in their place.

        Raises:
            ConfigurationError: see :func:`rag_pipeline.answering.make_chat_model`.
        """
        answer = settings.answer if model is None else settings.answer.model_copy(update={"model": model})
        base_url = find_base_url(answer.base_url) if is_gemini(answer.model) else answer.base_url
        answerer = cls(make_chat_model(answer), answer.model, instructions or answer.prompt, base_url)
        answerer._make = lambda: make_chat_model(answer)
        return answerer

    @property
    def model(self) -> str:
        """The model's name."""
        return self._name

    def close(self) -> None:
        """Close the connections of a Gemini model that was made here; who asks afterwards opens them again."""
        if self._make is None or not is_gemini(self._name):
            return  # the caller's, or another provider's, who has no way to close them
        with self._lock:
            model, self._given = self._given, None
        client = getattr(model, "client", None)
        if client is not None:
            client.close()

    @property
    def _model(self) -> BaseChatModel:
        with self._lock:
            if self._make is not None and self._process != os.getpid():
                forking.keep(self._given)  # its connections are the parent's
                self._given, self._process = None, os.getpid()
            if self._given is None:
                assert self._make is not None
                self._given = self._make()
            return self._given

    def complete(self, messages: Sequence[BaseMessage], config: RunnableConfig | None = None) -> str:
        """What the model says to messages of the caller's own.

        Raises:
            ServiceError: the model cannot be reached, or refuses.
        """
        return str(self._invoke(messages, config).text)

    async def acomplete(self, messages: Sequence[BaseMessage], config: RunnableConfig | None = None) -> str:
        """As :meth:`complete`, without holding up the event loop."""
        message = failure = None
        model = self._model
        try:
            message = await model.ainvoke(list(messages), config)
        except Exception as error:
            failure = self._failure(error)
        if failure is not None:
            raise failure
        return str(message.text) if message is not None else ""

    def answer(self, question: str, passages: Sequence[Passage], config: RunnableConfig | None = None) -> Answer:
        """The answer, all at once.

        Args:
            question: the question.
            passages: what it is answered from, numbered from 1 in this order.
            config: callbacks, tags and the like for the chat model.

        Raises:
            ServiceError: the model cannot be reached, or refuses.
        """
        if not passages:
            return self._nothing(question)
        message = self._invoke(make_messages(question, passages, self._instructions), config)
        return self._finish(message, question, passages)

    async def aanswer(self, question: str, passages: Sequence[Passage], config: RunnableConfig | None = None) -> Answer:
        """As :meth:`answer`, without holding up the event loop."""
        async for piece in self.astream(question, passages, config):
            if isinstance(piece, Answer):
                return piece
        raise ServiceError(f"{self._name} sent nothing")

    def _invoke(self, messages: Sequence[BaseMessage], config: RunnableConfig | None = None) -> AIMessage:
        message = failure = None
        model = self._model
        try:
            message = model.invoke(list(messages), config)
        except Exception as error:
            failure = self._failure(error)
        # Outside of the handler: what the libraries raise holds the request, headers and all.
        if failure is not None:
            raise failure
        if message is None:
            raise ServiceError(f"{self._name} sent nothing")
        return message

    def stream(
        self, question: str, passages: Sequence[Passage], config: RunnableConfig | None = None
    ) -> Iterator[str | Answer]:
        """The answer as it comes: pieces of its text, and at the end the whole, checked :class:`Answer`.

        Args:
            question: the question.
            passages: what it is answered from, numbered from 1 in this order.
            config: callbacks, tags and the like for the chat model.

        Raises:
            ServiceError: the model cannot be reached, or refuses; a connection that is lost after some text came ends
                the answer instead, with the finish reason ``CONNECTION_LOST``.
        """
        if not passages:
            nothing = self._nothing(question)
            yield nothing.text
            yield nothing
            return
        whole: AIMessageChunk | None = None
        failure = None
        chunks = self._model.stream(make_messages(question, passages, self._instructions), config)
        while failure is None:
            try:
                chunk = next(chunks, None)
            except Exception as error:
                failure = self._failure(error)
                break
            if chunk is None:
                break
            whole = chunk if whole is None else whole + chunk
            if chunk.text:
                yield str(chunk.text)
        yield self._end(whole, failure, question, passages)

    async def astream(
        self, question: str, passages: Sequence[Passage], config: RunnableConfig | None = None
    ) -> AsyncIterator[str | Answer]:
        """As :meth:`stream`, without holding up the event loop."""
        if not passages:
            nothing = self._nothing(question)
            yield nothing.text
            yield nothing
            return
        whole: AIMessageChunk | None = None
        failure = None
        chunks = self._model.astream(make_messages(question, passages, self._instructions), config)
        while failure is None:
            try:
                chunk = await anext(chunks, None)
            except Exception as error:
                failure = self._failure(error)
                break
            if chunk is None:
                break
            whole = chunk if whole is None else whole + chunk
            if chunk.text:
                yield str(chunk.text)
        yield self._end(whole, failure, question, passages)

    def _end(
        self, whole: AIMessageChunk | None, failure: ServiceError | None, question: str, passages: Sequence[Passage]
    ) -> Answer:
        if failure is not None and (whole is None or not whole.text):
            raise failure
        if whole is None:
            raise ServiceError(f"{self._name} sent nothing")
        return self._finish(whole, question, passages, lost=failure is not None)

    def _finish(self, message: AIMessage, question: str, passages: Sequence[Passage], *, lost: bool = False) -> Answer:
        text = str(message.text).strip()
        metadata = message.response_metadata
        reason = CONNECTION_LOST if lost else _reason(metadata)
        citations, problems = check_answer(text, question, passages)
        usage = message.usage_metadata
        counted = {} if usage is None else {name: usage[name] for name in _USAGE}  # type: ignore[literal-required]
        return Answer(text, citations, str(metadata.get("model_name") or self._name), counted, reason, problems)

    def _nothing(self, question: str) -> Answer:
        """Without passages there is nothing to ask a model."""
        text = _NOTHING_FOUND[bool(_HANGUL.search(question))]
        return Answer(text, [], self._name, {}, NO_PASSAGES)

    def _failure(self, error: Exception) -> ServiceError:
        """Any error of a chat model in words; the key, where there is one, is masked."""
        if is_gemini(self._name):
            key = find_api_key()
            for cause in _causes(error):
                model = self._name.rpartition(":")[2]
                failure = read_failure(cause, model=model, key=key, base_url=self._base_url, paced=False)
                if isinstance(failure, GeminiError):
                    return failure
            return ServiceError(f"{self._name} failed: {_said(error, key)}")
        return ServiceError(f"{self._name} failed: {_said(error, None)}")


_USAGE = ("input_tokens", "output_tokens", "total_tokens")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _said(error: Exception, key: ApiKey | None) -> str:
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return key.scrub(text) if key else text


def _reason(metadata: dict[str, Any]) -> str:
    """Why a model stopped, from where each provider puts it; Gemini blocks a whole prompt in another place."""
    feedback = metadata.get("prompt_feedback") or {}
    blocked = feedback.get("block_reason") if isinstance(feedback, dict) else None
    if blocked:
        return normal_reason(str(getattr(blocked, "value", blocked)))
    reason = metadata.get("finish_reason") or metadata.get("stop_reason") or metadata.get("done_reason")
    return normal_reason(str(reason)) if reason else STOP
