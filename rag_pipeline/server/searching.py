"""``/search``: passages for a question."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.protocol import AnySearcher
from rag_pipeline.server.guard import REQUEST_ID
from rag_pipeline.server.problems import Json
from rag_pipeline.server.requests import SearchBody
from rag_pipeline.server.service import service_of
from rag_pipeline.store.contents import document_id
from rag_pipeline.store.records import FileKey

router = APIRouter(prefix="/api/v1")


@router.post("/search")
async def search(request: Request, body: SearchBody) -> Response:
    """The passages that best fit a question, best first."""
    service = service_of(request)
    begun = time.perf_counter()
    with service.named():
        asked = body.search(service.settings)
    searcher, passages = await service.run(request, service.search(asked))
    return Json({**found(asked.question, searcher, passages), "answer": None, **ending(request, begun)})


def found(question: str, searcher: AnySearcher, passages: Sequence[Passage]) -> dict[str, Any]:
    """Passages in the form of ``query.py --json``, each with its ``id`` and its ``document``'s."""
    return {
        "question": question,
        "collection": searcher.collection,
        "mode": searcher.mode,
        "passages": [shown(passage) for passage in passages],
    }


def shown(passage: Passage) -> dict[str, Any]:
    """One passage."""
    values = {**passage.as_dict(), "id": passage.id}
    folder = passage.metadata.get("folder")
    if folder is not None:
        values["document"] = document_id(FileKey(str(folder), passage.source))
    return values


def ending(request: Request, begun: float) -> dict[str, Any]:
    """How long it took, in milliseconds, and what the request is called in the log."""
    return {"took_ms": round((time.perf_counter() - begun) * 1000, 1), "request_id": request.scope[REQUEST_ID]}
