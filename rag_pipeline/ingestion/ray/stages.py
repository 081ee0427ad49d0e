"""What runs on the nodes of a Ray: reading and cutting in tasks, embedding in actors.

Rows of files go in, rows of chunks come out. Every stage gives for the same rows the same rows again, in their order,
so that what a dead worker had under way can be done over by another.
"""

from __future__ import annotations

import functools
import json
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rag_pipeline.config import Settings
from rag_pipeline.documents import Chunk, Reader
from rag_pipeline.documents.sandbox import LimitedReader
from rag_pipeline.embeddings.base import DocumentText, PipelineEmbeddings
from rag_pipeline.embeddings.factory import make_embeddings
from rag_pipeline.errors import EmbeddingError
from rag_pipeline.ingestion.preparation import make_reader
from rag_pipeline.ingestion.reading import ReadFile, read_files
from rag_pipeline.text import one_line

FILES = pa.schema([("number", pa.int64()), ("pending", pa.binary())])
CHUNKS = pa.schema(
    [
        ("number", pa.int64()),  # of the file in the run
        ("failure", pa.string()),  # why the file cannot be read, or none
        ("sha256", pa.string()),
        ("count", pa.int64()),  # chunks of the file
        ("warnings", pa.list_(pa.string())),  # what was left out of the file
        ("index", pa.int64()),  # which of them this is; none: the file has no chunk to show
        ("text", pa.string()),
        ("title", pa.string()),
        ("section", pa.string()),
        ("head", pa.string()),
        ("tokens", pa.int64()),
        ("text_sha256", pa.string()),
        ("known", pa.bool_()),  # whether the text has a vector in the collection
        ("extra", pa.string()),  # metadata as JSON
        ("error", pa.binary()),  # what ended the work, pickled
    ]
)
_EMBEDDED = (("vector", pa.binary()), ("refused", pa.string()), ("seconds", pa.float64()))
# Chunks of one file that are handed on together.
_SLICE = 1000
# Digits of a hash that tell texts apart: 128 bits.
_KNOWN_DIGITS = 32


@dataclass(frozen=True)
class Work:
    """What every node must know; it travels pickled."""

    settings: Settings
    embedding: str
    own_embeddings: PipelineEmbeddings | None = None
    """An embedding of the caller's, in place of the one that is named."""
    own_readers: tuple[Reader, ...] = ()

    def make_embeddings(self) -> PipelineEmbeddings:
        """The embedding."""
        return self.own_embeddings or make_embeddings(self.settings, self.embedding)


class StopSignal:
    """An actor that tells all others that there is no use in going on."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        """Tell them."""
        self._set = True

    def is_set(self) -> bool:
        """Whether they are to stop."""
        return self._set


def known_texts(hashes: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """Hashes of texts in a form that nodes share without copies and search fast."""
    return np.sort(np.array([_short(text) for text in hashes], dtype=f"S{_KNOWN_DIGITS}"))


def read_block(block: pa.Table, work: bytes, known: list[Any], stop: Any) -> Iterator[pa.Table]:
    """Read and cut the files of one block.

    Args:
        block: rows of :data:`FILES`.
        work: a pickled :class:`Work`.
        known: one reference to :func:`known_texts`.
        stop: a :class:`StopSignal`.
    """
    import ray

    numbers = block["number"].to_pylist()
    pending = (pickle.loads(row) for row in block["pending"].to_pylist())  # noqa: S301
    wanted = (file for file in pending if not ray.get(stop.is_set.remote()))
    try:
        embeddings, reader, chunk_tokens = _reading_parts(work)
        hashes = ray.get(known[0])
        for number, read in zip(numbers, read_files(wanted, reader, embeddings, chunk_tokens), strict=False):
            yield from _tables(number, read, hashes)
    except Exception as error:
        yield _table([{"number": -1, "error": _pickled(error)}])


@functools.lru_cache(maxsize=1)
def _reading_parts(work: bytes) -> tuple[PipelineEmbeddings, LimitedReader, int | None]:
    """Made once in a process, which may run many tasks; the parser's own process ends with it."""
    what: Work = pickle.loads(work)  # noqa: S301
    reader = make_reader(what.settings, what.own_readers)
    return what.make_embeddings(), reader, what.settings.chunking.max_tokens


def _tables(number: int, read: ReadFile, known: npt.NDArray[np.bytes_]) -> Iterator[pa.Table]:
    if read.version is None:
        yield _table([{"number": number, "failure": read.failure}])
        return
    file = {"number": number, "sha256": read.version.sha256, "count": len(read.chunks), "warnings": [*read.warnings]}
    if not read.chunks:
        yield _table([file])
    for start in range(0, len(read.chunks), _SLICE):
        rows = []
        for index in range(start, min(start + _SLICE, len(read.chunks))):
            chunk, record = read.chunks[index], read.record(index)
            rows.append(
                {
                    **file,
                    "index": index,
                    "text": chunk.text,
                    "title": chunk.title,
                    "section": chunk.section,
                    "head": chunk.head,
                    "tokens": chunk.tokens,
                    "text_sha256": record.text_sha256,
                    "known": _is_known(record.text_sha256, known),
                    "extra": json.dumps(record.extra),
                }
            )
        yield _table(rows)


def _is_known(text_sha256: str, known: npt.NDArray[np.bytes_]) -> bool:
    wanted = _short(text_sha256)
    place = int(np.searchsorted(known, wanted))
    return place < len(known) and bool(known[place] == wanted)


def _short(text_sha256: str) -> bytes:
    return text_sha256[:_KNOWN_DIGITS].encode()


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=CHUNKS)


class Embedder:
    """One model of the pool.

    Args:
        work: a pickled :class:`Work`.
        stop: a :class:`StopSignal`.
    """

    def __init__(self, work: bytes, stop: Any) -> None:
        self._work = work
        self._stop = stop
        self._embeddings: PipelineEmbeddings | None = None

    def __call__(self, block: pa.Table) -> pa.Table:
        """Add vectors to the rows of one block: to those that need one and, where the model fails, got one before.

        A failure of the model is a row's ``error``: what Ray makes of an exception, it shows with a traceback.
        """
        import ray

        rows = block.to_pylist()
        wanted = [row for row in rows if row["index"] is not None and not row["known"]]
        for row in rows:
            row.update(vector=None, refused=None, seconds=0.0)
        if wanted and not ray.get(self._stop.is_set.remote()):
            try:
                self._embed(wanted)
            except Exception as error:
                wanted[0]["error"] = _pickled(error)
        return pa.Table.from_pylist(rows, schema=pa.schema([*CHUNKS, *(pa.field(*field) for field in _EMBEDDED)]))

    def _embed(self, rows: list[dict[str, Any]]) -> None:
        if self._embeddings is None:
            # Not before: what this node lacks for it is a row's error too.
            what: Work = pickle.loads(self._work)  # noqa: S301
            self._embeddings = what.make_embeddings()
        for batch in self._embeddings.embed_stream(map(_document_text, rows)):
            for position, vector in zip(batch.positions, batch.vectors, strict=True):
                rows[position]["vector"] = np.asarray(vector, dtype=np.float32).tobytes()
            for position, reason in batch.refused.items():
                rows[position]["refused"] = reason
            rows[0]["seconds"] += batch.seconds


def _document_text(row: dict[str, Any]) -> DocumentText:
    chunk = Chunk(row["text"], row["title"], row["section"], row["tokens"], row["head"])
    return DocumentText(chunk.text, chunk.head, chunk.body, chunk.tokens)


def _pickled(error: Exception) -> bytes:
    """An exception on its way to the driver; one that cannot travel is told in words."""
    error = error.with_traceback(None)
    error.__cause__ = error.__context__ = None
    try:
        whole = pickle.dumps(error)
        pickle.loads(whole)  # noqa: S301
    except Exception:
        return pickle.dumps(EmbeddingError(f"{type(error).__name__}: {one_line(error)}"))
    return whole
