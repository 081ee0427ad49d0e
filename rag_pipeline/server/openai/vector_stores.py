"""``/v1/vector_stores/{collection}/search``: a collection searched as if it were one of OpenAI's vector stores."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.questions import check_question
from rag_pipeline.server.problems import Json, ProblemError
from rag_pipeline.server.requests import LONGEST_QUESTION, MOST_PASSAGES, Where
from rag_pipeline.server.searching import shown
from rag_pipeline.server.service import Search, service_of

router = APIRouter(prefix="/v1")

_COMPARISONS = frozenset({"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"})
_JOINS = frozenset({"and", "or"})


class Ranking(BaseModel):
    """Which of what was found is good enough."""

    score_threshold: float | None = Field(default=None, allow_inf_nan=False)


class VectorStoreBody(BaseModel):
    """A question; what else OpenAI's clients send is let be."""

    query: str | list[str]
    max_num_results: int = Field(default=10, ge=1, le=MOST_PASSAGES)
    filters: Where | None = None
    ranking_options: Ranking | None = None


@router.post("/vector_stores/{collection}/search")
async def search(request: Request, collection: Annotated[str, Path(max_length=512)], body: VectorStoreBody) -> Response:
    """Passages of a collection."""
    service = service_of(request)
    text = body.query if isinstance(body.query, str) else "\n".join(body.query)
    if len(text) > LONGEST_QUESTION:
        raise ProblemError(400, "too_long", f"the query is longer than {LONGEST_QUESTION:,} characters")
    least = body.ranking_options.score_threshold if body.ranking_options else None
    with service.named():
        question = check_question(text)
    where = None if body.filters is None else _where(body.filters)
    asked = Search(question, [collection], body.max_num_results, {"min_score": least}, where)
    _, passages = await service.run(request, service.search(asked))
    return Json(
        {
            "object": "vector_store.search_results.page",
            "search_query": [question],
            "data": [_found(passage) for passage in passages],
            "has_more": False,
            "next_page": None,
        }
    )


def _found(passage: Passage) -> dict[str, Any]:
    values = shown(passage)
    attributes = {"title": passage.title, "section": passage.section, "passage_id": passage.id, **values["metadata"]}
    return {
        "file_id": values.get("document", passage.id),
        "filename": passage.source,
        "score": values["score"],
        "attributes": attributes,
        "content": [{"type": "text", "text": passage.text}],
    }


def _where(given: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's filters as the store has them.

    Raises:
        ProblemError: one cannot be understood.
    """
    kind = given.get("type")
    inner = given.get("filters")
    if kind in _JOINS and isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
        parts = [_where(one) for one in inner]
        return parts[0] if len(parts) == 1 else {f"${kind}": parts}
    if kind in _COMPARISONS and isinstance(given.get("key"), str) and "value" in given:
        return {given["key"]: {f"${kind}": given["value"]}}
    raise ProblemError(
        400,
        "bad_filter",
        "a filter is {type: eq, key, value} with eq, ne, gt, gte, lt, lte, in or nin, or {type: and, filters}",
    )
