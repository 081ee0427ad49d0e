"""A retriever as a tool that an agent calls."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from rag_pipeline.errors import RagPipelineError, UsageError
from rag_pipeline.locations import failure_reason
from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.protocol import AnySearcher
from rag_pipeline.retrieval.questions import check_question

# As the function declarations of chat models allow: https://ai.google.dev/gemini-api/docs/function-calling
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME = 64
_TITLES = 12
# Two of a million passages hardly share one, and the passages of a conversation do not.
_LABEL_LENGTH = 5
_LONGEST_REASON = 300
# What LangGraph steers a graph by, such as an interruption for a human, is raised as an exception.
_LANGGRAPH = "GraphBubbleUp"
_log = logging.getLogger(__name__)
_QUESTION = "A question or search words, in any language"


class FoundDocument(dict[str, Any]):
    """A document that a tool has found: a plain dictionary with the keys of a LangChain ``Document``.

    ``found["metadata"]["label"]`` reads it in the run that found it and in every later one: a checkpointer of
    LangGraph, like anything else that writes messages down, gives back dictionaries. ``Document(**found)`` makes a
    document of it. In the run that found it, ``found.metadata``, ``found.page_content`` and ``found.id`` go as well.
    """

    @classmethod
    def of(cls, document: Document) -> FoundDocument:
        """The same, of a document; it has a label in its metadata."""
        metadata = {**document.metadata, "label": label_of(document)}
        return cls(id=document.id, page_content=document.page_content, metadata=metadata, type="Document")

    @property
    def id(self) -> str | None:
        """The document's id."""
        found: str | None = self["id"]
        return found

    @property
    def page_content(self) -> str:
        """Its text."""
        return str(self["page_content"])

    @property
    def metadata(self) -> dict[str, Any]:
        """What is known of it: ``label``, ``source``, ``title``, ``section`` and others."""
        known: dict[str, Any] = self["metadata"]
        return known


def make_tool(retriever: BaseRetriever, name: str, description: str) -> BaseTool:
    """A tool that searches and gives the passages with title, section and source, each with a label to cite it by.

    A passage has the same label in every search, process and conversation: an agent that searches twice has no two
    passages of one label. Its artifact is a list of :class:`FoundDocument`, with ``label`` in their metadata. What
    cannot be asked, or fails, is told to the model as the result of its call, so that it can ask in another way.

    Args:
        retriever: any.
        name: how the agent calls it; what models do not allow in names is replaced.
        description: what the agent is told of it.

    Raises:
        UsageError: nothing of the name is left.
    """

    def search(question: Annotated[str, _QUESTION]) -> tuple[str, list[FoundDocument]]:
        with _told_to_the_model():
            return _result(retriever.invoke(check_question(question)))

    async def asearch(question: Annotated[str, _QUESTION]) -> tuple[str, list[FoundDocument]]:
        with _told_to_the_model():
            return _result(await retriever.ainvoke(check_question(question)))

    return StructuredTool.from_function(
        search,
        asearch,
        name=_allowed(name),
        description=description,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error="The search takes a question as text.",
    )


def label_of(document: Document) -> str:
    """A short label for a passage, which depends on the passage alone: ``k7d2q``."""
    source = str(document.metadata.get("collection") or document.metadata.get("source") or "")
    digest = hashlib.blake2b(f"{source}\0{document.id or document.page_content}".encode(errors="replace")).digest()
    return base64.b32encode(digest)[:_LABEL_LENGTH].decode().lower()


def describe(searcher: AnySearcher) -> str:
    """What an agent is told of collections: how much is in them, and titles of what."""
    described = searcher.descriptions()
    which = "document collections" if len(described) > 1 else "document collection"
    parts = [_describe_one(*collection) for collection in described]
    return (
        f"Search the user's {which} {'; '.join(parts)}. Returns passages with their sources, best first,"
        " each with a label in brackets to cite it by."
    )


def _describe_one(name: str, titles: list[str], documents: str) -> str:
    listed = ", ".join(titles[:_TITLES]) + (", …" if len(titles) > _TITLES else "")
    about = f" about: {listed}" if listed else ""
    return f"{name!r} ({documents} documents{about})"


@contextlib.contextmanager
def _told_to_the_model() -> Iterator[None]:
    try:
        yield
    except RagPipelineError as error:
        raise ToolException(str(error)) from None
    except ToolException:
        raise
    except Exception as error:
        if any(kind.__name__ == _LANGGRAPH for kind in type(error).__mro__):
            raise
        failure = f"the search failed: {type(error).__name__}: {failure_reason(error)[:_LONGEST_REASON]}"
    else:
        return
    # Its turn goes on; who runs it is to learn of it too.
    _log.warning("%s", failure)
    raise ToolException(failure)


def _allowed(name: str) -> str:
    allowed = _NOT_IN_NAMES.sub("_", name)[:_LONGEST_NAME]
    if not allowed.strip("_-"):
        raise UsageError(f"tool name {name!r}: chat models take letters a-z and digits; choose a name of these")
    return allowed


def _result(documents: Sequence[Document]) -> tuple[str, list[FoundDocument]]:
    found = [FoundDocument.of(document) for document in documents]
    passages = [Passage.from_document(document, rank) for rank, document in enumerate(documents, start=1)]
    shown = [
        f"[{one.metadata['label']}] {passage.caption}\n{passage.body}"
        for one, passage in zip(found, passages, strict=True)
    ]
    return "\n\n".join(shown) or "Nothing was found.", found
