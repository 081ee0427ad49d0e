"""The lexical index of a collection is brought in step with its rows, which are the truth.

Beside an embedded store there is one index, and only the writer changes it. Of a collection on a server each machine
has a copy: the writer leaves a mark in the collection's metadata, and whoever finds another mark there than beside its
copy compares ids and makes up for the difference. While someone writes, a machine spends at most a twentieth of its
time on that; what has no terms yet is found by its vector meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from rag_pipeline.errors import StoreError, StoreLockedError
from rag_pipeline.lexical.index import LexicalIndex, LexicalWriter

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

    from rag_pipeline.store.reading import CollectionReader

# Key in the metadata of a collection on a server; another value after each write.
WRITTEN_KEY = "rag_pipeline:written"
_WRITING = "writing"
_SHARE = 0.05
_LOCK_SECONDS = 600
# So many chunks take a second or more: it is said that, and why, the question waits.
_MANY = 3000

_log = logging.getLogger(__name__)


def new_mark(*, writing: bool = False) -> str:
    """A value for :data:`WRITTEN_KEY` that was never there."""
    return f"{_WRITING if writing else 'written'} {uuid.uuid4().hex}"


def bring_in_step(reader: CollectionReader, writer: LexicalWriter, indexed: set[str], present: set[str]) -> None:
    """Remove what is gone from an index, and add what it lacks.

    Args:
        reader: the collection.
        writer: of its index.
        indexed: ids in the index.
        present: ids of the rows.
    """
    writer.remove(sorted(indexed - present))
    missing = sorted(present - indexed)
    size = reader.ids_a_request
    for start in range(0, len(missing), size):
        writer.add(reader.texts_of(missing[start : start + size]))
        writer.commit_if_due()


def ids_of(index: LexicalIndex) -> set[str]:
    """Ids in an index; a damaged one is discarded, since there is nothing in it that the rows have not."""
    try:
        return index.ids()
    except StoreError:
        index.discard()
        return set()


class WordsCopy:
    """This machine's copy of the lexical index of a collection on a server. Safe to share among threads.

    Args:
        reader: the collection.
    """

    def __init__(self, reader: CollectionReader) -> None:
        self._reader = reader
        self._at_work = threading.Lock()
        self._seen: ChromaCollection | None = None
        self._not_before = 0.0
        self.problem = ""
        """Why the copy could not be made or brought in step."""

    def follow(self, chroma: ChromaCollection) -> None:
        """Bring the copy in step, if the collection has been written to.

        Args:
            chroma: the collection as it was last looked up; the same object is looked at once.
        """
        index = self._reader.lexical
        if chroma is self._seen and index.exists:
            return
        # Others go on with the copy as it is; where there is none yet, they have to wait.
        if not self._at_work.acquire(blocking=not index.exists):
            return
        try:
            self._seen = chroma
            mark = str((chroma.metadata or {}).get(WRITTEN_KEY) or "")
            writing = mark.startswith(_WRITING)
            if writing and index.exists and time.monotonic() < self._not_before:
                return
            if self.problem and time.monotonic() < self._not_before:
                return
            if index.exists and index.mark == mark and self._is_as_large(index):
                return
            started = time.monotonic()
            try:
                self._make_up(index, mark)
            finally:
                self._not_before = time.monotonic() + (time.monotonic() - started) / _SHARE
        except (StoreError, OSError) as error:
            self.problem = str(error)
        finally:
            self._at_work.release()

    def _is_as_large(self, index: LexicalIndex) -> bool:
        """Writers who leave no mark show by the number of rows; an index that cannot be read is of no size."""
        try:
            indexed = index.count
        except StoreError:
            return False
        return indexed == self._reader.count

    def _make_up(self, index: LexicalIndex, mark: str) -> None:
        with contextlib.suppress(Timeout), self._lock(index, 0 if index.exists else _LOCK_SECONDS):
            present, indexed = self._reader.ids(), ids_of(index)
            missing = len(present - indexed)
            if missing >= _MANY:
                _log.warning(
                    "bringing this machine's index of the words of %r in step with the server: %s chunks",
                    self._reader.name,
                    f"{missing:,}",
                )
            with index.writer() as writer:
                bring_in_step(self._reader, writer, indexed, present)
                writer.commit()
            index.mark = mark
            self.problem = ""

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Around a writer's work on the index: other processes of this machine leave it alone.

        Raises:
            StoreLockedError: another process of this machine has been making it for too long.
        """
        with self._at_work:
            try:
                lock = self._lock(self._reader.lexical, _LOCK_SECONDS).acquire()
            except Timeout:
                raise StoreLockedError(
                    f"another process is still making the index of the words of {self._reader.name!r}; try again later"
                ) from None
            with lock:
                yield

    @staticmethod
    def _lock(index: LexicalIndex, seconds: float) -> FileLock:
        try:
            index.folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"this machine's index of words cannot be kept in {index.folder.parent} ({error.strerror or error});"
                " set store.path to a folder that can be written"
            ) from None
        return FileLock(index.folder.with_suffix(".lock"), timeout=seconds, thread_local=False)
