"""A collection over HTTP: uvicorn examples.serve:app, then http://127.0.0.1:8000/docs.

It needs a collection (python ingest.py documents/ships), pip install fastapi uvicorn, and for answers GOOGLE_API_KEY.
Requests that come together are embedded together.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse

from rag_pipeline import Pipeline, RagPipelineError
from rag_pipeline.errors import ConfigurationError, UsageError


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with Pipeline() as app.state.pipeline:
        await app.state.pipeline.aload()  # rather than while the first request waits
        yield


app = FastAPI(title="rag_pipeline", lifespan=lifespan)


@app.exception_handler(RagPipelineError)
async def refuse(_: Request, error: RagPipelineError) -> JSONResponse:
    asked_wrongly = isinstance(error, UsageError) and not isinstance(error, ConfigurationError)
    return JSONResponse({"error": str(error)}, 400 if asked_wrongly else 503)


@app.get("/passages")
async def passages(request: Request, question: str, k: Annotated[int, Query(ge=1, le=50)] = 4) -> list[dict[str, Any]]:
    pipeline: Pipeline = request.app.state.pipeline
    return [passage.as_dict() for passage in await pipeline.aretrieve(question, k)]


@app.get("/answer")
async def answer(request: Request, question: str) -> dict[str, Any]:
    pipeline: Pipeline = request.app.state.pipeline
    return (await pipeline.aanswer(question)).as_dict()


if __name__ == "__main__":
    print("usage: uvicorn examples.serve:app (needs a collection, and GOOGLE_API_KEY for answers)", file=sys.stderr)
    sys.exit(2)
