"""The tools of agents: what they take, what they give, and how they come by it. All of them read only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from rag_pipeline.errors import RagPipelineError
from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.questions import check_question
from rag_pipeline.server.mcp.quoting import NOTICE, cut, plain, plain_values, quoted
from rag_pipeline.server.problems import ProblemError
from rag_pipeline.server.requests import LONGEST_QUESTION, Where
from rag_pipeline.server.searching import shown
from rag_pipeline.server.service import Search, Service

MOST_PASSAGES = 20
_MOST_NEIGHBOURS = 20
_DEFAULT_CHARS = 20_000
_LEAST_CHARS, _MOST_CHARS = 100, 200_000
_TITLES = 12

MaxChars = Annotated[
    int, Field(ge=_LEAST_CHARS, le=_MOST_CHARS, description="Most characters of text in the result; see `truncated`.")
]


class _Given(BaseModel):
    """Arguments of a tool: nothing unknown."""

    model_config = ConfigDict(extra="forbid")


class SearchArguments(_Given):
    """Of ``search``."""

    query: str = Field(max_length=LONGEST_QUESTION, description="A question or search words, Korean or English.")
    collection: str | None = Field(
        default=None, max_length=512, description="Which collection, as list_collections names it; else the default."
    )
    k: int | None = Field(default=None, ge=1, le=MOST_PASSAGES, description="How many passages.")
    where: Where | None = Field(
        default=None,
        description='Conditions on metadata: {"type": "bulk"}, {"year": {"$gte": 2020}}, {"$or": [{…}, {…}]}.',
    )
    max_chars: MaxChars = _DEFAULT_CHARS


class FetchArguments(_Given):
    """Of ``fetch``."""

    id: str = Field(max_length=512, description="The id of a passage that search gave, or of a document.")
    before: int = Field(default=0, ge=0, le=_MOST_NEIGHBOURS, description="How many passages before it as well.")
    after: int = Field(default=0, ge=0, le=_MOST_NEIGHBOURS, description="How many passages after it as well.")
    max_chars: MaxChars = _DEFAULT_CHARS


class ListArguments(_Given):
    """Of ``list_collections``."""


class Result(BaseModel):
    """One passage that was found."""

    id: str
    title: str
    url: str
    text: str = Field(description="Quoted; empty where max_chars was spent: fetch it by its id.")
    score: float = Field(description="Higher is better.")
    source: str
    place: str = Field(description="Page, slide, sheet or rows, where there are such.")
    collection: str
    document: str | None = Field(description="The id of the whole document, for fetch.")


class SearchResults(BaseModel):
    """What ``search`` gives."""

    notice: str = NOTICE
    results: list[Result]
    truncated: bool = Field(description="Whether text was left out for max_chars; fetch gives it.")


class Fetched(BaseModel):
    """What ``fetch`` gives."""

    notice: str = NOTICE
    id: str
    title: str
    text: str = Field(description="Quoted.")
    url: str
    metadata: dict[str, Any]
    truncated: bool = Field(description="Whether text was left out for max_chars.")
    previous: str | None = Field(description="The id of the passage before this text, for fetch.")
    next: str | None = Field(description="The id of the passage after this text, for fetch.")


class CollectionEntry(BaseModel):
    """A collection that can be searched."""

    name: str
    default: bool
    documents: int
    passages: int
    titles: list[str] = Field(description="Of some of its documents.")


class Collections(BaseModel):
    """What ``list_collections`` gives."""

    notice: str = NOTICE
    collections: list[CollectionEntry]


@dataclass(frozen=True)
class Tool:
    """A tool: how it is called, what for, what with, and what comes back."""

    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    result: type[BaseModel]
    call: Callable[[Service, Any], Awaitable[BaseModel]]


async def search(service: Service, given: SearchArguments) -> SearchResults:
    """The passages that best fit a question, best first, up to so many characters."""
    collections = [] if given.collection is None else [given.collection]
    k = min(given.k or service.settings.retrieval.top_k, MOST_PASSAGES)
    _, passages = await service.search(Search(check_question(given.query), collections, k, {}, given.where))
    left, truncated, results = given.max_chars, False, []
    for passage in passages:
        body, was_cut = cut(passage.body, left) if left > 0 else ("", True)
        left -= len(body)
        truncated |= was_cut
        results.append(_result(passage, body))
    return SearchResults(results=results, truncated=truncated)


async def fetch(service: Service, given: FetchArguments) -> Fetched:
    """A passage with what stands around it, or a document."""
    found = await asyncio.to_thread(_fetch_passage, service, given)
    found = found or await asyncio.to_thread(_fetch_document, service, given)
    if found is None:
        raise ProblemError(404, "not_found", "nothing has this id: take one that search gave")
    return found


async def list_collections(service: Service, given: ListArguments) -> Collections:
    """What can be searched."""
    del given

    def described() -> list[CollectionEntry]:
        default = None
        with contextlib.suppress(RagPipelineError):
            default = service.collections.default_name()
        entries = []
        for row in service.collections.described():
            name = row["name"]
            documents = list(service.collections.documents(name).values())[:_TITLES]
            titles = [plain(one.title or one.version.key.source) for one in documents]
            counts = {"documents": row["documents"], "passages": row["chunks"]}
            entries.append(CollectionEntry(name=name, default=name == default, titles=titles, **counts))
        return entries

    return Collections(collections=await asyncio.to_thread(described))


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "search",
            "Search documents",
            "Search the user's documents by meaning and by words. Gives the passages that fit best, best first, each"
            " with its source to cite and an id by which fetch gives what stands around it.",
            SearchArguments,
            SearchResults,
            search,
        ),
        Tool(
            "fetch",
            "Read on",
            "Read a passage that search found, with passages before and after it, or a whole document by its id.",
            FetchArguments,
            Fetched,
            fetch,
        ),
        Tool(
            "list_collections",
            "List collections",
            "List the collections of documents that search can be asked for, with what is in them.",
            ListArguments,
            Collections,
            list_collections,
        ),
    )
}


def uri(collection: str, source: str) -> str:
    """The address of a document as a resource; no path of this machine, whatever it looks like."""
    return f"rag://{quote(collection, safe='')}/{quote(source, safe='/')}"


def _title(passage: Passage) -> str:
    return plain(" › ".join(filter(None, (passage.title, passage.section))) or passage.source or passage.id)


def _result(passage: Passage, body: str) -> Result:
    return Result(
        id=passage.id,
        title=_title(passage),
        url=uri(passage.collection, passage.source),
        text=_passage_text(passage, body) if body else "",
        score=round(passage.score, 6),
        source=plain(passage.source),
        place=plain(passage.place),
        collection=passage.collection,
        document=shown(passage).get("document"),
    )


def _passage_text(passage: Passage, body: str) -> str:
    return quoted(body, title=passage.title, section=passage.section, source=passage.source, place=passage.place)


def _fetch_passage(service: Service, given: FetchArguments) -> Fetched | None:
    found = service.collections.passage_with_neighbours(given.id, given.before, given.after)
    if found is None:
        return None
    passage, previous, following = found
    body, truncated = cut(passage.body, given.max_chars)
    values = shown(passage)
    known = {
        "collection": passage.collection,
        "source": passage.source,
        "section": passage.section,
        "document": values.get("document") or "",
        **{key: value for key, value in values["metadata"].items() if not key.endswith("_sha256")},
    }
    return Fetched(
        id=passage.id,
        title=_title(passage),
        text=_passage_text(passage, body),
        url=uri(passage.collection, passage.source),
        metadata=plain_values({key: value for key, value in known.items() if value != ""}),
        truncated=truncated,
        previous=previous,
        next=following,
    )


def _fetch_document(service: Service, given: FetchArguments) -> Fetched | None:
    for name in service.collections.names():
        if given.id in service.collections.documents(name):
            found = service.collections.document(name, given.id)
            break
    else:
        return None
    if found is None:
        return None
    text, truncated = cut(found["text"], given.max_chars)
    source, title = found["source"], found["title"]
    return Fetched(
        id=found["id"],
        title=plain(title or source),
        text=quoted(text, title=title, source=source),
        url=uri(found["collection"], source),
        metadata=plain_values({"collection": name, "source": source, **found["metadata"]}),
        truncated=truncated,
        previous=None,
        next=_where_it_was_cut(found["sections"], given.max_chars) if truncated else None,
    )


def _where_it_was_cut(sections: list[dict[str, Any]], most: int) -> str | None:
    """The id of the first passage of a document that does not fit."""
    for section in sections:
        most -= len(section["text"])
        if most < 0:
            return str(section["id"])
    return str(sections[-1]["id"]) if sections else None
