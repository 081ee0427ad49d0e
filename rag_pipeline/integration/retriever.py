"""The retriever that a LangChain app takes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever, LangSmithRetrieverParams
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from rag_pipeline.config import RetrievalMode, Settings
from rag_pipeline.integration.tool import describe, make_tool
from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.lazy import LazySearcher
from rag_pipeline.retrieval.protocol import AnySearcher
from rag_pipeline.retrieval.questions import check_k


class PipelineRetriever(BaseRetriever):
    """Passages of a collection as LangChain documents, best first.

    The collection is opened at the first question, stays open, and follows what is ingested later. Safe to share
    among threads and event loops; a copy, also one that went through pickle, opens it for itself. ``k``, ``mode`` and
    ``where`` may also be given with a question: ``retriever.invoke("…", k=2)``.

    Example:
        >>> retriever = PipelineRetriever(collection="ships", k=4)
        >>> documents = retriever.invoke("최대 흘수가 12.04 m인 컨테이너선은?")

    Raises, when asked:
        CollectionNotFoundError, CollectionMismatchError, StoreError: see
            :func:`rag_pipeline.retrieval.open_searcher`.
        UsageError: the question is no text, or an option is not allowed. A blank question gives no passages: among
            several that a model has made up, as LangChain's ``MultiQueryRetriever`` does it, one may be blank.
        EmbeddingError, ServiceError: the question cannot be embedded.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    config: str | Path | None = None
    """A configuration file; None: ``config.yaml`` as the commands find it. Not read where ``settings`` are given."""
    settings: Settings | None = Field(default=None, repr=False)
    """A configuration that is loaded already."""
    collection: str | list[str] | None = None
    """One collection, or several to be asked at once; None: the default one."""
    k: int | None = Field(default=None, ge=1)
    """How many passages; None: ``retrieval.top_k`` of the configuration."""
    mode: RetrievalMode | None = None
    """``dense``, ``lexical`` or ``hybrid``; None: as configured."""
    where: dict[str, Any] | None = None
    """Only passages whose metadata fit, e.g. ``{"type": "bulk"}``."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Other fields of :class:`rag_pipeline.SearchOptions`, such as ``distinct`` or ``min_score``."""
    embeddings: Embeddings | None = Field(default=None, repr=False)
    """What the collection was made with, where that is not an embedding of the configuration."""

    _lazy: LazySearcher | None = PrivateAttr(default=None)

    def model_post_init(self, _context: Any) -> None:
        """Nothing is opened yet."""
        self._lazy = self._closed()

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._lazy = copied._closed()
        return copied

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, which opens its collection for itself: it may be another one.

        Args:
            update: fields that are to differ.
            deep: copy the fields too.
        """
        copied = super().model_copy(update=update, deep=deep)
        copied._lazy = copied._closed()
        return copied

    def _closed(self) -> LazySearcher:
        names = [self.collection] if isinstance(self.collection, str) else self.collection
        return LazySearcher(self.settings or self.config, names, self.embeddings)

    @classmethod
    def over(cls, lazy: LazySearcher, **fields: Any) -> Self:
        """A retriever that shares an open searcher with others."""
        retriever = cls(**fields)
        retriever._lazy = lazy
        return retriever

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,
    ) -> BaseTool:
        """A tool for agents: passages with their sources and labels to cite them by, the documents as its artifact.

        Args:
            args_schema: as LangChain's own; with it, or ``arg_types``, the tool is LangChain's generic one.
            name: how the agent calls it; None: ``search_`` and the collection's name.
            description: what it is told of it; None: taken from the collection, which is opened for it.
            arg_types: as LangChain's own.

        Raises:
            UsageError: nothing of the name is left when what chat models do not allow in names is taken out.
            RagPipelineError: the collection cannot be opened for its description.
        """
        if args_schema is not None or arg_types is not None:
            return super().as_tool(args_schema, name=name, description=description, arg_types=arg_types)
        searcher = self._searcher({})
        return make_tool(self, name or f"search_{searcher.collection}", description or describe(searcher))

    def load(self) -> None:
        """Open the collection and load its models now rather than at the first question."""
        self._searcher({}).load()

    async def aload(self) -> None:
        """As :meth:`load`, in a thread."""
        await asyncio.to_thread(self.load)

    def close(self) -> None:
        """Let go of the files; the next question opens them again."""
        self._shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 (LangChain's)
        **changes: Any,
    ) -> list[Document]:
        searcher, k, where = self._prepared(changes)
        return _documents(searcher.search(query, k, where=where)) if _asks(query) else []

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 (LangChain's)
        **changes: Any,
    ) -> list[Document]:
        # Opening reads files, and may load a model.
        searcher, k, where = await asyncio.to_thread(self._prepared, changes)
        return _documents(await searcher.asearch(query, k, where=where)) if _asks(query) else []

    def _get_ls_params(self, **_: Any) -> LangSmithRetrieverParams:
        return LangSmithRetrieverParams(ls_retriever_name="rag_pipeline", ls_vector_store_provider="Chroma")

    def _prepared(self, changes: dict[str, Any]) -> tuple[AnySearcher, int, dict[str, Any] | None]:
        changes = dict(changes)
        asked = changes.pop("k", None)
        k = check_k(asked) if asked is not None else self.k or self._shared.settings.retrieval.top_k
        where = changes.pop("where", self.where)
        return self._searcher(changes), k, where

    def _searcher(self, changes: dict[str, Any]) -> AnySearcher:
        return self._shared.get(**{"mode": self.mode, **self.options, **changes})

    @property
    def _shared(self) -> LazySearcher:
        assert self._lazy is not None
        return self._lazy


def _asks(query: Any) -> bool:
    """Whether there is anything in a question; among those that a model made up, one may be blank."""
    return not isinstance(query, str) or bool(query.strip())


def _documents(passages: Sequence[Passage]) -> list[Document]:
    return [passage.as_document() for passage in passages]
