"""What one Chroma collection holds: reading and searching it."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from rag_pipeline.errors import CollectionMismatchError, CollectionNotFoundError, StoreError, UsageError
from rag_pipeline.lexical.index import LexicalIndex
from rag_pipeline.store.connection import Connection
from rag_pipeline.store.filters import Where, checked, fits, predicates
from rag_pipeline.store.fingerprint import EMBEDDING_KEY, Fingerprint, describe_differences
from rag_pipeline.store.records import StoredFiles
from rag_pipeline.store.words import WordsCopy

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

# How often the store is asked again where an ingest writes and removes chunks while they are being read.
_TRIES = 4
_PAUSE_SECONDS = 0.1
_SAMPLE_PAGES = 8
# Inner product, in Chroma's words.
SPACE = "ip"
# How many more than wanted are looked at where only some may fit a filter.
_WIDER = 3
# So few that fit a filter are compared one by one.
_FEW = 1000

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Hit:
    """A stored chunk found for a vector."""

    id: str
    text: str
    metadata: Mapping[str, Any]
    score: float
    """Inner product of the question's vector and the chunk's; higher is better."""


def space_of(chroma: ChromaCollection) -> str | None:
    """What a collection compares vectors by."""
    # The parsed `configuration` warns of the embedding function that is none of ours to name.
    made = chroma.configuration_json
    space = (made.get("hnsw") or made.get("spann") or {}).get("space")
    return None if space is None else str(space)


class CollectionReader:
    """Reads one collection; made by :class:`rag_pipeline.store.Store`.

    Raises:
        StoreError: its space is not inner product.
    """

    def __init__(
        self, connection: Connection, chroma: ChromaCollection, lexical_index: Callable[[str], LexicalIndex]
    ) -> None:
        self._connection = connection
        self._lexical_index = lexical_index
        self._words = WordsCopy(self) if connection.is_shared else None
        self._take(chroma)
        space = space_of(chroma)
        if space != SPACE:
            raise StoreError(
                f"collection {chroma.name!r} has the space {space!r}, not inner product ('ip');"
                f" make it anew: ingest.py --collection {chroma.name} --rebuild"
            )

    def _take(self, chroma: ChromaCollection) -> None:
        self.name = chroma.name
        """The collection's name."""
        self.id = str(chroma.id)
        """Chroma's own id of the collection; another one when it has been made anew."""
        metadata = chroma.metadata or {}
        embedding = metadata.get(EMBEDDING_KEY)
        self.embedding = None if embedding is None else str(embedding)
        """Name, in the configuration, of the embedding it was made with."""
        self.fingerprint = Fingerprint.from_metadata(metadata)
        """How it was made; None for a collection that this package did not make."""
        self.lexical = self._lexical_index(self.id)
        """The index of its chunks' terms: made from the rows, and made anew from them whenever it is gone."""

    def refresh(self, *, at_once: bool = False, words: bool = True) -> object:
        """See what other processes have written; cheap if they have not.

        Args:
            at_once: also while they write, when the store is otherwise opened again only now and then.
            words: whether the lexical index is wanted, where this machine has to bring its copy in step.

        Returns:
            a value that is equal for as long as nothing was written.

        Raises:
            CollectionMismatchError: it was made anew in another way.
            StoreError: it is gone, or cannot be read.
        """
        if at_once:
            self._connection.renew()
        version, chroma = self._ask(lambda chroma: chroma)
        if self._words is not None and words:
            self._words.follow(chroma)
        return version

    @property
    def lexical_follows(self) -> bool:
        """Whether its lexical index is this machine's copy, which is made and kept in step by :meth:`refresh`."""
        return self._words is not None

    @property
    def lexical_problem(self) -> str:
        """Why there is no lexical index that is in step; empty where that is only not done yet."""
        return "" if self._words is None else self._words.problem

    @property
    def ids_a_request(self) -> int:
        """How many ids one request may name."""
        return self._connection.limits.ids

    def _read(self, call: Callable[[ChromaCollection], _Read]) -> _Read:
        return self._ask(call)[1]

    def _ask(self, call: Callable[[ChromaCollection], _Read]) -> tuple[object, _Read]:
        """What a call gives, and which opening of the store it was asked of."""
        for tried in range(_TRIES):
            with self._connection.use() as generation:
                try:
                    with self._connection.translated("read"):
                        chroma = self._connection.collection(generation, self.name)
                        self._follow(chroma)
                        return self._connection.version(generation, chroma), call(chroma)
                except (StoreError, CollectionNotFoundError):
                    # What was written since the client was opened is among the rows, and not yet in its index; and a
                    # collection that is made anew is gone for a moment.
                    self._connection.renew(generation)
                    if tried == _TRIES - 1:
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
                f"collection {name!r} was made anew in another way while it was in use; open it again"
            )
        self._take(chroma)

    def require(self, expected: Fingerprint, embedding: str | None) -> None:
        """Refuse a collection that was made in another way.

        Args:
            expected: what the configuration, or the caller, asks for.
            embedding: the name of that embedding in the configuration; None: the caller brought one.

        Raises:
            CollectionMismatchError: naming both and the command that mends it.
        """
        stored = self.fingerprint
        remedy = (
            f"make it anew: ingest.py --collection {self.name} --embedding {embedding} --rebuild"
            if embedding is not None
            else "give those it was made with, or make it anew: Pipeline(…, embeddings=…).ingest(…, rebuild=True)"
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

    @property
    def count(self) -> int:
        """How many chunks it holds."""
        return self._read(lambda chroma: chroma.count())

    def ids(self) -> set[str]:
        """Ids of all chunks."""
        # One request where there may be one: each page costs a walk to its beginning.
        if self._connection.limits.results is None:
            return set(self._get(include=[])["ids"])
        return {chunk_id for page in self._pages([]) for chunk_id in page["ids"]}

    def stored_files(self) -> StoredFiles:
        """What it holds, file by file.

        Only the first chunk of each file is read, and those that are of no file whose first chunk is there: the ids of
        a file's chunks follow from it, and reading the metadata of all would take most of a sync's time.
        """
        files = StoredFiles(self.ids(), self._holders)
        rest = set(files.all_ids())
        for page in self._pages(["metadatas"], {"chunk_index": 0}, self._connection.limits.light_rows):
            for metadata in page["metadatas"]:
                rest -= files.add_file(metadata)
        for part in self._id_pages(sorted(rest)):
            page = self._get(ids=part, include=["metadatas"])
            for chunk_id, metadata in zip(page["ids"], page["metadatas"], strict=True):
                files.add(chunk_id, metadata)
        return files

    def text_hashes(self) -> set[str]:
        """Hashes of what the vectors depend on, of all chunks; reads all their metadata."""
        pages = self._pages(["metadatas"], size=self._connection.limits.light_rows)
        return {str((known or {}).get("text_sha256") or "") for page in pages for known in page["metadatas"]} - {""}

    def _holders(self, hashes: Sequence[str]) -> dict[str, list[str]]:
        """Chunks that hold some texts, by hash."""
        found: dict[str, list[str]] = {}
        for part in self._id_pages(hashes):
            for page in self._pages(["metadatas"], {"text_sha256": {"$in": part}}):
                for chunk_id, metadata in zip(page["ids"], page["metadatas"], strict=True):
                    found.setdefault(str(metadata["text_sha256"]), []).append(chunk_id)
                if all(one in found for one in part):
                    break  # a text that thousands of files share is found once
        return found

    def titles(self, chunks: int = 20_000) -> tuple[list[str], str]:
        """Titles of the documents, and their number in words: ``6``, or ``more than 900`` where there are more chunks.

        Args:
            chunks: how many are looked at.
        """
        found: dict[object, str] = {}
        seen = 0
        for page in self._pages(["metadatas"]):
            for metadata in page["metadatas"] or []:
                known = metadata or {}
                found.setdefault((known.get("folder"), known.get("source")), str(known.get("title") or ""))
            seen += len(page["ids"])
            if seen >= chunks:
                break
        titles = list(dict.fromkeys(title for title in found.values() if title))
        return titles, f"more than {len(found)}" if seen < self.count else str(len(found))

    def rows(self) -> Iterator[tuple[str, Mapping[str, Any], npt.NDArray[np.float32]]]:
        """Id, metadata and vector of every chunk, a page in memory at a time."""
        for page in self._pages(["metadatas", "embeddings"]):
            vectors = np.asarray(page["embeddings"], dtype=np.float32)
            for chunk_id, metadata, vector in zip(page["ids"], page["metadatas"], vectors, strict=True):
                yield chunk_id, metadata or {}, vector

    def vectors(self) -> tuple[list[str], np.ndarray[Any, np.dtype[np.float32]]]:
        """Every id and its vector: (chunks, dimension). For exact ranking and checks."""
        ids: list[str] = []
        pages: list[Any] = []
        for page in self._pages(["embeddings"]):
            ids += page["ids"]
            pages.append(np.asarray(page["embeddings"], dtype=np.float32))
        return ids, np.concatenate(pages) if pages else np.empty((0, 0), np.float32)

    def vectors_of(self, ids: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
        """Vectors of some chunks, by id; those that are not there are left out."""
        found: dict[str, npt.NDArray[np.float32]] = {}
        for part in self._id_pages(ids):
            page = self._get(ids=part, include=["embeddings"])
            vectors = np.asarray(page["embeddings"], dtype=np.float32)
            found.update(zip(page["ids"], vectors, strict=True))
        return found

    def sample(self, size: int) -> tuple[npt.NDArray[np.float32], list[str]]:
        """Vectors, (size, dimension), and texts of chunks spread over the collection, always the same ones."""
        page = max(1, size // _SAMPLE_PAGES)
        step = max(page, self.count // _SAMPLE_PAGES)
        vectors, texts = [], []
        for start in range(0, step * _SAMPLE_PAGES, step):
            got = self._get(limit=page, offset=start, include=["embeddings", "documents"])
            if got["ids"]:
                vectors.append(np.asarray(got["embeddings"], dtype=np.float32))
                texts += [text or "" for text in got["documents"] or []]
        return np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32), texts

    def matching(self, where: Where, ids: Sequence[str] | None = None, limit: int | None = None) -> list[str]:
        """Ids of chunks whose metadata fit, among some or all, in no order."""
        condition = self._condition(where)
        limits = self._connection.limits
        found: list[str] = []
        if ids is None:
            size = limit if limit is not None and limits.results is None else limits.light_rows
            for page in self._pages([], condition, size):
                found += page["ids"]
                if limit is not None and len(found) >= limit:
                    break
            return found[:limit]
        for part in self._id_pages(ids):
            # Asked for both, Chroma goes through all chunks that fit once for each id.
            page = self._get(ids=part, include=["metadatas"])
            rows = zip(page["ids"], page["metadatas"], strict=True)
            found += [chunk_id for chunk_id, metadata in rows if condition is None or fits(metadata or {}, condition)]
        return found[:limit]

    def rows_of(self, ids: Sequence[str]) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """Text and metadata of some chunks, by id; those that are not there are left out."""
        found: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for part in self._id_pages(ids):
            got = self._get(ids=part, include=["documents", "metadatas"])
            rows = zip(got["ids"], got["documents"] or [], got["metadatas"] or [], strict=True)
            found.update({chunk_id: (text or "", metadata or {}) for chunk_id, text, metadata in rows})
        return found

    def nearest(
        self,
        vector: Sequence[float] | npt.NDArray[np.float32],
        k: int,
        where: Where | None = None,
        *,
        exact: bool = False,
    ) -> dict[str, float]:
        """As :meth:`search`, but ids and inner products alone, which is faster where many are wanted."""
        condition = self._condition(where)
        if exact:
            return {chunk_id: -negative for negative, chunk_id in self._rank_exactly(vector, k, condition)}
        if condition:
            first = self._first_fitting(vector, k, condition)
            if len(first) == k:
                return first
            few = self.matching(condition, limit=_FEW + 1)
            if len(few) <= _FEW:
                # The index would wade through all that do not fit to find these.
                question = np.asarray(vector, dtype=np.float32)
                scores = {chunk_id: float(stored @ question) for chunk_id, stored in self.vectors_of(few).items()}
                return dict(heapq.nsmallest(k, scores.items(), key=lambda scored: (-scored[1], scored[0])))
        found = self._query(vector, k, condition, ["distances"])
        assert found["distances"]
        return {
            chunk_id: 1.0 - distance for chunk_id, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        }

    def _first_fitting(
        self, vector: Sequence[float] | npt.NDArray[np.float32], k: int, condition: dict[str, Any]
    ) -> dict[str, float]:
        """Those of the nearest that fit: k of them where most chunks do, which Chroma would list before it looks."""
        from chromadb.api.types import validate_where

        with self._connection.translated("read"):
            validate_where(condition)
        found = self._query(vector, k * _WIDER, None, ["distances", "metadatas"])
        rows = zip(found["ids"][0], found["distances"][0], found["metadatas"][0], strict=True)
        fitting = ((chunk_id, 1.0 - distance) for chunk_id, distance, known in rows if fits(known or {}, condition))
        return dict(itertools.islice(fitting, k))

    def texts_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Texts of some chunks, by id; those that are not there are left out."""
        return {chunk_id: text for chunk_id, (text, _) in self.rows_of(ids).items()}

    def search(self, vector: Sequence[float], k: int, where: Where | None = None, *, exact: bool = False) -> list[Hit]:
        """The k chunks of highest inner product, best first; fewer if there are fewer.

        Args:
            vector: the question's.
            k: how many.
            where: only chunks whose metadata fit; see :mod:`rag_pipeline.store.filters`.
            exact: compare with every chunk rather than ask the index, which may miss one now and then.

        Raises:
            UsageError: the filter cannot be understood.
            StoreError: the store cannot be read.
        """
        condition = self._condition(where)
        if exact:
            return self._search_exactly(vector, k, condition)
        hits: list[Hit] = []
        for _ in range(_TRIES):
            found = self._query(vector, k, condition, ["documents", "metadatas", "distances"])
            columns = (found[name][0] for name in ("ids", "documents", "metadatas", "distances"))
            rows = list(zip(*columns, strict=True))
            # A chunk that another process removes meanwhile is found without its text.
            hits = [
                Hit(chunk_id, text, metadata or {}, 1.0 - distance)
                for chunk_id, text, metadata, distance in rows
                if text is not None
            ]
            if len(hits) == len(rows):
                break
            self._connection.renew()
        return hits

    def _condition(self, where: Where | None) -> dict[str, Any] | None:
        condition, most = checked(where), self._connection.limits.predicates
        if condition is not None and most is not None and (found := predicates(condition)) > most:
            raise UsageError(f"filter: {self._connection.place} takes {most} comparisons at most, found {found}")
        return condition

    def _id_pages(self, ids: Sequence[str]) -> Iterator[list[str]]:
        unique, size = list(dict.fromkeys(ids)), self.ids_a_request  # Chroma refuses an id that is asked for twice
        for start in range(0, len(unique), size):
            yield unique[start : start + size]

    def _get(self, **arguments: Any) -> Any:
        return self._read(lambda chroma: chroma.get(**arguments))

    def _query(
        self,
        vector: Sequence[float] | npt.NDArray[np.float32],
        k: int,
        condition: dict[str, Any] | None,
        include: list[Any],
    ) -> Any:
        """Ask the index. Chroma's distance in this space is 1 - inner product; it goes no further than this class."""
        question = np.asarray([vector], dtype=np.float32)
        most = self._connection.limits.results
        k = k if most is None else min(k, most)
        if k > self._connection.limits.rows:
            k = max(1, min(k, self.count))  # Chroma sets memory aside for as many as are asked for
        return self._read(lambda chroma: chroma.query(question, n_results=k, where=condition, include=include))

    def _rank_exactly(
        self, vector: Sequence[float] | npt.NDArray[np.float32], k: int, condition: dict[str, Any] | None
    ) -> list[tuple[float, str]]:
        """Negative inner products and ids of the k best."""
        question = np.asarray(vector, dtype=np.float32)
        best: list[tuple[float, str]] = []
        for page in self._pages(["embeddings"], condition):
            scores = np.asarray(page["embeddings"], dtype=np.float32) @ question
            found = [(-float(score), chunk_id) for score, chunk_id in zip(scores, page["ids"], strict=True)]
            best = heapq.nsmallest(k, [*best, *found])
        return best

    def _search_exactly(self, vector: Sequence[float], k: int, condition: dict[str, Any] | None) -> list[Hit]:
        best = self._rank_exactly(vector, k, condition)
        if not best:
            return []
        rows = self.rows_of([chunk_id for _, chunk_id in best])
        return [Hit(chunk_id, *rows[chunk_id], -negative) for negative, chunk_id in best if chunk_id in rows]

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
