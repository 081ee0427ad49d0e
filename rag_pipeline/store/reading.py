"""What one Chroma collection holds: ids, texts, metadata and vectors of its chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rag_pipeline.lexical.index import LexicalIndex
from rag_pipeline.store.access import CollectionAccess
from rag_pipeline.store.connection import Connection
from rag_pipeline.store.filters import Where, fits
from rag_pipeline.store.lexical_replica import LexicalReplica
from rag_pipeline.store.records import StoredFiles

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

_SAMPLE_PAGES = 8


class CollectionReader(CollectionAccess):
    """Reads one collection, without its vector index; made by :class:`rag_pipeline.store.Store`."""

    def __init__(
        self,
        connection: Connection,
        name: str,
        chroma: ChromaCollection,
        lexical_index: Callable[[str], LexicalIndex],
    ) -> None:
        super().__init__(connection, name, chroma, lexical_index)
        self._replica = LexicalReplica(self) if connection.is_shared else None

    def refresh(self, *, at_once: bool = False, words: bool = True) -> object:
        """See what other processes have written; cheap if they have not.

        Args:
            at_once: also while they write, when the store is otherwise opened again only now and then.
            words: whether the lexical index is wanted, where this machine has to bring its copy in step.

        Returns:
            a value that is equal for as long as nothing was written.

        Raises:
            CollectionMismatchError: it was recreated in another way.
            StoreError: it was deleted, or cannot be read.
        """
        if at_once:
            self._connection.renew()
        version, chroma = self._ask(lambda chroma: chroma)
        if self._replica is not None and words:
            self._replica.follow(chroma)
        return version

    @property
    def lexical_follows(self) -> bool:
        """Whether its lexical index is this machine's copy, which is made and kept in step by :meth:`refresh`."""
        return self._replica is not None

    @property
    def lexical_problem(self) -> str:
        """Why there is no lexical index that is in step; empty where that is only not done yet."""
        return "" if self._replica is None else self._replica.problem

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

    def first_chunks(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Id and metadata of the first chunk of each file, in no order."""
        for page in self._pages(["metadatas"], {"chunk_index": 0}, self._connection.limits.light_rows):
            for chunk_id, metadata in zip(page["ids"], page["metadatas"], strict=True):
                yield chunk_id, metadata or {}

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
            for metadata in page["metadatas"]:
                known = metadata or {}
                found.setdefault((known.get("folder"), known.get("source")), str(known.get("title") or ""))
            seen += len(page["ids"])
            if seen >= chunks:
                break
        titles = list(dict.fromkeys(title for title in found.values() if title))
        return titles, f"more than {len(found)}" if seen < self.count else str(len(found))

    def metadata(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Id and metadata of every chunk, a page in memory at a time."""
        for page in self._pages(["metadatas"]):
            for chunk_id, metadata in zip(page["ids"], page["metadatas"], strict=True):
                yield chunk_id, metadata or {}

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
                texts += [text or "" for text in got["documents"]]
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
            rows = zip(got["ids"], got["documents"], got["metadatas"], strict=True)
            found.update({chunk_id: (text or "", metadata or {}) for chunk_id, text, metadata in rows})
        return found

    def texts_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Texts of some chunks, by id; those that are not there are left out."""
        return {chunk_id: text for chunk_id, (text, _) in self.rows_of(ids).items()}
