"""A question asked of the server that is running anyway: the same passages and answers, without loading anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from rag_pipeline import errors
from rag_pipeline.errors import RagPipelineError, ServiceError
from rag_pipeline.passages import Passage
from rag_pipeline.server import place
from rag_pipeline.server.client import LocalClient, NoServerError

if TYPE_CHECKING:
    from rag_pipeline.answering import Answer
    from rag_pipeline.config import Settings
    from rag_pipeline.store.filters import Where


class Asked(Protocol):
    """What a command needs of a searcher."""

    @property
    def collection(self) -> str:
        """The collection's name; several are joined by commas."""

    @property
    def mode(self) -> str:
        """``dense``, ``lexical`` or ``hybrid``."""

    @property
    def has_least_score(self) -> bool:
        """Whether passages below a score or a confidence are left out."""

    def search(
        self, question: str, k: int, *, where: Where | None = None, exact: bool = False, explain: bool = False
    ) -> list[Passage]:
        """The k best passages, best first."""

    def close(self) -> None:
        """Let go of it."""


class Answers(Protocol):
    """What a command needs of an answerer."""

    def answer(self, question: str, passages: Sequence[Passage]) -> Answer:
        """The answer, all at once."""

    def stream(self, question: str, passages: Sequence[Passage]) -> Iterator[str | Answer]:
        """The answer as it comes."""

    def close(self) -> None:
        """Let go of it."""


class WarmSearcher:
    """Asks the server of a store; where it is gone meanwhile, or declines, the collections are opened here.

    Args:
        settings: the configuration.
        collections: the names that were given; none: the default one.
        options: of the search.
        answer: whether the answer is wanted from the server too.
        cold: opens the collections here.

    Raises:
        NoServerError: there is no server, or it is none of this code, this configuration and this environment.
    """

    def __init__(
        self,
        settings: Settings,
        collections: Sequence[str],
        options: dict[str, Any],
        answer: bool,
        cold: Callable[[], Asked],
    ) -> None:
        self._client = LocalClient(settings)
        running = self._client.hello()
        if not running.fits or not running.ready or (answer and not running.same_services):
            raise NoServerError
        rerank = options.get("rerank")
        self._given = {
            "identity": place.identity(settings),
            "surroundings": place.surroundings(),
            "collections": list(dict.fromkeys(collections)),
            "options": {**options, "rerank": None if rerank is None else rerank.model_dump(mode="json")},
        }
        opened = self._client.ask("/shell/open", self._given, _OPEN_SECONDS)
        try:
            self.collection = str(opened["collection"])
            self.mode = str(opened["mode"])
            self.has_least_score = bool(opened["has_least_score"])
        except KeyError:
            raise NoServerError from None
        self._make_cold = cold
        self._cold: Asked | None = None

    def search(
        self, question: str, k: int, *, where: Where | None = None, exact: bool = False, explain: bool = False
    ) -> list[Passage]:
        """As :meth:`rag_pipeline.Searcher.search`."""
        if self._cold is None:
            asked = {**self._given, "question": question, "k": k, "where": where, "exact": exact, "explain": explain}
            try:
                found = self._client.ask("/shell/search", asked)
                return [Passage.from_values(values) for values in found["passages"]]
            except (NoServerError, KeyError, TypeError):
                # Also where something is wrong with the question: it is said here as ever.
                self._cold = self._make_cold()
        return self._cold.search(question, k, where=where, exact=exact, explain=explain)

    def answers(self, cold: Callable[[], Answers]) -> Answers:
        """What answers in the same way."""
        return cold() if self._cold is not None else WarmAnswerer(self._client, self._given, cold)

    def close(self) -> None:
        """Close what was opened here."""
        if self._cold is not None:
            self._cold.close()


class WarmAnswerer:
    """Lets the server answer; where it is gone before it said anything, the model is asked from here."""

    def __init__(self, client: LocalClient, given: dict[str, Any], cold: Callable[[], Answers]) -> None:
        self._client = client
        self._given = given
        self._make_cold = cold
        self._cold: Answers | None = None

    def answer(self, question: str, passages: Sequence[Passage]) -> Answer:
        """As :meth:`rag_pipeline.answering.Answerer.answer`."""
        *_, whole = self.stream(question, passages)
        assert not isinstance(whole, str)
        return whole

    def stream(self, question: str, passages: Sequence[Passage]) -> Iterator[str | Answer]:
        """As :meth:`rag_pipeline.answering.Answerer.stream`."""
        from rag_pipeline.answering.answer import Answer, Citation

        asked = {**self._given, "question": question, "passages": [passage.as_values() for passage in passages]}
        begun = False
        try:
            for said in self._client.stream("/shell/answer", asked):
                begun = True
                if "text" in said:
                    yield said["text"]
                elif "error" in said:
                    raise _error(said["error"])
                else:
                    values = {name: value for name, value in said["answer"].items() if name != "grounded"}
                    citations = [Citation(**citation) for citation in values.pop("citations")]
                    yield Answer(citations=citations, **values)
                    return
            raise NoServerError
        except NoServerError:
            if begun:
                raise ServiceError("the server ended before the end of the answer; ask again") from None
        self._cold = self._make_cold()
        yield from self._cold.stream(question, passages)

    def close(self) -> None:
        """Close what was opened here."""
        if self._cold is not None:
            self._cold.close()


# To open a collection takes a moment the first time; one that is held up is not waited for.
_OPEN_SECONDS = 5


def _error(said: dict[str, str]) -> RagPipelineError:
    kind = getattr(errors, str(said["kind"]), None)
    fits = isinstance(kind, type) and issubclass(kind, RagPipelineError)
    return kind(said["message"]) if fits else ServiceError(said["message"])  # type: ignore[misc]
