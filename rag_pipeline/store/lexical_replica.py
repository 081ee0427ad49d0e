"""The lexical index of a collection is brought in step with its rows, which are the truth.

Beside an embedded store there is one index, and only the writer changes it. Of a collection on a server each machine
has a copy: the writer sets a revision in the collection's metadata, and whoever finds another one there than that of
its copy compares ids and makes up for the difference. While someone writes, a machine spends at most a twentieth of its
time on that; what has no terms yet is found by its vector meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from rag_pipeline import forking
from rag_pipeline.errors import StoreError, StoreLockedError
from rag_pipeline.lexical.index import LexicalIndex
from rag_pipeline.lexical.writer import LexicalWriter

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

# Key in the metadata of a collection on a server; another value after each write.
REVISION_KEY = "rag_pipeline:written"
_WRITING = "writing"
_SHARE = 0.05
_LOCK_SECONDS = 600
# So many chunks take a second or more: it is said that, and why, the question waits.
_MANY = 3000

_log = logging.getLogger(__name__)


class CollectionRows(Protocol):
    """What is asked of a collection whose lexical index is brought in step."""

    name: str
    lexical: LexicalIndex

    @property
    def count(self) -> int:
        """How many chunks it holds."""

    @property
    def ids_a_request(self) -> int:
        """How many ids one request may name."""

    def ids(self) -> set[str]:
        """Ids of all chunks."""

    def texts_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Texts of some chunks, by id."""


def new_revision(*, writing: bool = False) -> str:
    """A value for :data:`REVISION_KEY` that was never there."""
    return f"{_WRITING if writing else 'written'} {uuid.uuid4().hex}"


def bring_in_step(rows: CollectionRows, writer: LexicalWriter, indexed: set[str], present: set[str]) -> None:
    """Remove what was deleted from an index, and add what it lacks.

    Args:
        rows: the collection.
        writer: of its index.
        indexed: ids in the index.
        present: ids of the rows.
    """
    writer.remove(sorted(indexed - present))
    missing = sorted(present - indexed)
    size = rows.ids_a_request
    for start in range(0, len(missing), size):
        writer.add(rows.texts_of(missing[start : start + size]))
        writer.commit_if_due()


def ids_of(index: LexicalIndex) -> set[str]:
    """Ids in an index; a damaged one is discarded, since there is nothing in it that the rows have not."""
    try:
        index.check()
        return index.ids()
    except StoreError:
        index.discard()
        return set()


class LexicalReplica:
    """This machine's copy of the lexical index of a collection on a server. Safe to share among threads.

    Args:
        rows: the collection.
    """

    def __init__(self, rows: CollectionRows) -> None:
        self._rows = rows
        self._at_work = threading.Lock()
        forking.renew_locks(self)
        self._seen: ChromaCollection | None = None
        self._not_before = 0.0
        self.problem = ""
        """Why the copy could not be made or brought in step."""

    def follow(self, chroma: ChromaCollection) -> None:
        """Bring the copy in step, if the collection has been written to.

        Args:
            chroma: the collection as it was last looked up; the same object is looked at once.
        """
        index = self._rows.lexical
        if chroma is self._seen and index.exists:
            return
        # Others go on with the copy as it is; where there is none yet, they have to wait.
        if not self._at_work.acquire(blocking=not index.exists):
            return
        try:
            self._seen = chroma
            revision = str((chroma.metadata or {}).get(REVISION_KEY) or "")
            writing = revision.startswith(_WRITING)
            if writing and index.exists and time.monotonic() < self._not_before:
                return
            if self.problem and time.monotonic() < self._not_before:
                return
            if index.exists and index.revision == revision and self._is_as_large(index):
                return
            started = time.monotonic()
            try:
                self._make_up(index, revision)
            finally:
                self._not_before = time.monotonic() + (time.monotonic() - started) / _SHARE
        except (StoreError, OSError) as error:
            self.problem = str(error)
        finally:
            self._at_work.release()

    def _is_as_large(self, index: LexicalIndex) -> bool:
        """Writers who set no revision show by the number of rows; an index that cannot be read is of no size."""
        try:
            indexed = index.count
        except StoreError:
            return False
        return indexed == self._rows.count

    def _make_up(self, index: LexicalIndex, revision: str) -> None:
        with contextlib.suppress(Timeout), self._lock(index, 0 if index.exists else _LOCK_SECONDS):
            present, indexed = self._rows.ids(), ids_of(index)
            missing = len(present - indexed)
            if missing >= _MANY:
                _log.warning(
                    "bringing this machine's index of the words of %r in step with the server: %s chunks",
                    self._rows.name,
                    f"{missing:,}",
                )
            with index.writer() as writer:
                bring_in_step(self._rows, writer, indexed, present)
                writer.commit()
            index.revision = revision
            self.problem = ""

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Around a writer's work on the index: other processes of this machine leave it alone.

        Raises:
            StoreLockedError: another process of this machine has been making it for too long.
        """
        with self._at_work:
            try:
                lock = self._lock(self._rows.lexical, _LOCK_SECONDS).acquire()
            except Timeout:
                raise StoreLockedError(
                    f"another process is still making the index of the words of {self._rows.name!r}; try again later"
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
