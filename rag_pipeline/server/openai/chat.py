"""``/v1/chat/completions``: a collection answers as if it were a chat model, and cites what it is from."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from rag_pipeline.answering import Answer
from rag_pipeline.retrieval.questions import check_question
from rag_pipeline.server.asking import pieces, told
from rag_pipeline.server.openai.embeddings import unknown_model
from rag_pipeline.server.problems import Json, ProblemError, dump
from rag_pipeline.server.requests import LONGEST_QUESTION, Turn
from rag_pipeline.server.searching import shown
from rag_pipeline.server.service import Search, Service, service_of
from rag_pipeline.server.streams import Stream

if TYPE_CHECKING:
    from rag_pipeline.answering import Answerer
    from rag_pipeline.passages import Passage

router = APIRouter(prefix="/v1")

_MOST_MESSAGES = 1000
_CITATION = re.compile(r"\[(\d{1,4})\]")
# What follows of a conversation is what the rewriting looks at.
_LAST_TURNS = 10
_REASONS = {"STOP": "stop", "NO_PASSAGES": "stop", "MAX_TOKENS": "length", "CONNECTION_LOST": "length"}
# Without a text, these are failures rather than refusals.
_FAILURES = frozenset({"STOP", "CONNECTION_LOST", "TOOL_CALLS", "MAX_TOKENS"})


class Part(BaseModel):
    """A part of a message."""

    type: str
    text: str = ""


class Message(BaseModel):
    """What somebody said."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """Its text."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream is to hold besides."""

    include_usage: bool | None = None


class ChatBody(BaseModel):
    """A conversation; what else OpenAI's clients send is let be, for the configuration says how it is answered."""

    model: str = Field(max_length=4096)
    """A collection, or several joined by commas."""
    messages: list[Message] = Field(min_length=1, max_length=_MOST_MESSAGES)
    """The last one is the question. Instructions of the client are not followed: the prompt is the server's."""
    stream: bool | None = False
    stream_options: StreamOptions | None = None


@router.post("/chat/completions")
async def chat(request: Request, body: ChatBody) -> Response:
    """An answer from the collection that is named as the model."""
    service = service_of(request)
    names = [name for name in body.model.split(",") if name]
    known = await asyncio.to_thread(service.collections.names)
    if not names or not set(names) <= set(known):
        raise unknown_model(body.model)
    said = [message for message in body.messages if message.role in ("user", "assistant")]
    if not said or said[-1].role != "user":
        raise ProblemError(400, "no_question", "the last message is to be the user's question")
    if len(said[-1].text) > LONGEST_QUESTION:
        raise ProblemError(400, "too_long", f"the question is longer than {LONGEST_QUESTION:,} characters")
    with service.named():
        question = check_question(said[-1].text)
        answerer = await asyncio.to_thread(service.answerer)
    turns = [
        Turn(role="user" if one.role == "user" else "assistant", content=one.text[:LONGEST_QUESTION])
        for one in said[-1 - _LAST_TURNS : -1]
    ]
    asked = Search(question, names, service.settings.retrieval.top_k, {})
    reply = _Reply(body.model, f"{request.url.scheme}://{request.headers.get('host', 'localhost')}")
    seconds = service.settings.serve.answer_deadline
    if not body.stream:
        return Json(await service.run(request, _whole(service, answerer, asked, turns, reply), seconds))
    usage = bool(body.stream_options and body.stream_options.include_usage)
    leave = service.take_place()
    return Stream(_chunks(service, answerer, asked, turns, reply, usage), "text/event-stream", seconds, leave)


class _Reply:
    """The form of a reply."""

    def __init__(self, model: str, base_url: str) -> None:
        self._base_url = base_url
        self._common = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}

    def sources(self, answer: Answer, passages: Sequence[Passage]) -> str:
        """The passages that are cited, a line each, to stand below the text."""
        lines = []
        for citation in answer.citations:
            section = f" › {citation.section}" if citation.section else ""
            place = f" ({citation.place})" if citation.place else ""
            url = self._url(passages[citation.number - 1])
            lines.append(f"[{citation.number}] {citation.source}{section}{place}{f' <{url}>' if url else ''}")
        return "\n\n" + "\n".join(lines) if lines else ""

    def annotations(self, text: str, answer: Answer, passages: Sequence[Passage]) -> list[dict[str, Any]]:
        """Each place of the text where a passage is cited."""
        cited = {citation.number for citation in answer.citations}
        found = []
        for match in _CITATION.finditer(text):
            number = int(match[1])
            if number in cited:
                passage = passages[number - 1]
                citation = {
                    "start_index": match.start(),
                    "end_index": match.end(),
                    "url": self._url(passage),
                    "title": passage.title or passage.source,
                }
                found.append({"type": "url_citation", "url_citation": citation})
        return found

    def chunk(self, delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        """A piece of a stream."""
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
        return _data({**self._common, "object": "chat.completion.chunk", "choices": choices, **more})

    def usage(self, answer: Answer) -> bytes:
        """The last piece of a stream, if it is wanted."""
        return _data({**self._common, "object": "chat.completion.chunk", "choices": [], "usage": _usage(answer)})

    def whole(self, text: str, annotations: list[dict[str, Any]], answer: Answer) -> dict[str, Any]:
        """All of it."""
        message = {"role": "assistant", "content": text, "refusal": None, "annotations": annotations}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(answer)}
        return {
            **self._common,
            "object": "chat.completion",
            "choices": [choice],
            "usage": _usage(answer),
            "rag_pipeline": _checked(answer),
        }

    def _url(self, passage: Passage) -> str:
        document = shown(passage).get("document")
        return f"{self._base_url}/api/v1/documents/{document}" if document else ""


async def _whole(
    service: Service, answerer: Answerer, asked: Search, turns: Sequence[Turn], reply: _Reply
) -> dict[str, Any]:
    passages: list[Passage] = []
    async with aclosing(pieces(service, answerer, asked, turns)) as coming:
        async for piece in coming:
            if isinstance(piece, tuple):
                passages = piece[2]
            elif isinstance(piece, Answer):
                _require_text(piece)
                annotations = reply.annotations(piece.text, piece, passages)
                return reply.whole(piece.text + reply.sources(piece, passages), annotations, piece)
    raise AssertionError


async def _chunks(
    service: Service, answerer: Answerer, asked: Search, turns: Sequence[Turn], reply: _Reply, usage: bool
) -> AsyncGenerator[bytes, None]:
    passages: list[Passage] = []
    text = ""
    try:
        with service.named():
            async with aclosing(pieces(service, answerer, asked, turns)) as coming:
                async for piece in coming:
                    if isinstance(piece, tuple):
                        passages = piece[2]
                        yield reply.chunk({"role": "assistant", "content": ""})
                    elif isinstance(piece, Answer):
                        _require_text(piece)
                        annotations = reply.annotations(text, piece, passages)
                        yield reply.chunk({"content": reply.sources(piece, passages), "annotations": annotations})
                        yield reply.chunk({}, _reason(piece), rag_pipeline=_checked(piece))
                        if usage:
                            yield reply.usage(piece)
                    elif piece:
                        text += piece
                        yield reply.chunk({"content": piece})
    except ProblemError as problem:
        yield _data(problem.as_openai())
    yield b"data: [DONE]\n\n"


def _require_text(answer: Answer) -> None:
    if not answer.text.strip() and answer.finish_reason in _FAILURES:
        raise ProblemError(502, "no_answer", answer.failure_reason or "the model sent no text")


def _reason(answer: Answer) -> str:
    return _REASONS.get(answer.finish_reason, "content_filter")


def _checked(answer: Answer) -> dict[str, Any]:
    values = told(answer)
    return {name: values[name] for name in ("grounded", "problems", "citations")}


def _usage(answer: Answer) -> dict[str, int]:
    names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens", "total_tokens": "total_tokens"}
    return {theirs: answer.usage.get(ours, 0) for theirs, ours in names.items()}


def _data(content: Any) -> bytes:
    return b"data: " + dump(content) + b"\n\n"
