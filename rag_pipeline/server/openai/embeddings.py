"""``/v1/models`` and ``/v1/embeddings``: the embeddings of the collections, for questions and for documents."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.server.problems import Json, ProblemError
from rag_pipeline.server.service import Service, service_of

router = APIRouter(prefix="/v1")

_MOST_TEXTS = 2048
_QUERY = "query"
_DOCUMENT = "document"


class EmbeddingsBody(BaseModel):
    """Texts to embed; what else OpenAI's clients send is let be."""

    model: str = Field(max_length=512)
    """A name of the configuration; ``NAME:query`` embeds questions, ``NAME`` and ``NAME:document`` documents."""
    input: str | list[str] = Field(min_length=1)
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None


@router.get("/models")
async def models(request: Request) -> Response:
    """Collections, which answer as chat models do, and embeddings."""
    service = service_of(request)
    names = await service.run(request, asyncio.to_thread(_names, service))
    return Json({"object": "list", "data": [_model(name) for name in names]})


@router.get("/models/{name:path}")
async def model(request: Request, name: str) -> Response:
    """One of them."""
    service = service_of(request)
    if name not in await service.run(request, asyncio.to_thread(_names, service)):
        raise unknown_model(name)
    return Json(_model(name))


@router.post("/embeddings")
async def embeddings(request: Request, body: EmbeddingsBody) -> Response:
    """Vectors of texts, each of length one."""
    service = service_of(request)
    texts = [body.input] if isinstance(body.input, str) else body.input
    if len(texts) > _MOST_TEXTS:
        raise ProblemError(400, "too_many", f"at most {_MOST_TEXTS} texts in one request")
    if not all(text.strip() for text in texts):
        raise ProblemError(400, "empty_text", "a text to embed is empty")
    name, _, role = (
        body.model.rpartition(":")
        if body.model.endswith((f":{_QUERY}", f":{_DOCUMENT}"))
        else (body.model, "", _DOCUMENT)
    )

    def embed() -> tuple[list[list[float]], int]:
        embedding = find_embedding(service, name)
        dimension = embedding.identity.dimension
        if body.dimensions is not None and body.dimensions != dimension:
            raise ProblemError(400, "dimensions", f"{name} has {dimension} dimensions and no others")
        tokens = sum(embedding.count_document_tokens(texts))
        vectors = (
            [embedding.embed_query(text) for text in texts] if role == _QUERY else embedding.embed_documents(texts)
        )
        return vectors, tokens

    vectors, tokens = await service.run(request, asyncio.to_thread(embed))
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector, body.encoding_format)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Json({"object": "list", "data": data, "model": body.model, "usage": usage})


def find_embedding(service: Service, name: str) -> PipelineEmbeddings:
    """An embedding that a collection was made with; no other is loaded because somebody asks for it.

    Raises:
        ProblemError: there is none of that name.
    """
    known = service.collections.embeddings()
    if name not in known:
        raise unknown_model(name)
    return known[name]


def unknown_model(name: str) -> ProblemError:
    """There is no such model."""
    return ProblemError(404, "model_not_found", f"unknown model {name!r}; GET /v1/models lists those that are known")


def _names(service: Service) -> list[str]:
    embedded = [f"{name}{role}" for name in service.collections.embeddings() for role in ("", ":query", ":document")]
    return list(dict.fromkeys([*service.collections.names(), *embedded]))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "rag-pipeline"}


def _encoded(vector: list[float], form: str) -> list[float] | str:
    if form == "float":
        return vector
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
