"""Files become chunks, in a thread of their own, so that the model need not wait for them."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag_pipeline.documents import Chunk, Document, chunk_document
from rag_pipeline.documents.apart import LimitedReader
from rag_pipeline.documents.chunking import TokenCounter
from rag_pipeline.documents.document import MetadataValue
from rag_pipeline.errors import DocumentError
from rag_pipeline.ingestion.plan import Pending
from rag_pipeline.store.records import ChunkRecord, FileVersion

# Files read ahead of the model. Few, as each may be large; many small ones are still many chunks.
_AHEAD = 32


@dataclass(frozen=True)
class ReadFile:
    """A file that was read and cut, or the reason why it was not."""

    pending: Pending
    version: FileVersion | None
    chunks: Sequence[Chunk]
    metadata: dict[str, MetadataValue]
    failure: str = ""

    def record(self, index: int) -> ChunkRecord:
        """One of its chunks as it is stored."""
        assert self.version is not None
        chunk = self.chunks[index]
        return ChunkRecord(
            self.version,
            index,
            len(self.chunks),
            chunk.text,
            chunk.title,
            chunk.section,
            chunk.text_sha256,
            {**self.metadata, **chunk.place},
        )


def read_file(file: Pending, reader: LimitedReader, counter: TokenCounter, chunk_tokens: int | None) -> ReadFile:
    """Read and cut one file.

    Args:
        file: the file.
        reader: reads it within limits.
        counter: the embedding model.
        chunk_tokens: a limit of a chunk below the model's own.
    """
    try:
        content = file.path.read_bytes()
        # Of the bytes that were read: the file may have changed since it was compared.
        version = file.version(hashlib.sha256(content).hexdigest())
        document = reader.read(file.path.name, content)
    except OSError as error:
        return ReadFile(file, None, (), {}, f"cannot be read: {error.strerror}")
    except DocumentError as error:
        return ReadFile(file, None, (), {}, str(error))
    # The nearer to the document, the more it counts: a rule for many, the document's own word, the file beside it.
    metadata = {**file.mapped, **document.metadata, **file.sidecar}
    title = metadata.pop("title", None)
    document = replace(document, title=str(title)) if title else document
    return ReadFile(file, version, chunk_document(_titled(document), counter, chunk_tokens), metadata)


def _titled(document: Document) -> Document:
    """A title is one line."""
    return replace(document, title=" ".join(document.title.split()))


class ReadAhead:
    """Reads files in a thread while the model works on those before; a context manager and an iterator.

    Args:
        files: in the order in which they are wanted.
        reader: reads them within limits.
        counter: the embedding model, whose counting must be safe beside its embedding.
        chunk_tokens: a limit of a chunk below the model's own.
    """

    def __init__(
        self, files: Sequence[Pending], reader: LimitedReader, counter: TokenCounter, chunk_tokens: int | None
    ) -> None:
        self._files = files
        self._reader = reader
        self._counter = counter
        self._chunk_tokens = chunk_tokens
        self._ready: queue.Queue[ReadFile | BaseException | None] = queue.Queue(maxsize=_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read_all, name="rag_pipeline-reading", daemon=True)

    def __enter__(self) -> Iterator[ReadFile]:
        self._thread.start()
        return self._results()

    def __exit__(self, *_exception: object) -> None:
        self._stopped.set()
        if not self._ready.empty():
            # One place is enough to let a waiting thread see that it is to stop.
            self._ready.get_nowait()
        self._reader.close()  # a parser that is at work is not waited for
        self._thread.join()

    def _results(self) -> Iterator[ReadFile]:
        while (result := self._ready.get()) is not None:
            if isinstance(result, BaseException):
                raise result
            yield result

    def _read_all(self) -> None:
        try:
            for file in self._files:
                if self._stopped.is_set():
                    return
                self._put(read_file(file, self._reader, self._counter, self._chunk_tokens))
        except BaseException as error:
            self._put(error)
        else:
            self._put(None)

    def _put(self, result: ReadFile | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._ready.put(result, timeout=0.1)
            except queue.Full:
                continue
            return
