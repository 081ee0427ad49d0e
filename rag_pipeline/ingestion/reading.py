"""Files become chunks, in a thread of their own, so that the model need not wait for them."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rag_pipeline.documents import Chunk, Document, chunk_document
from rag_pipeline.documents.chunking import TokenCounter
from rag_pipeline.documents.sandbox import LimitedReader
from rag_pipeline.documents.selection import SIZE_LIMIT
from rag_pipeline.errors import DocumentError
from rag_pipeline.ingestion.plan import REMOTE_READERS, PlannedFile
from rag_pipeline.locations import read_file
from rag_pipeline.metadata_values import MetadataValue
from rag_pipeline.store.records import ChunkRecord, FileVersion
from rag_pipeline.text import clean

# How far reading may be ahead of the model, in tokens: two of the groups that a local model takes at once. A file that
# is larger by itself is read when there is room for any.
_TOKENS_AHEAD = 2 * 65_536


@dataclass(frozen=True)
class ReadFile:
    """A file that was read and cut, or the reason why it was not."""

    pending: PlannedFile
    version: FileVersion | None
    chunks: Sequence[Chunk]
    metadata: dict[str, MetadataValue]
    failure: str = ""
    warnings: Sequence[str] = ()
    """What was left out of it."""

    @property
    def tokens(self) -> int:
        """Tokens of all its chunks."""
        return sum(chunk.tokens for chunk in self.chunks)

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


def read_files(
    files: Iterable[PlannedFile], reader: LimitedReader, counter: TokenCounter, chunk_tokens: int | None
) -> Generator[ReadFile]:
    """Read and cut files, in their order; of those behind URLs, the next ones are fetched meanwhile.

    Args:
        files: the files.
        reader: reads them within limits.
        counter: the embedding model.
        chunk_tokens: a limit of a chunk below the model's own.
    """
    with closing(_fetched(files, reader.max_bytes)) as fetched:
        for file, fetch in fetched:
            yield _read_file(file, fetch, reader, counter, chunk_tokens)


def _fetched(files: Iterable[PlannedFile], most_bytes: int) -> Generator[tuple[PlannedFile, Callable[[], bytes]]]:
    """Files, each with a call that returns its bytes or raises."""
    pool: ThreadPoolExecutor | None = None
    ahead: deque[tuple[PlannedFile, Callable[[], bytes]]] = deque()
    try:
        for file in files:
            # A file may have grown since it was listed.
            fetch = partial(read_file, file.path, most_bytes, SIZE_LIMIT)
            if isinstance(file.path, Path):
                ahead.append((file, fetch))
            else:
                pool = pool or ThreadPoolExecutor(REMOTE_READERS, "rag_pipeline-fetching")
                ahead.append((file, pool.submit(fetch).result))
            if len(ahead) >= REMOTE_READERS:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _read_file(
    file: PlannedFile,
    fetch: Callable[[], bytes],
    reader: LimitedReader,
    counter: TokenCounter,
    chunk_tokens: int | None,
) -> ReadFile:
    try:
        content = fetch()
        # Of the bytes that were read: the file may have changed since it was compared.
        version = file.version(hashlib.sha256(content).hexdigest())
        document = reader.read(file.path.name, content)
    except OSError as error:
        return ReadFile(file, None, (), {}, f"cannot be read: {error.strerror}")
    except DocumentError as error:
        return ReadFile(file, None, (), {}, str(error))
    # The nearer to the document, the more it counts: a rule for many, the document's own word, the file next to it.
    metadata = {**file.mapped, **document.metadata, **file.sidecar}
    document = _titled(document, metadata.pop("title", ""))
    chunks = chunk_document(document, counter, chunk_tokens)
    return ReadFile(file, version, chunks, metadata, warnings=document.warnings)


def _titled(document: Document, given: MetadataValue) -> Document:
    """The document under the title that was given to it, or its own: one line of clean text."""
    wanted = " ".join(clean(str(given)).split()) if given else ""
    return replace(document, title=wanted or " ".join(clean(document.title).split()))


class ReadAhead:
    """Reads files in a thread while the model works on those before; a context manager and an iterator.

    Args:
        files: in the order in which they are wanted.
        reader: reads them within limits.
        counter: the embedding model, whose counting must be safe alongside its embedding.
        chunk_tokens: a limit of a chunk below the model's own.
    """

    def __init__(
        self, files: Sequence[PlannedFile], reader: LimitedReader, counter: TokenCounter, chunk_tokens: int | None
    ) -> None:
        self._files = files
        self._reader = reader
        self._counter = counter
        self._chunk_tokens = chunk_tokens
        self._ready: queue.Queue[ReadFile | BaseException | None] = queue.Queue()
        self._ahead = 0
        self._room = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._read_all, name="rag_pipeline-reading", daemon=True)

    def __enter__(self) -> Iterator[ReadFile]:
        self._thread.start()
        return self._results()

    def __exit__(self, *_exception: object) -> None:
        with self._room:
            self._stopped = True
            self._room.notify()
        self._reader.close()  # a parser that is at work is not waited for
        self._thread.join()

    def _results(self) -> Iterator[ReadFile]:
        while (result := self._ready.get()) is not None:
            if isinstance(result, BaseException):
                raise result
            with self._room:
                self._ahead -= result.tokens
                self._room.notify()
            yield result

    def _wait_for_room(self) -> bool:
        """Whether to go on reading."""
        with self._room:
            self._room.wait_for(lambda: self._stopped or self._ahead < _TOKENS_AHEAD)
            return not self._stopped

    def _read_all(self) -> None:
        try:
            with closing(read_files(self._files, self._reader, self._counter, self._chunk_tokens)) as files:
                while self._wait_for_room() and (read := next(files, None)) is not None:
                    with self._room:
                        self._ahead += read.tokens
                    self._ready.put(read)
        except BaseException as error:
            self._ready.put(error)
        else:
            self._ready.put(None)
