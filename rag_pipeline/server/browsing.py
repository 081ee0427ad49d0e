"""What the collections hold: documents, passages, files, and what people say of passages."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from rag_pipeline.errors import CollectionNotFoundError
from rag_pipeline.evaluation.feedback import add_feedback
from rag_pipeline.ingestion.original import read_original
from rag_pipeline.server.problems import Json, ProblemError
from rag_pipeline.server.requests import FeedbackBody
from rag_pipeline.server.searching import shown
from rag_pipeline.server.service import Service, service_of

router = APIRouter(prefix="/api/v1")

# Ids are looked up among those of the store; nothing that comes in is ever a part of a path.
Id = Annotated[str, Path(max_length=512)]
_MOST_DOCUMENTS = 1000


@router.get("/collections")
async def collections(request: Request) -> Response:
    """The collections that can be asked."""
    service = service_of(request)

    def described() -> list[dict[str, Any]]:
        rows = service.collections.described()
        default = None
        with contextlib.suppress(CollectionNotFoundError):
            default = service.collections.default_name()
        for row in rows:
            row["default"] = row["name"] == default
            problem = service.unavailable.get(row["name"])
            row["problem"] = None if problem is None else problem.detail
        return rows

    return Json({"collections": await service.run(request, asyncio.to_thread(described))})


@router.get("/collections/{collection}/documents")
async def documents(
    request: Request,
    collection: Id,
    limit: Annotated[int, Query(ge=1, le=_MOST_DOCUMENTS)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> Response:
    """The documents of a collection in the order of their sources, so many from the offset on."""
    service = service_of(request)
    known = list((await service.run(request, asyncio.to_thread(service.collections.documents, collection))).values())
    page = [document.as_dict() for document in known[offset : offset + limit]]
    return Json({"collection": collection, "total": len(known), "offset": offset, "documents": page})


@router.get("/documents/{document_id}")
async def document(request: Request, document_id: Id) -> Response:
    """A document, put together from its stored chunks."""
    service = service_of(request)

    def read() -> dict[str, Any]:
        name = _home(service, document_id)
        found = service.collections.document(name, document_id)
        if found is None:
            raise _no_document()
        return found

    return Json(await service.run(request, asyncio.to_thread(read)))


@router.get("/documents/{document_id}/file")
async def file(request: Request, document_id: Id) -> Response:
    """The file that a document was read from, if it is served and still the same."""
    service = service_of(request)
    if not service.settings.serve.files:
        raise ProblemError(404, "files_not_served", "this server hands out no files; see serve.files")

    def read() -> tuple[str, bytes]:
        name = _home(service, document_id)
        version = service.collections.documents(name)[document_id].version
        return version.key.source, read_original(service.settings, name, version)

    source, content = await service.run(request, asyncio.to_thread(read))
    name = quote(source.rpartition("/")[2], safe="")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get("/passages/{passage_id}")
async def passage(request: Request, passage_id: Id) -> Response:
    """A passage by its id."""
    service = service_of(request)
    found = await service.run(request, asyncio.to_thread(service.collections.passage, passage_id))
    if found is None:
        raise _no_passage()
    values = shown(found)
    return Json({name: value for name, value in values.items() if name not in ("rank", "score")})


@router.post("/feedback")
async def feedback(request: Request, body: FeedbackBody) -> Response:
    """Keep what a person says of a passage."""
    service = service_of(request)

    def keep() -> dict[str, Any]:
        found = service.collections.passage(body.passage_id)
        if found is None:
            raise _no_passage()
        return add_feedback(service.settings, body.question, found, body.verdict, body.about)

    line = await service.run(request, asyncio.to_thread(keep))
    return Json({name: line[name] for name in ("collection", "passage", "verdict", "time")}, 201)


def _home(service: Service, document_id: str) -> str:
    """The collection that holds a document."""
    for name in service.collections.names():
        if document_id in service.collections.documents(name):
            return name
    raise _no_document()


def _no_document() -> ProblemError:
    return ProblemError(404, "document_not_found", "no document has this id")


def _no_passage() -> ProblemError:
    return ProblemError(404, "passage_not_found", "no passage has this id")
