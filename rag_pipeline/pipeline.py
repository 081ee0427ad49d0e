"""One collection from folder to answer, for Python."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rag_pipeline import forking
from rag_pipeline.config import RetrievalMode, Settings, load_settings
from rag_pipeline.locations import Folder, as_folder

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.tools import BaseTool

    from rag_pipeline.answering import Answer, Answerer
    from rag_pipeline.answering.given_model import ChatModel
    from rag_pipeline.evaluation.feedback import Verdict
    from rag_pipeline.ingestion import IngestReport
    from rag_pipeline.integration.answer_chain import AnswerChain
    from rag_pipeline.integration.retriever import PipelineRetriever
    from rag_pipeline.integration.vector_store import PipelineVectorStore
    from rag_pipeline.passages import Passage
    from rag_pipeline.retrieval.lazy import LazySearcher
    from rag_pipeline.store.checking import Check


class Pipeline:
    """A collection: bring folders in, get passages, get answers, or hand its parts to a LangChain app.

    Nothing is opened or loaded before it is needed; all of it may be shared among threads. Every method has a twin
    whose name begins with ``a`` for event loops. Close it after use, or use it with ``with``.

    Args:
        config: a configuration, or its file; None: ``config.yaml`` as the commands find it.
        collection: its name; None: the default one.
        embeddings: any LangChain ``Embeddings`` in place of the configured one. Vectors are brought to length one.
        chat_model: any LangChain chat model, as :func:`rag_pipeline.build_answer_chain` takes it, or a name as
            ``answer.model`` takes it, in place of the configured one.

    Raises:
        ConfigurationError: the configuration cannot be used.

    Example:
        >>> with Pipeline("config.yaml", collection="ships") as ships:
        ...     ships.ingest("documents/ships")
        ...     passages = ships.retrieve("최대 흘수가 12.04 m인 컨테이너선은?")
        ...     answer = ships.answer("최대 흘수가 12.04 m인 컨테이너선은?")
    """

    def __init__(
        self,
        config: Settings | str | Path | None = None,
        *,
        collection: str | None = None,
        embeddings: Embeddings | None = None,
        chat_model: ChatModel | str | None = None,
    ) -> None:
        self.settings = config if isinstance(config, Settings) else load_settings(config)
        """The configuration in use."""
        self.collection = collection or self.settings.default_collection
        """The collection's name."""
        self._embeddings = embeddings
        self._chat_model = chat_model
        self._lock = threading.Lock()
        forking.renew_locks(self)
        self._lazy: LazySearcher | None = None
        self._answers: Answerer | None = None

    def ingest(
        self,
        *folders: str | Folder,
        rebuild: bool = False,
        delete: bool = True,
        confirm_removal: Callable[[int, int], bool] | None = None,
    ) -> IngestReport:
        """Bring folders into the collection: what is new, changed or deleted since the last time.

        Args:
            folders: paths or URLs (``s3://…``); none: those that the configuration names for the collection.
            rebuild: recreate the collection alongside the old one, which is replaced only when the new one is whole.
            delete: remove documents that are no longer in the folder.
            confirm_removal: asked with the documents to remove and those stored, before more than half of a
                collection goes; None: refuse.

        Returns:
            what was done; a file that could not be read is among its ``failures``, and the rest went in.

        Raises:
            UsageError, CollectionMismatchError, StoreError, EmbeddingError, ServiceError: see
                :func:`rag_pipeline.ingest`.
        """
        from rag_pipeline.embeddings.wrapped import as_pipeline_embeddings
        from rag_pipeline.ingestion.run import ingest
        from rag_pipeline.ingestion.targets import choose_targets

        paths = [as_folder(folder) for folder in folders]
        [target] = choose_targets(self.settings, paths, [self.collection], [], [], [])
        own = None if self._embeddings is None else as_pipeline_embeddings(self._embeddings)
        if own is not None:
            target = replace(target, embedding=own.identity.model)
        return ingest(
            self.settings, target, rebuild=rebuild, delete=delete, confirm_removal=confirm_removal, embeddings=own
        )

    async def aingest(
        self,
        *folders: str | Folder,
        rebuild: bool = False,
        delete: bool = True,
        confirm_removal: Callable[[int, int], bool] | None = None,
    ) -> IngestReport:
        """As :meth:`ingest`, in a thread."""
        return await asyncio.to_thread(
            self.ingest, *folders, rebuild=rebuild, delete=delete, confirm_removal=confirm_removal
        )

    def retrieve(
        self,
        question: str,
        k: int | None = None,
        *,
        mode: RetrievalMode | None = None,
        where: dict[str, Any] | None = None,
        exact: bool = False,
        explain: bool = False,
    ) -> list[Passage]:
        """The best passages, best first.

        Args:
            question: in any language the model knows.
            k: how many; None: as configured.
            mode: ``dense``, ``lexical`` or ``hybrid``; None: as configured.
            where: only passages whose metadata fit, e.g. ``{"type": "bulk"}``.
            exact: compare with every chunk rather than ask the index.
            explain: say of each passage where its score comes from.

        Raises:
            CollectionNotFoundError, CollectionMismatchError, StoreError, UsageError, EmbeddingError, ServiceError: see
                :class:`rag_pipeline.Searcher`.
        """
        searcher = self._searchers().get(mode=mode)
        return searcher.search(question, self._k(k), where=where, exact=exact, explain=explain)

    def retrieve_many(
        self,
        questions: Sequence[str],
        k: int | None = None,
        *,
        mode: RetrievalMode | None = None,
        where: dict[str, Any] | None = None,
        exact: bool = False,
        explain: bool = False,
    ) -> list[list[Passage]]:
        """The best passages for each of several questions, in their order; as :meth:`retrieve`.

        The questions are embedded together, which a local model does several times as fast as one by one.
        """
        searcher = self._searchers().get(mode=mode)
        return searcher.search_many(questions, self._k(k), where=where, exact=exact, explain=explain)

    async def aretrieve_many(
        self,
        questions: Sequence[str],
        k: int | None = None,
        *,
        mode: RetrievalMode | None = None,
        where: dict[str, Any] | None = None,
        exact: bool = False,
        explain: bool = False,
    ) -> list[list[Passage]]:
        """As :meth:`retrieve_many`, in a thread."""
        return await asyncio.to_thread(
            self.retrieve_many, questions, k, mode=mode, where=where, exact=exact, explain=explain
        )

    async def aretrieve(
        self,
        question: str,
        k: int | None = None,
        *,
        mode: RetrievalMode | None = None,
        where: dict[str, Any] | None = None,
        exact: bool = False,
        explain: bool = False,
    ) -> list[Passage]:
        """As :meth:`retrieve`, without holding up the event loop; questions that come together share a pass."""
        searcher = await asyncio.to_thread(self._searchers().get, mode=mode)
        return await searcher.asearch(question, self._k(k), where=where, exact=exact, explain=explain)

    def answer(self, question: str, k: int | None = None, *, where: dict[str, Any] | None = None) -> Answer:
        """An answer from the best passages, with citations that were checked against them.

        Raises:
            ConfigurationError: there is no chat model, or no key for it.
            ServiceError: the chat model cannot be reached, or refuses.
            RagPipelineError: as :meth:`retrieve`.
        """
        return self._answerer().answer(question, self.retrieve(question, k, where=where))

    async def aanswer(self, question: str, k: int | None = None, *, where: dict[str, Any] | None = None) -> Answer:
        """As :meth:`answer`, without holding up the event loop."""
        answerer = await asyncio.to_thread(self._answerer)
        return await answerer.aanswer(question, await self.aretrieve(question, k, where=where))

    def retriever(self, k: int | None = None, **fields: Any) -> PipelineRetriever:
        """A LangChain retriever of the collection.

        Args:
            k: how many documents; None: as configured.
            fields: others of :class:`rag_pipeline.PipelineRetriever`: ``mode``, ``where``, ``options``.
        """
        from rag_pipeline.integration.retriever import PipelineRetriever

        return PipelineRetriever.over(
            self._searchers(),
            settings=self.settings,
            collection=self.collection,
            embeddings=self._embeddings,
            k=k,
            **fields,
        )

    def answer_chain(self, k: int | None = None, **fields: Any) -> AnswerChain:
        """A runnable from question to answer; see :func:`rag_pipeline.build_answer_chain`.

        Args:
            k: how many passages; None: as configured.
            fields: others of :class:`rag_pipeline.PipelineRetriever`.
        """
        from rag_pipeline.integration.answer_chain import build_answer_chain

        return build_answer_chain(self.retriever(k, **fields), self._answerer())

    def as_tool(self, name: str | None = None, description: str | None = None, **fields: Any) -> BaseTool:
        """A tool for agents; see :meth:`rag_pipeline.PipelineRetriever.as_tool`.

        Args:
            name: how the agent calls it.
            description: what it is told of it; None: taken from the collection.
            fields: others of :class:`rag_pipeline.PipelineRetriever`.
        """
        return self.retriever(**fields).as_tool(name=name, description=description)

    def vector_store(self) -> PipelineVectorStore:
        """The collection as a LangChain vector store; it has to be there already."""
        from rag_pipeline.integration.vector_store import PipelineVectorStore

        return PipelineVectorStore.open(self.settings, self.collection, self._embeddings)

    def verify(self, *, repair: bool = False) -> Check:
        """Whether the collection is whole: its files, vectors, index and lexical index.

        Args:
            repair: mend what is off, without embedding; what was done is in the check's ``repaired``.

        Raises:
            CollectionNotFoundError: there is no such collection.
            StoreLockedError: another process is writing, and the collection is to be mended.
            StoreError: the store cannot be read or written.
        """
        from rag_pipeline.assembly import open_store
        from rag_pipeline.store.repair import verify_collections

        with closing(open_store(self.settings)) as store:
            return verify_collections(store, [self.collection], repair=repair)[self.collection]

    async def averify(self, *, repair: bool = False) -> Check:
        """As :meth:`verify`, in a thread."""
        return await asyncio.to_thread(self.verify, repair=repair)

    def feedback(self, question: str, passage_id: str, verdict: Verdict) -> dict[str, Any]:
        """Keep what a person says of a passage, as a line of a JSONL file next to the store.

        Args:
            question: what was asked.
            passage_id: the passage's ``id``.
            verdict: ``right`` or ``wrong``.

        Returns:
            the line: ``question``, ``collection``, ``passage``, ``source``, ``text``, ``verdict`` and ``time``.

        Raises:
            UsageError: there is no such passage or verdict, or the question is blank.
            CollectionNotFoundError: there is no such collection.
            StoreError: the store cannot be read.
            OutputError: the file cannot be written.
        """
        from rag_pipeline.errors import UsageError
        from rag_pipeline.evaluation.feedback import add_feedback
        from rag_pipeline.retrieval.open_collections import OpenCollections

        with closing(OpenCollections(self.settings, [self.collection])) as collections:
            if self.collection not in collections.names():
                collections.documents(self.collection)  # which says that there is none
            passage = collections.passage(passage_id)
        if passage is None:
            raise UsageError(f"collection {self.collection!r} holds no passage of the id {passage_id!r}")
        return add_feedback(self.settings, question, passage, verdict)

    async def afeedback(self, question: str, passage_id: str, verdict: Verdict) -> dict[str, Any]:
        """As :meth:`feedback`, in a thread."""
        return await asyncio.to_thread(self.feedback, question, passage_id, verdict)

    def load(self) -> None:
        """Open the collection and load its models now rather than at the first question, as a server wants it.

        Raises:
            CollectionNotFoundError, CollectionMismatchError, StoreError, CheckpointError: see
                :func:`rag_pipeline.open_searcher`.
        """
        self._searchers().get().load()

    async def aload(self) -> None:
        """As :meth:`load`, in a thread. Libraries hold up the event loop while they load: do it before serving."""
        await asyncio.to_thread(self.load)

    def close(self) -> None:
        """Let go of files and connections; what is used afterwards opens them again. What was given stays open."""
        with self._lock:
            lazy, answerer = self._lazy, self._answers
        if lazy is not None:
            lazy.close()
        if answerer is not None:
            answerer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await asyncio.to_thread(self.close)

    def _searchers(self) -> LazySearcher:
        from rag_pipeline.retrieval.lazy import LazySearcher

        with self._lock:
            if self._lazy is None:
                self._lazy = LazySearcher(self.settings, [self.collection], self._embeddings)
            return self._lazy

    def _answerer(self) -> Answerer:
        from rag_pipeline.integration.answer_chain import make_answerer

        with self._lock:
            if self._answers is None:
                self._answers = make_answerer(self._chat_model, self.settings)
            return self._answers

    def _k(self, k: int | None) -> int:
        return self.settings.retrieval.top_k if k is None else k
