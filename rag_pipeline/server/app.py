"""The application: routes, what guards them, and how errors are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

import rag_pipeline
from rag_pipeline.config import Settings
from rag_pipeline.server import asking, browsing, health, mcp, openai, searching
from rag_pipeline.server.guard import REQUEST_ID, Guard
from rag_pipeline.server.page import router as page_router
from rag_pipeline.server.problems import OPENAI_PREFIX, ProblemError
from rag_pipeline.server.service import Service
from rag_pipeline.server.shell import Shell

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from rag_pipeline.answering.given_model import ChatModel

_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}
_MOST_ERRORS = 10
# A thread that is held up, as by a store on a network, is not waited for.
_CLOSING_SECONDS = 1


def create_app(
    settings: Settings,
    *,
    embeddings: Mapping[str, Embeddings] | None = None,
    chat_model: ChatModel | None = None,
) -> FastAPI:
    """The application that ``rag-pipeline serve`` runs; routers may be added to it.

    What a router needs is in ``app.state.service``, a :class:`rag_pipeline.server.service.Service`. Every path of every
    router is guarded: host, origin, token, size.

    Args:
        settings: the configuration.
        embeddings: of collections, by name, that were made with none of the configuration's.
        chat_model: in place of the configured one.
    """
    service = Service(settings, embeddings, chat_model)
    agents = mcp.Endpoint(service)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(service.warm_up())
        try:
            async with agents.running():
                yield
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await asyncio.to_thread(service.close)

    app = FastAPI(
        title="rag-pipeline",
        version=rag_pipeline.__version__,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page is made of scripts of another site
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": settings.serve.root_path}] if settings.serve.root_path else None,
    )
    app.state.service = service
    app.add_middleware(Guard, settings=settings.serve, metrics=service.metrics)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.include_router(page_router)
    app.state.shell = shell = Shell(service)
    for router in (health.router, searching.router, asking.router, browsing.router, *openai.routers, shell.router):
        app.include_router(router)
    app.router.routes.append(agents.route)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    """What the routing says, in our form."""
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "refused")
    detail = "nothing is at this path" if error.status_code == 404 else str(error.detail)
    problem = ProblemError(error.status_code, code, detail, error.headers)
    return problem.response(request.scope["path"], request.scope[REQUEST_ID])


async def _invalid(request: Request, error: Exception) -> Response:
    """Which fields are wrong, without what was in them."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    fields = [
        {"field": ".".join(str(part) for part in one["loc"][1:])[:200], "problem": str(one["msg"])[:200]}
        for one in found[:_MOST_ERRORS]
    ]
    first = fields[0] if fields else {"field": "", "problem": "it cannot be understood"}
    if any(one["type"] == "json_invalid" for one in found):
        problem = ProblemError(400, "bad_json", "the body is no JSON")
    else:
        detail = f"{first['field'] or 'body'}: {first['problem']}"
        # What OpenAI's clients take for a mistake of theirs is 400.
        status = 400 if request.scope["path"].startswith(OPENAI_PREFIX) else 422
        problem = ProblemError(status, "invalid", detail, errors=fields)
    return problem.response(request.scope["path"], request.scope[REQUEST_ID])
