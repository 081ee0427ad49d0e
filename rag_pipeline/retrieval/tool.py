"""A retriever as a tool that an agent calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, StructuredTool

from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.searcher import Searcher
from rag_pipeline.retrieval.several import SeveralSearcher

# As the function declarations of chat models allow: https://ai.google.dev/gemini-api/docs/function-calling
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME = 64
_TITLES = 12


def make_tool(retriever: BaseRetriever, name: str, description: str) -> BaseTool:
    """A tool that searches and gives the passages numbered, with title, section and source for citation.

    Its artifact are the documents themselves.

    Args:
        retriever: any.
        name: how the agent calls it; what models do not allow in names is replaced.
        description: what the agent is told of it.
    """

    def search(question: Annotated[str, "A question or search words, in any language"]) -> tuple[str, list[Document]]:
        found = retriever.invoke(question)
        return _shown(found), found

    async def asearch(
        question: Annotated[str, "A question or search words, in any language"],
    ) -> tuple[str, list[Document]]:
        found = await retriever.ainvoke(question)
        return _shown(found), found

    return StructuredTool.from_function(
        search,
        asearch,
        name=_NOT_IN_NAMES.sub("_", name)[:_LONGEST_NAME],
        description=description,
        response_format="content_and_artifact",
    )


def describe(searcher: Searcher | SeveralSearcher) -> str:
    """What an agent is told of collections: how much is in them, and titles of what."""
    several = isinstance(searcher, SeveralSearcher)
    parts = [
        _describe_one(one) for one in (searcher.searchers if isinstance(searcher, SeveralSearcher) else [searcher])
    ]
    which = "document collections" if several else "document collection"
    return f"Search the user's {which} {'; '.join(parts)}. Returns numbered passages with their sources, best first."


def _describe_one(searcher: Searcher) -> str:
    titles, documents = searcher.titles()
    listed = ", ".join(titles[:_TITLES]) + (", …" if len(titles) > _TITLES else "")
    about = f" about: {listed}" if listed else ""
    return f"{searcher.collection!r} ({documents} documents{about})"


def _shown(documents: Sequence[Document]) -> str:
    if not documents:
        return "Nothing was found."
    passages = [Passage.from_document(document, rank) for rank, document in enumerate(documents, start=1)]
    return "\n\n".join(_passage(passage) for passage in passages)


def _passage(passage: Passage) -> str:
    return f"[{passage.rank}] {passage.caption}\n{passage.body}"
