"""What the routes of a server share: collections that are open, the chat model, places for those who ask."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from rag_pipeline.config import Settings
from rag_pipeline.errors import RagPipelineError
from rag_pipeline.integration.answer_chain import make_answerer
from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.open_collections import OpenCollections
from rag_pipeline.retrieval.protocol import AnySearcher
from rag_pipeline.retrieval.rerank import CrossEncoding
from rag_pipeline.server.metrics import Metrics
from rag_pipeline.server.problems import ProblemError, Wording
from rag_pipeline.server.streams import while_connected

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from starlette.requests import Request

    from rag_pipeline.answering import Answerer
    from rag_pipeline.answering.given_model import ChatModel

T = TypeVar("T")

_PAUSE_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Search:
    """A question on its way: what it is put to, and how."""

    question: str
    collections: Sequence[str]
    k: int
    options: Mapping[str, Any]
    """Fields of :class:`SearchOptions`."""
    where: Mapping[str, Any] | None = None
    exact: bool = False
    explain: bool = False


class Service:
    """One server's state.

    Args:
        settings: the configuration.
        embeddings: of collections, by name, that were made with none of the configuration's.
        chat_model: in place of the configured one.
    """

    def __init__(
        self,
        settings: Settings,
        embeddings: Mapping[str, Embeddings] | None = None,
        chat_model: ChatModel | None = None,
    ) -> None:
        self.settings = settings
        self.collections = OpenCollections(settings, settings.serve.collections, embeddings)
        self.metrics = Metrics()
        self.wording = Wording(settings)
        self.is_ready = False
        """Whether a question has been answered."""
        self.unavailable: dict[str, ProblemError] = {}
        """Collections that cannot be asked, and why."""
        self._chat_model = chat_model
        self._answerer: Answerer | None = None
        self._cross_encoder: CrossEncoding | None = None
        self._lock = threading.Lock()
        self._free = settings.serve.concurrency

    async def warm_up(self) -> None:
        """Load what is needed, by a question to each collection, until one is answered."""
        while not self.is_ready:
            try:
                names = await asyncio.to_thread(self.collections.names)
            except RagPipelineError as error:
                _log.error("not ready: %s", error)
                names = []
            for name in names:
                try:
                    await asyncio.to_thread(self.collections.load, name)
                except RagPipelineError as error:
                    _log.error("collection %s cannot be asked: %s", name, error)
                    self.unavailable[name] = self.wording.problem(error)
                else:
                    self.unavailable.pop(name, None)
                    self.is_ready = True
            self.metrics.ready(self.is_ready)
            if not self.is_ready:
                await asyncio.sleep(_PAUSE_SECONDS)

    def take_place(self) -> Callable[[], None]:
        """A place among those that are answered at once; call what is returned to leave it.

        Raises:
            ProblemError: there is none.
        """
        if self._free <= 0:
            self.metrics.refused()
            raise ProblemError(429, "busy", "too many questions are under way; ask again in a moment")
        self._free -= 1
        taken = True

        def leave() -> None:
            nonlocal taken
            if taken:
                taken = False
                self._free += 1

        return leave

    async def run(self, request: Request, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        """What some work gives, with a place, within its time, for as long as the client waits.

        Raises:
            ProblemError: no place, no time, or what an error of ours is.
        """
        try:
            async with self.limits(seconds):
                return await while_connected(request.receive, work)
        finally:
            work.close()

    @contextlib.asynccontextmanager
    async def limits(self, seconds: float | None = None) -> AsyncIterator[None]:
        """A place, and a time, around the work for one who asks; None: the deadline of a search.

        Raises:
            ProblemError: no place, no time, or what an error of ours is.
        """
        leave = self.take_place()
        try:
            with self.named():
                async with asyncio.timeout(seconds or self.settings.serve.deadline):
                    yield
        finally:
            leave()

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Give an error of ours its status."""
        try:
            yield
        except RagPipelineError as error:
            problem = self.wording.problem(error)
            if problem.status >= 500:
                _log.error("%s", error)
            raise problem from None
        except TimeoutError:
            raise ProblemError(503, "deadline", "it took too long; ask again later") from None

    async def search(self, asked: Search) -> tuple[AnySearcher, list[Passage]]:
        """The passages, and by what they were found.

        Raises:
            RagPipelineError: as :meth:`rag_pipeline.Searcher.search`.
        """
        return await self.collections.asearch(
            asked.collections, asked.question, asked.k, asked.options,
            where=asked.where, exact=asked.exact, explain=asked.explain,
        )  # fmt: skip

    def answerer(self) -> Answerer:
        """What answers, with its connections.

        Raises:
            ConfigurationError: there is no chat model, or no key for it.
        """
        with self._lock:
            if self._answerer is None:
                self._answerer = make_answerer(self._chat_model, self.settings)
            return self._answerer

    def cross_encoder(self) -> CrossEncoding | None:
        """The cross-encoder of the configuration; None: it names none.

        Raises:
            CheckpointError, ServiceError: its model cannot be had.
        """
        rerank = self.settings.retrieval.rerank
        with self._lock:
            if self._cross_encoder is None and rerank.method == "cross_encoder":
                self._cross_encoder = CrossEncoding(rerank, self.settings.base_dir)
            return self._cross_encoder

    def close(self) -> None:
        """Let go of files and connections."""
        self.collections.close()
        if self._answerer is not None:
            self._answerer.close()


def service_of(request: Request) -> Service:
    """The service that a request is for."""
    service: Service = request.app.state.service
    return service
