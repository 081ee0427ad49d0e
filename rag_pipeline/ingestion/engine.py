"""Who does the work of a sync: an engine reads and cuts files and embeds their chunks; the writing is not its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Protocol

from rag_pipeline.documents.sandbox import LimitedReader
from rag_pipeline.embeddings.base import DocumentText, EmbeddedBatch, PipelineEmbeddings
from rag_pipeline.ingestion.plan import PlannedFile
from rag_pipeline.ingestion.reading import ReadAhead, ReadFile
from rag_pipeline.ingestion.writing import ChunkInProgress, ChunkWriter, FileInProgress


class Engine(Protocol):
    """Reads, cuts and embeds files."""

    def run(self, files: Sequence[PlannedFile], writer: ChunkWriter) -> None:
        """Bring in all files: each is opened at ``writer`` with its chunks, or reported as failed.

        A text that is stored already, in this file as it was before or in another, is not embedded again.

        Raises:
            EmbeddingError, ServiceError: texts cannot be embedded; what was embedded before has been written.
        """


class LocalEngine:
    """This process: files are read in a thread while the model works on those before.

    Args:
        embeddings: turns chunks into vectors.
        reader: reads the files, and is closed at the end of a run.
        chunk_tokens: a limit of a chunk below the model's own.
        before_first: called when the first vectors are there, before they are written; may refuse them.
    """

    def __init__(
        self,
        embeddings: PipelineEmbeddings,
        reader: LimitedReader,
        chunk_tokens: int | None = None,
        before_first: Callable[[], None] | None = None,
    ) -> None:
        self._before_first = before_first
        self._embeddings = embeddings
        self._reader = reader
        self._chunk_tokens = chunk_tokens

    def run(self, files: Sequence[PlannedFile], writer: ChunkWriter) -> None:
        """Bring in all files; see :meth:`Engine.run`."""
        texts = _Texts(writer)
        with (
            ReadAhead(files, self._reader, self._embeddings, self._chunk_tokens) as read,
            closing(texts.of(read)) as stream,
        ):
            for number, batch in enumerate(self._embeddings.embed_stream(stream)):
                if number == 0 and self._before_first is not None:
                    self._before_first()
                texts.store(batch)


class _Texts:
    """The texts that go to the embedding, and the chunks that their vectors come back to."""

    def __init__(self, writer: ChunkWriter) -> None:
        self._writer = writer
        self._sent: dict[int, ChunkInProgress] = {}
        self._position = 0

    def of(self, files: Iterator[ReadFile]) -> Generator[DocumentText]:
        for read in files:
            if read.version is None:
                self._writer.fail(read.pending, read.failure)
                continue
            file = self._writer.open(read.pending, read.version, len(read.chunks), read.warnings)
            new, known = self._writer.split([self._chunk(file, read, index) for index in sorted(file.missing)])
            yield from map(self._send, new)
            for chunk in known:
                yield from map(self._send, self._writer.reuse(chunk))
        yield from map(self._send, self._writer.flush())

    def store(self, batch: EmbeddedBatch) -> None:
        chunks = [self._sent.pop(position) for position in batch.positions]
        refused = [(self._sent.pop(position), reason) for position, reason in batch.refused.items()]
        self._writer.store(chunks, batch.vectors, refused, batch.seconds)

    @staticmethod
    def _chunk(file: FileInProgress, read: ReadFile, index: int) -> ChunkInProgress:
        cut = read.chunks[index]
        return ChunkInProgress(file, read.record(index), DocumentText(cut.text, cut.head, cut.body, cut.tokens))

    def _send(self, chunk: ChunkInProgress) -> DocumentText:
        self._sent[self._position] = chunk
        self._position += 1
        return chunk.text
