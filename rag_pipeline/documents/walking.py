"""Which files of a folder are documents."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from rag_pipeline.documents.metadata import SIDECAR_SUFFIX
from rag_pipeline.documents.readers import Readers
from rag_pipeline.documents.selection import Selection, read_ignore_file
from rag_pipeline.errors import UsageError
from rag_pipeline.locations import NO_FILE, Folder, RemoteEntry, RemoteFolder, SourcePath, failure_reason

# What systems and Office leave lying about: lock files of open documents, previews, views of folders.
_LITTER = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
_LOCK_FILE = "~$"


@dataclass(frozen=True)
class SourceFile:
    """One file of a folder."""

    source: str
    """Path relative to the folder, with forward slashes, NFC."""
    path: SourcePath
    size: int | None = None
    """In bytes, where a listing has told it."""
    has_sidecar: bool | None = None
    """Whether metadata lie next to it; None: look."""


@dataclass
class FolderScan:
    """What a folder holds."""

    folder: Folder
    files: list[SourceFile] = field(default_factory=list)
    """Readable files, sorted by source."""
    skipped: Counter[str] = field(default_factory=Counter)
    """How many files were passed over, by suffix, because there is no reader for them."""
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """Subfolders and entries that could not be looked at: source and reason."""
    links_out: int = 0
    """How many symbolic links were passed over because they lead out of the folder."""

    @property
    def warning(self) -> str:
        """What is to be said of the links that were passed over; empty if there are none."""
        if not self.links_out:
            return ""
        links = "1 link leads" if self.links_out == 1 else f"{self.links_out} links lead"
        return f"{links} out of the folder and so passed over; reading.follow_symlinks: true has such links followed"


def scan_folder(
    folder: Folder, selection: Selection | None = None, suffixes: Collection[str] | None = None
) -> FolderScan:
    """List the documents below a folder; a folder that links lead to is entered once.

    Links that lead out of the folder are passed over unless the selection says otherwise. Hidden files and folders are
    left out, and so are the files that Office and systems leave beside documents.

    Args:
        folder: the folder.
        selection: what is taken of it; None: all.
        suffixes: what can be read; None: what the built-in and installed readers read.

    Raises:
        UsageError: the folder is missing, is no folder, cannot be listed, or holds nothing readable. An
            empty folder is an error on purpose: an unmounted disk must never look like "all files removed".
        ServiceError: a folder behind a URL cannot be reached, or refuses.
    """
    suffixes = Readers().suffixes if suffixes is None else suffixes
    selection = selection or Selection()
    check_folder(folder)
    scan: _Scan
    if isinstance(folder, RemoteFolder):
        # Listed first: a service that cannot be reached is said to be that, not a file that cannot be read.
        entries = folder.first_entries()
        scan = _RemoteScan(folder, selection, frozenset(suffixes), entries)
    else:
        scan = _LocalScan(folder, selection, frozenset(suffixes))
    scan.walk()
    found = scan.found
    found.files.sort(key=lambda file: file.source)
    if not found.files and not found.unreadable:
        kinds = ", ".join(sorted(suffixes))
        narrowed = " that include, exclude and .ragignore let through" if scan.left_out else ""
        links = f" ({found.warning})" if found.links_out else ""
        raise UsageError(
            f"folder {folder} holds no readable document{narrowed}{links}; readable: {kinds}. Nothing was changed"
        )
    return found


def check_folder(folder: Folder) -> None:
    """Refuse a folder of this machine that is not there; one behind a URL is only asked for when it is listed.

    Raises:
        UsageError: it is missing, or is no folder.
    """
    if isinstance(folder, RemoteFolder):
        return
    if not folder.exists():
        raise UsageError(f"folder {folder} not found")
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")


class _Scan:
    """What the scans of all places share: which entries are documents."""

    def __init__(self, folder: Folder, selection: Selection, suffixes: frozenset[str]) -> None:
        self.found = FolderScan(folder)
        self.left_out = 0
        self._selection = selection
        self._ignored = read_ignore_file(folder)
        self._suffixes = suffixes
        self._sources: set[str] = set()

    def walk(self) -> None:
        raise NotImplementedError

    def _enters(self, source: str, name: str) -> bool:
        wanted = self._selection.wants(f"{source}/", self._ignored)
        self.left_out += not wanted
        return wanted and not name.startswith(".")

    def _wants(self, source: str, path: SourcePath) -> bool:
        """Whether a file is a document, as far as its name tells."""
        name = path.name.lower()
        if name.startswith((".", _LOCK_FILE)) or name in _LITTER or name.endswith(SIDECAR_SUFFIX):
            return False
        if not self._selection.wants(source, self._ignored):
            self.left_out += 1
            return False
        suffix = path.suffix.lower()
        if suffix not in self._suffixes:
            self.found.skipped[suffix or path.name] += 1
            return False
        return True

    def _take(self, file: SourceFile, problem: str | None) -> None:
        if problem:
            shown = file.source.encode(errors="backslashreplace").decode()
            self.found.unreadable.append((shown, problem))
            return
        self._sources.add(file.source)
        self.found.files.append(file)

    def _problem_of_name(self, source: str) -> str | None:
        try:
            source.encode()
        except UnicodeEncodeError:
            return "its name is not valid UTF-8; rename it"
        if source in self._sources:
            # Composed and decomposed Hangul spell the same name; one of the two has to give way.
            return "another file has the same name in Unicode NFC"
        return None

    def _problem_of_size(self, size: int) -> str | None:
        if size > self._selection.max_bytes:
            limit = self._selection.max_file_mb
            return f"has {size / 1e6:,.0f} MB, more than the {limit:g} MB of reading.max_file_mb"
        return None


class _LocalScan(_Scan):
    def __init__(self, folder: Path, selection: Selection, suffixes: frozenset[str]) -> None:
        super().__init__(folder, selection, suffixes)
        self._folder = folder
        self._root = os.path.realpath(folder)
        self._visited: set[tuple[int, int]] = set()

    def walk(self) -> None:
        for directory, subfolders, names in os.walk(self._folder, onerror=self._failed, followlinks=True):
            place = Path(directory)
            # Chains of links may lead back up; a folder is walked once, whatever it is called.
            try:
                status = place.stat()
            except OSError as error:
                # It was listed and deleted since, or may no longer be looked at.
                self._failed(error)
                subfolders.clear()
                continue
            if (status.st_dev, status.st_ino) in self._visited:
                subfolders.clear()
                continue
            self._visited.add((status.st_dev, status.st_ino))
            subfolders[:] = sorted(
                name
                for name in subfolders
                if (place / name).resolve() not in self._selection.never_entered
                and self._enters(self._source(place / name), name)
                and self._stays_inside(place / name)
            )
            present = set(names)
            for name in sorted(names):
                path, source = place / name, self._source(place / name)
                if self._wants(source, path) and self._stays_inside(path):
                    sidecar = path.with_name(name + SIDECAR_SUFFIX)
                    own = None if sidecar.name not in present or self._stays_inside(sidecar) else False
                    file = SourceFile(source, path, has_sidecar=own)
                    self._take(file, self._problem_of_name(source) or self._problem(path))

    def _stays_inside(self, path: Path) -> bool:
        """Whether an entry is no link out of the folder, or one that may be followed; those that may not are counted.

        What lies below a folder that was entered needs no look, unless it is a link itself.
        """
        if self._selection.follow_symlinks or not path.is_symlink():
            return True
        # Not Path.resolve(), which raises an exception of its own kind where links go in a circle.
        inside = Path(os.path.realpath(path)).is_relative_to(self._root)
        self.found.links_out += not inside
        return inside

    def _source(self, path: Path) -> str:
        return unicodedata.normalize("NFC", path.relative_to(self._folder).as_posix())

    def _problem(self, path: Path) -> str | None:
        try:
            status = path.stat()
        except OSError as error:
            return NO_FILE if error.errno in (errno.ENOENT, errno.ELOOP) else f"cannot be read: {error.strerror}"
        if not stat.S_ISREG(status.st_mode):
            # Reading a named pipe would wait for ever.
            return NO_FILE
        return self._problem_of_size(status.st_size)

    def _failed(self, error: OSError) -> None:
        if error.filename is None or Path(error.filename) == self._folder:
            raise UsageError(f"folder {self._folder} cannot be listed: {error.strerror}")
        self.found.unreadable.append((self._source(Path(error.filename)), error.strerror or "cannot be listed"))


class _RemoteScan(_Scan):
    """A listing per folder: file systems that list all at once leave out, without a word, what they cannot list."""

    def __init__(
        self, folder: RemoteFolder, selection: Selection, suffixes: frozenset[str], entries: list[RemoteEntry]
    ) -> None:
        super().__init__(folder, selection, suffixes)
        self._folder = folder
        self._entries = entries

    def walk(self) -> None:
        waiting: list[tuple[str, str]] = []
        self._take_entries("", self._entries, waiting)
        while waiting:
            source, path = waiting.pop()
            try:
                entries = list(self._folder.entries(path))
            except Exception as error:
                self.found.unreadable.append((source, f"cannot be listed: {failure_reason(error)}"))
            else:
                self._take_entries(source, entries, waiting)

    def _take_entries(self, source: str, entries: list[RemoteEntry], waiting: list[tuple[str, str]]) -> None:
        names = {entry.name for entry in entries}
        for entry in sorted(entries, key=lambda entry: entry.name):
            own = unicodedata.normalize("NFC", f"{source}/{entry.name}".lstrip("/"))
            if not entry.is_folder:
                self._consider(own, entry, entry.name + SIDECAR_SUFFIX in names)
            elif self._enters(own, entry.name):
                waiting.append((own, entry.path))

    def _consider(self, source: str, entry: RemoteEntry, has_sidecar: bool) -> None:
        file = SourceFile(source, self._folder.file(entry.path), entry.size, has_sidecar)
        if self._wants(source, file.path):
            self._take(file, self._problem_of_name(source) or self._problem_of_size(entry.size or 0))
