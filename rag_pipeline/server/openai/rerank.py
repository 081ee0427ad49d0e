"""``/v1/rerank``: texts of the caller's own in the order in which they answer a question, in Cohere's form."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from rag_pipeline.retrieval.questions import check_question
from rag_pipeline.retrieval.rerank import inner_products_of
from rag_pipeline.server.openai.embeddings import find_embedding
from rag_pipeline.server.problems import Json, ProblemError
from rag_pipeline.server.requests import Question
from rag_pipeline.server.service import service_of

router = APIRouter(prefix="/v1")

_MOST_DOCUMENTS = 1000
_CROSS_ENCODER = "cross_encoder"


class Text(BaseModel):
    """A text as an object."""

    text: str


class RerankBody(BaseModel):
    """A question and texts; what else Cohere's clients send is let be."""

    query: Question
    documents: list[str | Text] = Field(min_length=1, max_length=_MOST_DOCUMENTS)
    model: str | None = Field(default=None, max_length=512)
    """``cross_encoder`` or its model, where the configuration names one; else an embedding of a collection. None: the
    cross-encoder if there is one, else the embedding of the default collection."""
    top_n: int | None = Field(default=None, ge=1)
    return_documents: bool = False


@router.post("/rerank")
async def rerank(request: Request, body: RerankBody) -> Response:
    """The texts, best first, by their places in the request."""
    service = service_of(request)
    texts = [one if isinstance(one, str) else one.text for one in body.documents]
    if not all(text.strip() for text in texts):
        raise ProblemError(400, "empty_text", "a document is empty")
    with service.named():
        question = check_question(body.query)

    def score() -> list[float]:
        configured = service.settings.retrieval.rerank
        if body.model in (None, _CROSS_ENCODER, configured.model):
            encoder = service.cross_encoder()
            if encoder is not None:
                return encoder.scores(question, texts)
        embedding = service.collections.embedding() if body.model is None else find_embedding(service, body.model)
        return inner_products_of(embedding, question, texts)

    scores = await service.run(request, asyncio.to_thread(score))
    order = sorted(range(len(texts)), key=lambda index: (-scores[index], index))
    results: list[dict[str, Any]] = [
        {"index": index, "relevance_score": scores[index]} for index in order[: body.top_n]
    ]
    if body.return_documents:
        for result in results:
            result["document"] = {"text": texts[result["index"]]}
    return Json({"id": uuid.uuid4().hex, "results": results, "meta": {"api_version": {"version": "1"}}})
