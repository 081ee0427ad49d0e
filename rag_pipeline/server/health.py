"""What watches a server: whether it lives, is ready, what it is, what it counted."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

import rag_pipeline
from rag_pipeline.server.problems import Json, ProblemError
from rag_pipeline.server.service import service_of

router = APIRouter()


@router.get("/livez")
async def livez() -> Response:
    """It runs."""
    return Json({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """A question has been answered."""
    if not service_of(request).is_ready:
        raise ProblemError(503, "not_ready", "models are being loaded, or no collection can be asked")
    return Json({"status": "ok"})


@router.get("/version")
async def version() -> Response:
    """What it is."""
    return Json({"name": "rag-pipeline", "version": rag_pipeline.__version__})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """What was counted, for Prometheus."""
    return Response(service_of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)
