"""``/ask``: an answer from the passages, as it comes or when it is whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from langchain_core.messages import convert_to_messages
from starlette.responses import Response

from rag_pipeline.answering import Answer
from rag_pipeline.server.guard import REQUEST_ID
from rag_pipeline.server.problems import Json, ProblemError
from rag_pipeline.server.requests import AskBody, Turn
from rag_pipeline.server.searching import ending, found
from rag_pipeline.server.service import Search, Service, service_of
from rag_pipeline.server.streams import Stream, event

if TYPE_CHECKING:
    from rag_pipeline.answering import Answerer
    from rag_pipeline.passages import Passage
    from rag_pipeline.retrieval.protocol import AnySearcher

router = APIRouter(prefix="/api/v1")

Found = tuple[str, "AnySearcher", "list[Passage]"]
"""The question as it was searched for, by what, and the passages."""


@router.post("/ask")
async def ask(request: Request, body: AskBody) -> Response:
    """An answer with citations that were checked, and the passages it is from."""
    service = service_of(request)
    begun = time.perf_counter()
    with service.named():
        asked = body.search(service.settings)
        answerer = await asyncio.to_thread(service.answerer)
    seconds = service.settings.serve.answer_deadline
    if not body.stream:
        said = await service.run(request, _whole(service, answerer, asked, body.history), seconds)
        return Json({**said, **ending(request, begun)})
    leave = service.take_place()
    try:
        with service.named():
            # What is wrong with the collections is said by the status rather than in the stream.
            await asyncio.to_thread(service.collections.get, asked.collections, **asked.options)
    except BaseException:
        leave()
        raise
    events = _events(request, service, answerer, asked, body.history, begun)
    return Stream(events, "text/event-stream", seconds, leave)


async def pieces(
    service: Service, answerer: Answerer, asked: Search, history: Sequence[Turn] = ()
) -> AsyncGenerator[Found | str | Answer, None]:
    """What was found, then the answer as it comes, then all of it.

    Raises:
        RagPipelineError: the model, the store or the embedding fails.
    """
    question = asked.question
    if history:
        messages = convert_to_messages([(turn.role, turn.content) for turn in history])
        question = await answerer.arewrite(question, messages)
    searcher, passages = await service.search(replace(asked, question=question))
    yield question, searcher, passages
    async with aclosing(answerer.astream(question, passages)) as coming:
        async for piece in coming:
            if isinstance(piece, Answer):
                service.metrics.used(piece.usage)
            yield piece


def told(answer: Answer) -> dict[str, Any]:
    """An answer, with why there is no text, or not all of it, among its problems."""
    values = answer.as_dict()
    if answer.failure_reason is not None:
        values["problems"] = [answer.failure_reason, *values["problems"]]
    return values


async def _whole(service: Service, answerer: Answerer, asked: Search, history: Sequence[Turn]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    async with aclosing(pieces(service, answerer, asked, history)) as coming:
        async for piece in coming:
            if isinstance(piece, tuple):
                question, searcher, passages = piece
                values = {**found(asked.question, searcher, passages), "asked": question}
            elif isinstance(piece, Answer):
                values["answer"] = told(piece)
    return values


async def _events(
    request: Request,
    service: Service,
    answerer: Answerer,
    asked: Search,
    history: Sequence[Turn],
    begun: float,
) -> AsyncGenerator[bytes, None]:
    try:
        with service.named():
            async with aclosing(pieces(service, answerer, asked, history)) as coming:
                async for piece in coming:
                    if isinstance(piece, tuple):
                        question, searcher, passages = piece
                        yield event("question", {"question": asked.question, "asked": question})
                        yield event("passages", found(question, searcher, passages))
                    elif isinstance(piece, Answer):
                        yield event("answer", told(piece))
                    elif piece:
                        yield event("text", {"text": piece})
    except ProblemError as problem:
        yield event("error", problem.as_dict(request.scope[REQUEST_ID]))
    yield event("done", ending(request, begun))
