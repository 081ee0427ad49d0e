"""A question and its passages, put to a chat model; its reply, checked."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.runnables import RunnableConfig

from rag_pipeline import forking
from rag_pipeline.answering.answer import CONNECTION_LOST, NO_PASSAGES, STOP, TOOL_CALLS, Answer, normal_reason
from rag_pipeline.answering.chat_model import is_gemini, make_chat_model
from rag_pipeline.answering.checking import check_answer
from rag_pipeline.answering.failures import describe_failure
from rag_pipeline.answering.given_model import ChatModel, as_chunk, tries_again
from rag_pipeline.answering.pieces import close, one_piece, pumped
from rag_pipeline.answering.prompt import make_messages, make_rewriting_messages
from rag_pipeline.config import Settings
from rag_pipeline.errors import RagPipelineError, ServiceError
from rag_pipeline.gemini.api_key import find_base_url
from rag_pipeline.passages import Passage

_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]")
_NOTHING_FOUND = {
    True: "문서에서 이 질문에 답할 내용을 찾지 못했습니다.",
    False: "The documents hold nothing that answers this question.",
}


class Answerer:
    """Answers questions from passages.

    Args:
        model: any LangChain chat model, also with fallbacks, retries, bound arguments or a config around it.
        name: how the model is called in the configuration, for answers and errors.
        instructions: what it is told before the passages; None: :data:`rag_pipeline.answering.prompt.INSTRUCTIONS`.
        base_url: where it is called, for errors.
    """

    def __init__(
        self, model: ChatModel, name: str, instructions: str | None = None, base_url: str | None = None
    ) -> None:
        self._given: ChatModel | None = model
        self._make: Callable[[], ChatModel] | None = None
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
    def _model(self) -> ChatModel:
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
        return str((await self._ainvoke(messages, config)).text)

    def rewrite(self, question: str, history: Sequence[BaseMessage], config: RunnableConfig | None = None) -> str:
        """The question so that it stands without the conversation before; as it is, where no whole one comes back.

        Raises:
            ServiceError: the model cannot be reached, or refuses.
        """
        return _rewritten(self._invoke(make_rewriting_messages(question, history), config)) or question

    async def arewrite(
        self, question: str, history: Sequence[BaseMessage], config: RunnableConfig | None = None
    ) -> str:
        """As :meth:`rewrite`, without holding up the event loop."""
        return _rewritten(await self._ainvoke(make_rewriting_messages(question, history), config)) or question

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

    def _invoke(self, messages: Sequence[BaseMessage], config: RunnableConfig | None = None) -> AIMessageChunk:
        model = self._model
        try:
            return self._piece(model.invoke(list(messages), config))
        except Exception as error:
            failure = self._failure(error, model)
        # Outside of the handler: what the libraries raise holds the request, headers and all.
        raise failure

    async def _ainvoke(self, messages: Sequence[BaseMessage], config: RunnableConfig | None = None) -> AIMessageChunk:
        model = self._model
        try:
            return self._piece(await model.ainvoke(list(messages), config))
        except Exception as error:
            failure = self._failure(error, model)
        raise failure

    def stream(
        self, question: str, passages: Sequence[Passage], config: RunnableConfig | None = None
    ) -> Generator[str | Answer, None, None]:
        """The answer as it comes: pieces of its text, and at the end the whole, checked :class:`Answer`.

        Whoever has heard enough closes the generator, which ends the model's request.

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
        coming, failure, model = _Coming(), None, self._model
        messages = make_messages(question, passages, self._instructions)
        # LangChain tries whole calls again, but no stream.
        chunks = iter([self._invoke(messages, config)]) if tries_again(model) else model.stream(messages, config)
        try:
            while True:
                try:
                    chunk = next(chunks, None)
                    text = coming.take(None if chunk is None else self._piece(chunk))
                except Exception as error:
                    failure = None if _is_empty(error) else self._failure(error, model)
                    break
                if chunk is None:
                    break
                if text:
                    yield text
        finally:
            close(chunks)
        yield self._end(coming, failure, question, passages)

    async def astream(
        self, question: str, passages: Sequence[Passage], config: RunnableConfig | None = None
    ) -> AsyncGenerator[str | Answer, None]:
        """As :meth:`stream`, without holding up the event loop."""
        if not passages:
            nothing = self._nothing(question)
            yield nothing.text
            yield nothing
            return
        coming, failure, model = _Coming(), None, self._model
        messages = make_messages(question, passages, self._instructions)
        if tries_again(model):
            chunks = one_piece(await self._ainvoke(messages, config))
        else:
            chunks = pumped(model.astream(messages, config))
        try:
            while True:
                try:
                    chunk = await anext(chunks, None)
                    text = coming.take(None if chunk is None else self._piece(chunk))
                except Exception as error:
                    failure = None if _is_empty(error) else self._failure(error, model)
                    break
                if chunk is None:
                    break
                if text:
                    yield text
        finally:
            await chunks.aclose()
        yield self._end(coming, failure, question, passages)

    def _end(
        self, coming: _Coming, failure: RagPipelineError | None, question: str, passages: Sequence[Passage]
    ) -> Answer:
        if failure is not None and not coming.begun:
            raise failure
        # A model that sends nothing at all has sent an empty answer.
        return self._finish(coming.whole or AIMessageChunk(content=""), question, passages, lost=failure is not None)

    def _finish(
        self, message: AIMessageChunk, question: str, passages: Sequence[Passage], *, lost: bool = False
    ) -> Answer:
        text = str(message.text).strip()
        metadata = message.response_metadata
        reason = CONNECTION_LOST if lost else _reason(metadata)
        if reason == STOP and not text and (message.tool_calls or message.invalid_tool_calls):
            reason = TOOL_CALLS
        citations, problems = check_answer(text, question, passages)
        usage = message.usage_metadata
        counted = {} if usage is None else {name: usage[name] for name in _USAGE}  # type: ignore[literal-required]
        return Answer(text, citations, str(metadata.get("model_name") or self._name), counted, reason, problems)

    def _nothing(self, question: str) -> Answer:
        """Without passages there is nothing to ask a model."""
        text = _NOTHING_FOUND[bool(_HANGUL.search(question))]
        return Answer(text, [], self._name, {}, NO_PASSAGES)

    def _piece(self, said: Any) -> AIMessageChunk:
        if said is None:
            raise ServiceError(f"{self._name} sent nothing")
        return as_chunk(said, self._name)

    def _failure(self, error: Exception, model: ChatModel) -> RagPipelineError:
        return describe_failure(error, model, self._name, self._base_url)


class _Coming:
    """An answer on its way."""

    def __init__(self) -> None:
        self.whole: AIMessageChunk | None = None
        self.begun = False
        """Whether any text has come, other than white space."""

    def take(self, piece: AIMessageChunk | None) -> str:
        """The text of one more piece that is to be shown: none before the answer begins."""
        if piece is None:
            return ""
        self.whole = piece if self.whole is None else self.whole + piece
        text = str(piece.text)
        if not self.begun:
            text = text.lstrip()
            self.begun = bool(text)
        return text


_USAGE = ("input_tokens", "output_tokens", "total_tokens")
# LangChain's words for a stream that ended without a single piece.
_NO_PIECES = ("No generation chunks were returned", "No generations found in stream")


def _is_empty(error: Exception) -> bool:
    return isinstance(error, ValueError) and str(error).startswith(_NO_PIECES)


def _rewritten(message: AIMessageChunk) -> str:
    """A rewritten question; empty where it was cut off or blocked, for half a question asks something else."""
    return str(message.text).strip() if _reason(message.response_metadata) == STOP else ""


def _reason(metadata: dict[str, Any]) -> str:
    """Why a model stopped, from where each provider puts it; Gemini blocks a whole prompt in another place."""
    feedback = metadata.get("prompt_feedback") or {}
    blocked = feedback.get("block_reason") if isinstance(feedback, dict) else None
    if blocked:
        return normal_reason(str(getattr(blocked, "value", blocked)))
    reason = metadata.get("finish_reason") or metadata.get("stop_reason") or metadata.get("done_reason")
    return normal_reason(str(reason)) if reason else STOP
