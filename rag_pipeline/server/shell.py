"""What ``query`` asks a server of its own machine, by the socket that only its user can open.

Whatever the server cannot do just as the command itself would, it declines, and the command does it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

import rag_pipeline
from rag_pipeline.answering import Answer
from rag_pipeline.errors import RagPipelineError
from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.options import SearchOptions
from rag_pipeline.server import place
from rag_pipeline.server.guard import LOCAL
from rag_pipeline.server.problems import Json, ProblemError, dump
from rag_pipeline.server.service import Search, Service, service_of
from rag_pipeline.server.streams import Stream

Given = Annotated[dict[str, Any], Body()]


class Shell:
    """The routes for the shell.

    Args:
        service: what answers.
    """

    def __init__(self, service: Service) -> None:
        # Of the code as it was when this process read it, and not as it is when somebody asks.
        self._identity = place.identity(service.settings)
        self._inputs = place.inputs_of(service.settings)
        self._surroundings = place.surroundings()
        self.url = ""
        """Where the server is for others."""
        self.holders = 0
        """How many hold the server."""
        self.was_held = False
        self.router = APIRouter(prefix="/shell", include_in_schema=False)
        self.router.add_api_route("/hello", self.hello, methods=["POST"])
        self.router.add_api_route("/open", self.open, methods=["POST"])
        self.router.add_api_route("/search", self.search, methods=["POST"])
        self.router.add_api_route("/hold", self.hold, methods=["POST"])
        self.router.add_api_route("/answer", self.answer, methods=["POST"])

    async def hello(self, request: Request, given: Given) -> Response:
        """Who answers, and whether it is who is looked for."""
        _require_local(request)
        return Json(
            {
                "pid": os.getpid(),
                "url": self.url,
                "version": rag_pipeline.__version__,
                "ready": service_of(request).is_ready,
                "fits": self._fits(given),
                "same_services": given.get("surroundings") == self._surroundings,
            }
        )

    async def hold(self, request: Request) -> Response:
        """A reply without end: a server that was started for those who hold it lives as long as one of them does."""
        _require_local(request)
        self.holders += 1
        self.was_held = True
        return Stream(_for_ever(), "application/x-ndjson", None, self._let_go)

    def _let_go(self) -> None:
        self.holders -= 1

    async def open(self, request: Request, given: Given) -> Response:
        """What is asked: the collections' names joined, the mode, whether there is a least score."""
        service = self._fitting(request, given)
        asked = _search(service, given)
        try:
            searcher = await asyncio.to_thread(service.collections.get, asked.collections, **asked.options)
            for name in searcher.collection.split(","):
                wanted = SearchOptions.from_settings(service.settings, name).changed(mode=asked.options.get("mode"))
                if wanted.mode != searcher.mode:
                    raise _declined()  # the command warns of it
                if not given.get("same_services") and not _is_local(service, name):
                    raise _declined()
        except RagPipelineError:
            raise _declined() from None
        return Json(
            {
                "collection": searcher.collection,
                "mode": searcher.mode,
                "has_least_score": searcher.has_least_score,
            }
        )

    async def search(self, request: Request, given: Given) -> Response:
        """Passages, whole and unrounded."""
        service = self._fitting(request, given)
        asked = _search(service, given)
        seconds = service.settings.serve.answer_deadline
        _, passages = await service.run(request, service.search(asked), seconds)
        return Json({"passages": [passage.as_values() for passage in passages]})

    async def answer(self, request: Request, given: Given) -> Response:
        """The answer from passages that were found before, line by line."""
        service = self._fitting(request, given)
        try:
            passages = [Passage.from_values(values) for values in given["passages"]]
            question = str(given["question"])
        except (KeyError, TypeError):
            raise _declined() from None
        leave = service.take_place()
        lines = _lines(service, question, passages)
        return Stream(lines, "application/x-ndjson", service.settings.serve.answer_deadline, leave)

    def _fits(self, given: dict[str, Any]) -> bool:
        if "inputs" in given:
            return self._inputs is not None and given["inputs"] == self._inputs
        return given.get("identity") == self._identity

    def _fitting(self, request: Request, given: dict[str, Any]) -> Service:
        _require_local(request)
        service = service_of(request)
        if not self._fits(given) or not service.is_ready:
            raise _declined()
        given["same_services"] = given.get("surroundings") == self._surroundings
        return service


async def _for_ever() -> AsyncGenerator[bytes, None]:
    yield dump({"held": True}) + b"\n"
    await asyncio.Event().wait()


async def _lines(service: Service, question: str, passages: list[Passage]) -> AsyncGenerator[bytes, None]:
    try:
        answerer = await asyncio.to_thread(service.answerer)
        async with aclosing(answerer.astream(question, passages)) as coming:
            async for piece in coming:
                if isinstance(piece, Answer):
                    service.metrics.used(piece.usage)
                said = {"answer": piece.as_dict()} if isinstance(piece, Answer) else {"text": piece}
                yield dump(said) + b"\n"
    except RagPipelineError as error:
        yield dump({"error": {"kind": type(error).__name__, "message": str(error)}}) + b"\n"


def _search(service: Service, given: dict[str, Any]) -> Search:
    try:
        return Search(
            question=given.get("question") or "",
            collections=[str(name) for name in given["collections"]],
            k=given.get("k") or service.settings.retrieval.top_k,
            options=dict(given["options"]),
            where=given.get("where"),
            exact=bool(given.get("exact")),
            explain=bool(given.get("explain")),
        )
    except (KeyError, TypeError, ValueError):
        raise _declined() from None


def _is_local(service: Service, collection: str) -> bool:
    """Whether questions to a collection go to no service."""
    own = service.settings.embeddings.get(service.collections.embedding_name(collection) or "")
    return service.settings.store.mode == "embedded" and own is not None and own.provider != "gemini"


def _require_local(request: Request) -> None:
    if not request.scope.get(LOCAL):
        raise ProblemError(404, "not_found", "nothing is at this path")


def _declined() -> ProblemError:
    return ProblemError(409, "declined", "the command answers this itself")
