"""One Chroma collection, laid out as langchain-chroma lays it out: id, vector, text, flat metadata."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rag_pipeline.errors import CollectionMismatchError
from rag_pipeline.lexical.writer import LexicalWriter
from rag_pipeline.store.fingerprint import FINGERPRINT_KEY, PROBE_KEY, Fingerprint
from rag_pipeline.store.lexical_replica import REVISION_KEY, bring_in_step, ids_of, new_revision
from rag_pipeline.store.records import ChunkRecord
from rag_pipeline.store.search import Hit, SearchableCollection

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

__all__ = ["Collection", "Hit"]


class Collection(SearchableCollection):
    """Reads and writes one collection; made by :class:`rag_pipeline.store.Store`.

    Raises:
        StoreError: its space is not inner product.
    """

    # Set while :meth:`indexing` holds the right to write to the lexical index.
    _lexical_writer: LexicalWriter | None = None

    @contextlib.contextmanager
    def indexing(self, ids: set[str] | None = None) -> Iterator[None]:
        """Bring the lexical index in step with the rows, and keep it so while chunks are written and removed.

        What a process that was killed left out is made up for here: the rows are the truth.

        Args:
            ids: of all chunks, if the caller has read them already.

        Raises:
            StoreError: the index cannot be written.
        """
        with self._replica.writing() if self._replica else contextlib.nullcontext():
            present = self.ids() if ids is None else ids
            indexed = ids_of(self.lexical)
            self._set_revision(writing=True)
            with self.lexical.writer() as writer:
                bring_in_step(self, writer, indexed, present)
                self._lexical_writer = writer
                try:
                    yield
                finally:
                    self._lexical_writer = None
                    writer.commit()
            self.lexical.revision = self._set_revision()

    def write(
        self, chunks: Sequence[ChunkRecord], vectors: Sequence[Sequence[float] | npt.NDArray[np.floating]]
    ) -> None:
        """Store chunks with their vectors, in batches the client takes; a chunk of the same id is replaced.

        Raises:
            CollectionMismatchError: a vector has another dimension than the collection.
            StoreError: the store cannot be written, e.g. the disk is full; whole batches before are kept.
        """
        self.write_rows(
            [chunk.id for chunk in chunks],
            [chunk.text for chunk in chunks],
            [chunk.metadata for chunk in chunks],
            vectors,
        )

    def write_rows(
        self,
        ids: Sequence[str],
        texts: Sequence[str],
        metadatas: Sequence[Mapping[str, Any]],
        vectors: Sequence[Sequence[float] | npt.NDArray[np.floating]],
    ) -> None:
        """As :meth:`write`, for rows that need be no chunks of a file; a value None takes away a key that is there.

        Raises:
            CollectionMismatchError: a vector has another dimension than the collection.
            StoreError: the store cannot be written.
        """
        expected = self.fingerprint.dimension if self.fingerprint else None
        lengths = {len(vector) for vector in vectors}
        if expected is not None and lengths - {expected}:
            raise CollectionMismatchError(
                f"collection {self.name!r} holds vectors of dimension {expected}; the embedding gave {lengths}"
            )
        with self._connection.use() as opened, self._connection.translated("write"):
            size = min(opened.client.get_max_batch_size(), self._connection.limits.written or len(ids) or 1)
        for start in range(0, len(ids), size):
            part = slice(start, start + size)
            with self._writing(len(ids[part])) as chroma:
                chroma.upsert(
                    ids=list(ids[part]),
                    embeddings=np.asarray(vectors[part], dtype=np.float32),
                    documents=list(texts[part]),
                    metadatas=[dict(metadata) or None for metadata in metadatas[part]],  # type: ignore[misc]
                )
        # After the rows: what is in the index is in the collection.
        if self._lexical_writer is not None:
            self._lexical_writer.add(dict(zip(ids, texts, strict=True)))
        self._commit_if_due()

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id."""
        for part in self._id_pages(ids):
            with self._writing(len(part)) as chroma:
                chroma.delete(ids=part)
        if self._lexical_writer is not None:
            self._lexical_writer.remove(ids)
        self._commit_if_due()

    def rejection_reason(self, text: str, metadata: Mapping[str, Any] | None = None) -> str:
        """Why a row cannot be kept here: its text or metadata are too long; empty if it can."""
        return self._connection.rejection_reason(text, metadata)

    def copy_into(self, other: Collection) -> None:
        """Write every chunk into another collection, as it is; the other's index is rebuilt on the way."""
        for page in self._pages(["embeddings", "documents", "metadatas"]):
            metadatas = [metadata or {} for metadata in page["metadatas"]]
            other.write_rows(page["ids"], page["documents"], metadatas, page["embeddings"])

    def restate(self, fingerprint: Fingerprint, probe: str | None) -> None:
        """Say in today's words how the collection was made, where those that it holds mean the same.

        Args:
            fingerprint: what it is to say.
            probe: as :mod:`rag_pipeline.probe` writes it; None: the one it has.
        """
        if self.fingerprint == fingerprint and probe is None:
            return
        said = fingerprint.to_metadata(self._connection.limits.metadata_characters)
        if probe is not None:
            said[PROBE_KEY] = probe
        with self._writing() as chroma:
            before = {
                key: value for key, value in (chroma.metadata or {}).items() if not key.startswith(FINGERPRINT_KEY)
            }
            chroma.modify(metadata={**before, **said})
        self.fingerprint, self.probe = fingerprint, probe or self.probe

    def rename(self, name: str) -> None:
        """Give the collection another name."""
        with self._writing() as chroma:
            chroma.modify(name=name)
        with self._connection.use() as opened:
            opened.collections.pop(self.name, None)
        self.name = name

    def _commit_if_due(self) -> None:
        if self._lexical_writer is None:
            self._set_revision()
        elif self._lexical_writer.commit_if_due():
            self._set_revision(writing=True)

    def _set_revision(self, *, writing: bool = False) -> str:
        """Tell other machines that there is something new, where the store has any; what they are told."""
        if self._replica is None:
            return ""
        revision = new_revision(writing=writing)
        with self._writing() as chroma:
            chroma.modify(metadata={**(chroma.metadata or {}), REVISION_KEY: revision})
        return revision

    @contextlib.contextmanager
    def _writing(self, rows: int = 0) -> Iterator[ChromaCollection]:
        with self._connection.use() as opened, self._connection.writing_to(opened, self.name, rows) as chroma:
            yield chroma
