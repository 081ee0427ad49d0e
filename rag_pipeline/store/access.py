"""The way to one Chroma collection: which one a name means now, whether it fits, and requests of bounded size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError, StoreError, UsageError
from rag_pipeline.lexical.index import LexicalIndex
from rag_pipeline.store.connection import Connection
from rag_pipeline.store.document_filters import WhereDocument, checked_document, document_predicates
from rag_pipeline.store.filters import Where, checked, predicates
from rag_pipeline.store.fingerprint import EMBEDDING_KEY, PROBE_KEY, STAGED_KEY, Fingerprint, describe_differences

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

# How often the store is asked again where an ingest writes and removes chunks while they are being read.
TRIES = 4
_PAUSE_SECONDS = 0.1
# Inner product, in Chroma's words.
SPACE = "ip"

_Read = TypeVar("_Read")


def space_of(chroma: ChromaCollection) -> str | None:
    """What a collection compares vectors by."""
    # The parsed `configuration` warns of the embedding function that is none of ours to name.
    made = chroma.configuration_json
    space = (made.get("hnsw") or made.get("spann") or {}).get("space")
    return None if space is None else str(space)


class CollectionAccess:
    """What reading, searching and writing one collection share.

    Raises:
        StoreError: its space is not inner product.
    """

    def __init__(
        self,
        connection: Connection,
        name: str,
        chroma: ChromaCollection,
        lexical_index: Callable[[str], LexicalIndex],
    ) -> None:
        self._connection = connection
        self._lexical_index = lexical_index
        self.name = name
        """The name it is asked by; Chroma's own of it is another while it is taking another one's place."""
        self._take(chroma)
        space = space_of(chroma)
        if space != SPACE:
            raise StoreError(
                f"collection {name!r} has the space {space!r}, not inner product ('ip');"
                f" recreate it: rag-pipeline ingest --collection {name} --rebuild"
            )

    def _take(self, chroma: ChromaCollection) -> None:
        self.id = str(chroma.id)
        """Chroma's own id of the collection; another one when it has been recreated."""
        metadata = chroma.metadata or {}
        embedding = metadata.get(EMBEDDING_KEY)
        self.embedding = None if embedding is None else str(embedding)
        """Name, in the configuration, of the embedding it was made with."""
        self.fingerprint = Fingerprint.from_metadata(metadata)
        """How it was made; None for a collection that this package did not make."""
        staged_for = metadata.get(STAGED_KEY)
        self.staged_for = None if staged_for is None else str(staged_for)
        """What it was made for, if in the place of another: ``rebuild``, ``adopt`` or ``repair``."""
        probe = metadata.get(PROBE_KEY)
        self.probe = None if probe is None else str(probe)
        """The vector of a text by which its embedding is known again, as :mod:`rag_pipeline.probe` writes it."""
        self.lexical = self._lexical_index(self.id)
        """The index of its chunks' terms: made from the rows, and recreated from them whenever it is missing."""

    @property
    def damage(self) -> str:
        """What is wrong with its vector index, and what to do; all but its vectors can be read. Empty if nothing is.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._read(self._connection.damage)

    @property
    def recovered(self) -> str:
        """What was wrong with its vector index before the present writer recovered it; empty if nothing was."""
        return self._connection.recovered.get(self.id, "")

    @property
    def ids_a_request(self) -> int:
        """How many ids one request may name."""
        return self._connection.limits.ids

    def _read(self, call: Callable[[ChromaCollection], _Read]) -> _Read:
        return self._ask(call)[1]

    def _ask(self, call: Callable[[ChromaCollection], _Read]) -> tuple[object, _Read]:
        """What a call gives, and which opening of the store it was asked of."""
        for tried in range(TRIES):
            chroma = None
            with self._connection.use() as opened:
                try:
                    with self._connection.translated("read"):
                        chroma = self._connection.collection(opened, self.name)
                        self._follow(chroma)
                        return self._connection.version(opened, chroma), call(chroma)
                except (StoreError, CollectionNotFoundError):
                    if chroma is not None and self._connection.damage(chroma):
                        raise  # as it stays until a writer recovers it, and then the store is opened again
                    # What was written since the client was opened is among the rows, and not yet in its index; and a
                    # collection that was recreated is another one.
                    self._connection.renew(opened)
                    if tried == TRIES - 1:
                        raise
            time.sleep(_PAUSE_SECONDS * tried)
        raise AssertionError

    def _follow(self, chroma: ChromaCollection) -> None:
        """Go on with the collection that has taken this one's place, if it was made in the same way."""
        if str(chroma.id) == self.id:
            return
        name, fingerprint = self.name, self.fingerprint
        made = Fingerprint.from_metadata(chroma.metadata)
        if fingerprint is None or made is None or fingerprint.differences(made):
            raise CollectionMismatchError(
                f"collection {name!r} was recreated in another way while it was in use; open it again"
            )
        self._take(chroma)

    def check_compatible(self, expected: Fingerprint, embedding: str | None) -> None:
        """Refuse a collection that was made in another way.

        Args:
            expected: what the configuration, or the caller, asks for.
            embedding: the name of that embedding in the configuration; None: the caller brought one.

        Raises:
            CollectionMismatchError: naming both and the command that mends it.
        """
        stored = self.fingerprint
        remedy = (
            f"recreate it: rag-pipeline ingest --collection {self.name} --embedding {embedding} --rebuild"
            if embedding is not None
            else "give those it was made with, or recreate it: Pipeline(…, embeddings=…).ingest(…, rebuild=True)"
        )
        if stored is None:
            raise CollectionMismatchError(
                f"collection {self.name!r} does not say how it was made (not by this package); {remedy}"
            )
        differences = stored.differences(expected)
        if differences:
            was, asked = describe_differences(differences)
            differs = embedding is not None and self.embedding not in (None, embedding)
            other = f", or use --embedding {self.embedding}" if differs else ""
            asks = (
                "the one that was given is another"
                if embedding is None
                else f"the configuration asks for {embedding!r}"
            )
            raise CollectionMismatchError(
                f"collection {self.name!r} was made with embedding {self.embedding!r} ({was});"
                f" {asks} ({asked}); {remedy}{other}"
            )

    def _condition(self, where: Where | None) -> dict[str, Any] | None:
        condition, most = checked(where), self._connection.limits.predicates
        if condition is not None and most is not None and (found := predicates(condition)) > most:
            raise UsageError(f"filter: {self._connection.address} takes {most} comparisons at most, found {found}")
        return condition

    def _document_condition(self, where: WhereDocument | None) -> dict[str, Any] | None:
        condition, most = checked_document(where), self._connection.limits.predicates
        if condition is not None and most is not None and (found := document_predicates(condition)) > most:
            raise UsageError(
                f"where_document: {self._connection.address} takes {most} conditions at most, found {found}"
            )
        return condition

    def _id_pages(self, ids: Sequence[str]) -> Iterator[list[str]]:
        unique, size = list(dict.fromkeys(ids)), self.ids_a_request  # Chroma refuses an id that is asked for twice
        for start in range(0, len(unique), size):
            yield unique[start : start + size]

    def _get(self, **arguments: Any) -> Any:
        return self._read(lambda chroma: chroma.get(**arguments))

    def _pages(self, include: list[Any], where: dict[str, Any] | None = None, size: int | None = None) -> Iterator[Any]:
        offset, rows = 0, size or self._connection.limits.rows
        while True:
            page = self._get(limit=rows, offset=offset, include=include, where=where)
            if not page["ids"]:
                return
            yield page
            if len(page["ids"]) < rows:
                return
            offset += len(page["ids"])
