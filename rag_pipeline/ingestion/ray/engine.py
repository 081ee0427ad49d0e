"""The engine of Ray Data: one pipeline from files to vectors over many processes or machines; one writer, this process.

files → read and cut, in tasks → a pool of actors, a model each → here.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag_pipeline.config import AnswerSettings, EngineSettings, Settings, StoreSettings
from rag_pipeline.documents import Reader
from rag_pipeline.embeddings.base import DocumentText, PipelineEmbeddings
from rag_pipeline.errors import ServiceError, UsageError
from rag_pipeline.ingestion.plan import PlannedFile
from rag_pipeline.ingestion.ray.cluster import READING_CPUS, connected, import_ray
from rag_pipeline.ingestion.writing import ChunkInProgress, ChunkWriter, FileInProgress
from rag_pipeline.locations import RemoteFile
from rag_pipeline.store.records import ChunkRecord, FileVersion
from rag_pipeline.text import one_line

# Files that one task reads: as few as the overhead of a task allows, and not more tasks than Ray can look after.
_FILES_PER_TASK = 16
_MOST_TASKS = 5000
# What parsers leave behind in a process goes with it.
_TASKS_PER_PROCESS = 100

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TRACEBACK = re.compile(r'^\s*File "', re.MULTILINE)
_LACKS = re.compile(r"(?:No module named|cannot import name '[^']*' from) '([^']+)'")


class RayEngine:
    """Reads and embeds on a Ray, one on this machine or a cluster.

    Args:
        settings: where it is, and how many workers of which size.
        work: what the nodes must know, a ``Work`` of :mod:`rag_pipeline.ingestion.ray.stages`.

    Raises:
        UsageError: Ray is not installed, or an embedding or reader of the caller's own cannot travel.
    """

    def __init__(self, settings: EngineSettings, work: Any) -> None:
        import_ray(settings)
        from ray import cloudpickle

        pickler: Any = cloudpickle
        self._settings = settings
        try:
            self._work: bytes = pickler.dumps(work)
        except Exception as error:
            raise UsageError(
                "with --engine ray an embedding or reader of your own goes to other processes, and this one cannot be"
                f" pickled ({one_line(error, 200)}); name the embedding in config.yaml, or use the local"
                " engine"
            ) from None

    @classmethod
    def of(
        cls, settings: Settings, embedding: str, own: PipelineEmbeddings | None, readers: Sequence[Reader]
    ) -> RayEngine:
        """The engine of a configuration.

        Args:
            settings: the configuration.
            embedding: its name there.
            own: an embedding of the caller's own in its place.
            readers: readers of the caller's own.

        Raises:
            UsageError: see the class.
        """
        import_ray(settings.engine)
        from rag_pipeline.ingestion.ray.stages import Work

        # Everything in it lies in the memory of every node; store and chat model, and their secrets, are no node's.
        sent = settings.model_copy(update={"store": StoreSettings(), "answer": AnswerSettings()})
        return cls(settings.engine, Work(sent, embedding, own, tuple(readers)))

    def run(self, files: Sequence[PlannedFile], writer: ChunkWriter) -> None:
        """Bring in all files; see :meth:`rag_pipeline.ingestion.engine.Engine.run`."""
        if not files:
            return
        arrivals = _Arrivals([_for_everywhere(file) for file in files], writer)
        with connected(self._settings) as workers:
            from ray.exceptions import RayError

            try:
                self._pass(arrivals, sorted(writer.known_texts()), workers)
                if arrivals.unfinished:
                    # A vector that was to be used again was deleted, or a file changed while a dead task was done over.
                    self._pass(arrivals, [], workers)
            except RayError as error:
                raise _in_words(error) from None
        arrivals.give_up()

    def _pass(self, arrivals: _Arrivals, known: list[str], workers: int) -> None:
        import ray

        from rag_pipeline.ingestion.ray.stages import StopSignal, known_texts

        begin_actor: Any = ray.remote(num_cpus=0)(StopSignal)
        stop = begin_actor.remote()
        failure: Exception | None = None
        try:
            with closing(self._tables(arrivals.unfinished, ray.put(known_texts(known)), stop, workers)) as tables:
                for table in tables:
                    error = arrivals.take(table.to_pylist())
                    if error is not None and failure is None:
                        failure = error
                        # What the others have under way still comes, and is written.
                        ray.get(stop.set.remote())
            arrivals.flush()
        finally:
            ray.kill(stop)
        if isinstance(failure, ImportError):
            raise _in_words(failure)
        if failure is not None:
            raise failure

    def _tables(self, files: Sequence[tuple[int, PlannedFile]], known: Any, stop: Any, workers: int) -> Generator[Any]:
        import pyarrow as pa
        import ray

        from rag_pipeline.ingestion.ray.stages import FILES, Embedder, read_block

        settings = self._settings
        rows = [{"number": number, "pending": pickle.dumps(file)} for number, file in files]
        few = -(-len(rows) // (4 * settings.workers))
        size = max(min(few, _FILES_PER_TASK), -(-len(rows) // _MOST_TASKS))
        blocks = [pa.Table.from_pylist(rows[at : at + size], schema=FILES) for at in range(0, len(rows), size)]
        read: Any = read_block
        chunks = ray.data.from_arrow(blocks).map_batches(
            read,
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=READING_CPUS,
            # It also keeps Ray from making one stage of reading and embedding, where models would wait for parsers.
            max_calls=_TASKS_PER_PROCESS,
            fn_kwargs={"work": self._work, "known": [known], "stop": stop},
        )
        embedded = chunks.map_batches(
            Embedder,
            batch_size=settings.batch_size,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=workers, max_size=settings.workers),
            num_cpus=settings.cpus_per_worker,
            num_gpus=settings.gpus_per_worker or None,
            fn_constructor_kwargs={"work": self._work, "stop": stop},
        )
        yield from embedded.iter_batches(batch_size=None, batch_format="pyarrow")


class _Arrivals:
    """Rows of the pipeline, which come in any order, become open files and chunks of the one writer."""

    def __init__(self, files: Sequence[PlannedFile], writer: ChunkWriter) -> None:
        self._files = files
        self._writer = writer
        self._open: dict[int, FileInProgress] = {}
        self._failed: set[int] = set()
        self._covered = time.monotonic()

    @property
    def unfinished(self) -> list[tuple[int, PlannedFile]]:
        """Files that are neither in nor failed."""
        return [(number, file) for number, file in enumerate(self._files) if not self._is_done(number)]

    def take(self, rows: list[dict[str, Any]]) -> Exception | None:
        """Write what has come, and return what ended the work, if it did."""
        error: Exception | None = None
        chunks: list[ChunkInProgress] = []
        vectors: list[Any] = []
        refused: list[tuple[ChunkInProgress, str]] = []
        for row in rows:
            if row["error"] is not None:
                error = error or pickle.loads(row["error"])  # noqa: S301
            chunk = self._chunk(row)
            if chunk is None:
                continue
            if row["vector"] is not None:
                chunks.append(chunk)
                vectors.append(_vector(row["vector"]))
            elif row["refused"] is not None:
                refused.append((chunk, row["refused"]))
            elif row["known"]:
                self._writer.reuse(chunk)  # what cannot be used again stays unfinished
        self._writer.store(chunks, vectors, refused, self._seconds(sum(row["seconds"] for row in rows)))
        return error

    def flush(self) -> None:
        """Write what waits for its vectors from the collection."""
        self._writer.flush()

    def give_up(self) -> None:
        """Report what is not whole after all."""
        for number, file in self.unfinished:
            if number in self._open:
                self._writer.remove(self._open[number].written)
            self._writer.fail(file, "changed while it was read; run the same command again")

    def _chunk(self, row: dict[str, Any]) -> ChunkInProgress | None:
        """The chunk of a row, unless there is nothing left to do for it."""
        number = row["number"]
        if number < 0 or self._is_done(number):
            return None
        if row["failure"] is not None:
            self._failed.add(number)
            self._writer.fail(self._files[number], row["failure"])
            return None
        version = FileVersion(self._files[number].key, row["sha256"])
        file = self._open.get(number)
        if file is None or file.version != version:
            if file is not None:
                self._writer.remove(file.written)
            file = self._open[number] = self._writer.open(
                self._files[number], version, row["count"], row["warnings"] or ()
            )
        if row["index"] not in file.missing:
            return None
        record = ChunkRecord(
            version,
            row["index"],
            row["count"],
            row["text"],
            row["title"],
            row["section"],
            row["text_sha256"],
            json.loads(row["extra"]),
        )
        return ChunkInProgress(file, record, DocumentText(row["text"], tokens=row["tokens"]))

    def _is_done(self, number: int) -> bool:
        return number in self._failed or (number in self._open and not self._open[number].missing)

    def _seconds(self, worked: float) -> float:
        """Of the time that a worker took, what no other has covered: they work side by side."""
        now = time.monotonic()
        own = max(0.0, now - max(self._covered, now - worked))
        self._covered = max(self._covered, now)
        return own


def _in_words(error: Exception) -> ServiceError:
    """What failed on a node, in one line; Ray says it with a traceback and in colours."""
    said = _COLOUR.sub("", str(error))
    if lacks := _LACKS.findall(said):
        return ServiceError(
            f"a node of the Ray lacks {lacks[-1]}: every machine needs this package with the same extras, and what an"
            " embedding or reader of your own is made of, where Python finds it; then run the same command again"
        )
    if _TRACEBACK.search(said):
        said = said.strip().splitlines()[-1]  # what it is about
    return ServiceError(
        f"the Ray failed: {one_line(said, 300)}; what was written is kept: run the same command again to go on"
    )


def _vector(content: bytes) -> Any:
    import numpy as np

    return np.frombuffer(content, dtype=np.float32)


def _for_everywhere(file: PlannedFile) -> PlannedFile:
    """The file under a path that means the same in another process.

    Raises:
        UsageError: only this process can reach it.
    """
    if isinstance(file.path, Path):
        return replace(file, path=Path(os.path.abspath(file.path)))  # noqa: PTH100 - links stay as they are
    if isinstance(file.path, RemoteFile) and file.path.filesystem.protocol == "memory":
        raise UsageError("a folder of memory:// is in this process only: --engine ray cannot reach it")
    return file
