"""Saves of a vector index that may be cut off at any point without losing a vector.

Chroma saves an index by rewriting its files in place, so a save that is cut off leaves neither the old nor the new one.
Three things, in the folder ``safekeeping`` of a store, make that harmless:

- a **record** of each index: its files as the last whole save left them, and from where on Chroma's log holds all that
  came later;
- a **mark** on disk around everything that may save, so that files which differ from the record are known to be torn;
- a **copy** of the index, made anew after so many records, at which the log may begin.

A damaged index is replaced by its copy, and Chroma adds what the log has more, without a vector made again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rag_pipeline.errors import StoreError
from rag_pipeline.store.embedded import database, index_files

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection as ChromaCollection

FOLDER = "safekeeping"
# Records that a save must hold before the index is copied again: a tenth of them, and so many at the least. The log
# is read from its beginning for collections that were never saved, so it must stay short.
_LEAST_NEW = 5000
_SHARE_NEW = 10
_PIECE = 1 << 20
# Names in the folder: an index's id, and what it is.
_OURS = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-\d+|\.(?:json|saving|part|restored|new))")
# Parts of a record that are tables.
_TABLES = ("files", "copied")


@dataclass(frozen=True)
class Record:
    """What is known of an index; in a file of its own."""

    saved: int = 0
    """The last record of the log that its files hold; 0: it was never saved."""
    files: index_files.Shape = field(default_factory=dict)
    kept_from: int | None = None
    """The log holds all records after this one; 0: all there were, None: that is not known. A copy goes to here."""
    since_copy: int = 0
    """Records saved since."""
    copied: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Size and CRC-32 of each file of the copy."""


class IndexKeeper:
    """Watches over the index of one collection; whoever asks it holds the lock on the store's indexes.

    Args:
        store: the folder.
        chroma: the collection, not asked for anything yet.
        state: what the database says of the index, if the caller has asked for it.

    Raises:
        sqlite3.Error: the database cannot be read.
    """

    def __init__(self, store: Path, chroma: ChromaCollection, state: database.IndexState | None = None) -> None:
        self._store, self._collection_id = store, (collection_id := str(chroma.id))
        # Records after which Chroma saves.
        self._threshold = int((chroma.configuration_json.get("hnsw") or {}).get("sync_threshold") or 0)
        segment, self._saved, self._unsaved = state or database.index_state(store, collection_id) or ("none", 0, 0)
        self._segment = segment
        self._folder = store / segment
        self._home = store / FOLDER
        self._mark = self._home / f"{segment}.saving"

    def problem(self) -> str:
        """Why the index must not be loaded; empty if nothing speaks against it.

        Raises:
            StoreError: its folder may not be read, which says nothing of what is in it.
        """
        files = index_files.shape(self._folder)
        if not files and self._folder.is_dir() and not os.access(self._folder, os.R_OK | os.X_OK):
            raise StoreError(f"the folder of a vector index, {self._folder}, may not be read; see who owns it")
        if index_files.IDS not in files:
            missing = f"{index_files.IDS} is missing" if files else "its files are missing"
            return missing if self._saved else ""  # what was never saved, Chroma begins anew
        record = self._record()
        if record is not None and record.files == files:
            return ""
        if self._mark.exists() and self._marked_at() == self._saved:
            return "a save of it was cut off"
        return index_files.problem(self._folder)

    @property
    def recoverable(self) -> bool:
        """Whether a copy and the log, or the log alone, hold all of the index."""
        record = self._known()
        return record is not None and record.kept_from is not None

    def recover(self) -> str:
        """Put the copy in the place of a damaged index, for Chroma to add the log; why that cannot be; empty if done.

        Cut off at any point, it is done again.

        Raises:
            StoreError: the store cannot be written.
        """
        record = self._known()
        if record is None or record.kept_from is None:
            return "there is no copy of it"
        restored = self._home / f"{self._segment}.restored"
        try:
            if record.kept_from and not self._restore(record, restored):
                return "its copy is damaged, too"
            self._set_mark()
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._folder.is_file():
                self._folder.unlink()
            database.change(self._store, [database.replay(self._segment, record.kept_from)])
            if record.kept_from:
                restored.rename(self._folder)
            files = index_files.shape(self._folder)
            self._write(replace(record, saved=record.kept_from, files=files, since_copy=0))
            self._mark.unlink()
        except OSError as error:
            raise StoreError(
                f"store {self._store} cannot be written: {error.strerror or error}; mend that and try again"
            ) from None
        self._look_again()
        return ""

    @contextlib.contextmanager
    def saving(self, rows: int, *, writing: bool = True) -> Iterator[None]:
        """Around whatever adds so many records to the index, or loads it, which adds what it has not seen.

        Raises:
            StoreError: the index was saved, and not whole; or the mark cannot be written.
        """
        before = index_files.shape(self._folder)
        self._unsaved += rows
        marked = self._unsaved >= self._threshold
        if marked:
            try:
                self._set_mark()
            except OSError as error:
                if writing:
                    raise StoreError(f"store {self._store} cannot be written: {error.strerror or error}") from None
        yield
        # After a failure the mark stays: the next to load the index compares its files with the record.
        files = index_files.shape(self._folder)
        if index_files.IDS in files and files != before:
            self._note_save(before, files, writing=writing)
        if marked:
            with contextlib.suppress(OSError):
                self._mark.unlink()

    def protect(self) -> None:
        """See to it that the index can be recovered from now on. For the writer, once it has loaded the index."""
        record = self._record()
        files = index_files.shape(self._folder)
        with contextlib.suppress(OSError):
            self._mark.unlink()
        if record is None or record.kept_from is None:
            if not self._saved:
                self._write(Record(kept_from=0))
            else:
                self._copy(Record(self._saved, files))
        elif index_files.IDS in files and record.files != files:
            self._write(replace(record, saved=self._saved, files=files))

    def _note_save(self, before: index_files.Shape, files: index_files.Shape, *, writing: bool) -> None:
        if why := index_files.saved_problem(self._folder, before):
            raise StoreError(
                f"the vector index was not saved whole ({why}); is the disk full? Mend that and run the same command"
                " again: it goes on from what was stored before"
            )
        saved = self._unsaved
        self._look_again()
        for name in index_files.FILES:
            _sync(self._folder / name)  # what a record says is there has to be there after a power cut as well
        if (record := self._record()) is None:
            return  # what is not known to be kept is copied by the writer as soon as it has loaded it
        noted = replace(record, saved=self._saved, files=files, since_copy=record.since_copy + saved)
        if writing and record.kept_from is not None and noted.since_copy >= self._new_before_copy():
            self._copy(noted)
        else:
            # A reader that has loaded records may have saved them, too; it does without a note where it cannot write.
            with contextlib.nullcontext() if writing else contextlib.suppress(OSError):
                self._write(noted)

    def _look_again(self) -> None:
        _, self._saved, self._unsaved = database.index_state(self._store, self._collection_id) or ("none", 0, 0)

    def _new_before_copy(self) -> int:
        return max(_LEAST_NEW, index_files.Header.read(self._folder).count // _SHARE_NEW)

    def _copy(self, record: Record) -> None:
        """Copy the index, then let go of the log before it; without room for a copy, the log stays as it is."""
        part, copy = self._home / f"{self._segment}.part", self._copy_folder(self._saved)
        try:
            for folder in (part, copy):
                shutil.rmtree(folder, ignore_errors=True)
            part.mkdir(parents=True)
            copied = {name: _copy_file(self._folder / name, part / name) for name in index_files.FILES}
            _sync(part)
            part.rename(copy)
            _sync(self._home)
        except OSError:
            shutil.rmtree(part, ignore_errors=True)
            self._write(record)
            return
        self._write(replace(record, kept_from=self._saved, since_copy=0, copied=copied))
        for other in self._home.glob(f"{self._segment}-*"):
            if other != copy:
                shutil.rmtree(other, ignore_errors=True)
        # What stays in the log is forgotten after the next copy.
        with contextlib.suppress(StoreError):
            database.change(self._store, [database.forget(self._collection_id, self._saved)])

    def _restore(self, record: Record, into: Path) -> bool:
        """Copy the copy, if it is as it was made."""
        copy = self._copy_folder(record.kept_from or 0)
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        try:
            return record.copied == {name: _copy_file(copy / name, into / name) for name in index_files.FILES}
        except FileNotFoundError:
            return False

    def _copy_folder(self, saved: int) -> Path:
        return self._home / f"{self._segment}-{saved}"

    def _known(self) -> Record | None:
        """The record; of what was never saved, Chroma has deleted nothing."""
        return self._record() or (None if self._saved else Record(kept_from=0))

    def _record(self) -> Record | None:
        return _read(self._home / f"{self._segment}.json")

    def _write(self, record: Record) -> None:
        _write(self._home / f"{self._segment}.json", record)

    def _set_mark(self) -> None:
        self._home.mkdir(exist_ok=True)
        with self._mark.open("w") as mark:
            mark.write(str(self._saved))
            mark.flush()
            os.fsync(mark.fileno())
        _sync(self._home)

    def _marked_at(self) -> int | None:
        """The last record that was saved when the mark was set; None: the mark itself was cut off, before any save."""
        with contextlib.suppress(OSError, ValueError):
            return int(self._mark.read_text())
        return None


def keep_log(store: Path, *, alone: bool) -> None:
    """Have Chroma keep its log until it is told to forget; what it deleted before is in the indexes alone.

    Args:
        store: the folder.
        alone: the caller's client, which is at rest, is the only one of this process.

    Raises:
        StoreError: the database cannot be written.
    """
    for file in (store / FOLDER).glob("*.json"):
        if (record := _read(file)) is not None:
            _write(file, replace(record, kept_from=None))
    database.keep_log(store, alone=alone)


def has_records(store: Path) -> bool:
    """Whether an index was ever kept here."""
    return any(_OURS.fullmatch(file.name) for file in (store / FOLDER).glob("*.json"))


def remove_orphans(store: Path, segments: set[str]) -> None:
    """Remove what belongs to no index any more. Only for the one writer of the store.

    What has no name of ours, or is a folder with other files than an index has, is somebody else's, and stays.
    """
    for path in (store / FOLDER).glob("*"):
        ours = _OURS.fullmatch(path.name)
        left_over = path.suffix in (".part", ".restored", ".new")
        if ours is None or (ours[1] in segments and not left_over):
            continue
        if not path.is_dir():
            path.unlink(missing_ok=True)
        elif {entry.name for entry in path.iterdir()} <= set(index_files.FILES):
            shutil.rmtree(path, ignore_errors=True)


def _read(file: Path) -> Record | None:
    try:
        said = json.loads(file.read_text())
        files, copied = ({name: (one, other) for name, (one, other) in said.pop(key).items()} for key in _TABLES)
        return Record(**said, files=files, copied=copied)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(file: Path, record: Record) -> None:
    file.parent.mkdir(exist_ok=True)
    new = file.with_suffix(".new")
    with new.open("w") as writing:
        json.dump(asdict(record), writing)
        writing.flush()
        os.fsync(writing.fileno())
    new.replace(file)
    _sync(file.parent)


def _copy_file(source: Path, target: Path) -> tuple[int, int]:
    """Size and CRC-32 of what was copied and is on disk."""
    size = crc = 0
    with source.open("rb") as reading, target.open("wb") as writing:
        while piece := reading.read(_PIECE):
            writing.write(piece)
            size, crc = size + len(piece), zlib.crc32(piece, crc)
        writing.flush()
        os.fsync(writing.fileno())
    return size, crc


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, on disk, where the system can say so."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
