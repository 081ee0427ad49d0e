"""Which files of a folder are documents."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from rag_pipeline.documents.metadata import SIDECAR_SUFFIX
from rag_pipeline.documents.readers import Readers
from rag_pipeline.documents.selection import Selection, read_ignore_file
from rag_pipeline.errors import UsageError


@dataclass(frozen=True)
class SourceFile:
    """One file of a folder."""

    source: str
    """Path relative to the folder, with forward slashes, NFC."""
    path: Path


@dataclass
class FolderScan:
    """What a folder holds."""

    folder: Path
    files: list[SourceFile] = field(default_factory=list)
    """Readable files, sorted by source."""
    skipped: Counter[str] = field(default_factory=Counter)
    """How many files were passed over, by suffix, because there is no reader for them."""
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """Subfolders and entries that could not be looked at: source and reason."""


def scan_folder(
    folder: Path, selection: Selection | None = None, suffixes: Collection[str] | None = None
) -> FolderScan:
    """List the documents below a folder; hidden files and folders are left out, links to folders are followed once.

    Args:
        folder: the folder.
        selection: what is taken of it; None: all.
        suffixes: what can be read; None: what the built-in and installed readers read.

    Raises:
        UsageError: the folder is missing, is no folder, cannot be listed, or holds nothing readable. An
            empty folder is an error on purpose: an unmounted disk must never look like "all files removed".
    """
    if not folder.exists():
        raise UsageError(f"folder {folder} not found")
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    suffixes = Readers().suffixes if suffixes is None else suffixes
    scan = _Scan(folder, selection or Selection(), frozenset(suffixes))
    scan.walk()
    found = scan.found
    found.files.sort(key=lambda file: file.source)
    if not found.files and not found.unreadable:
        kinds = ", ".join(sorted(suffixes))
        narrowed = " that include, exclude and .ragignore let through" if scan.left_out else ""
        raise UsageError(
            f"folder {folder} holds no readable document{narrowed}; readable: {kinds}. Nothing was changed"
        )
    return found


class _Scan:
    def __init__(self, folder: Path, selection: Selection, suffixes: frozenset[str]) -> None:
        self.found = FolderScan(folder)
        self.left_out = 0
        self._folder = folder
        self._selection = selection
        self._ignored = read_ignore_file(folder)
        self._suffixes = suffixes
        self._sources: set[str] = set()
        self._visited: set[tuple[int, int]] = set()

    def walk(self) -> None:
        for directory, subfolders, names in os.walk(self._folder, onerror=self._failed, followlinks=True):
            place = Path(directory)
            # Chains of links may lead back up; a folder is walked once, whatever it is called.
            status = place.stat()
            if (status.st_dev, status.st_ino) in self._visited:
                subfolders.clear()
                continue
            self._visited.add((status.st_dev, status.st_ino))
            subfolders[:] = sorted(name for name in subfolders if self._enters(place / name))
            for name in sorted(names):
                if not name.startswith("."):
                    self._consider(place / name)

    def _enters(self, path: Path) -> bool:
        wanted = self._selection.wants(f"{_source(path.relative_to(self._folder))}/", self._ignored)
        self.left_out += not wanted
        return wanted and not path.name.startswith(".")

    def _consider(self, path: Path) -> None:
        if path.name.lower().endswith(SIDECAR_SUFFIX):
            return
        source = _source(path.relative_to(self._folder))
        if not self._selection.wants(source, self._ignored):
            self.left_out += 1
            return
        suffix = path.suffix.lower()
        if suffix not in self._suffixes:
            self.found.skipped[suffix or path.name] += 1
            return
        problem = self._problem(path, source)
        if problem:
            shown = source.encode(errors="backslashreplace").decode()
            self.found.unreadable.append((shown, problem))
            return
        self._sources.add(source)
        self.found.files.append(SourceFile(source, path))

    def _problem(self, path: Path, source: str) -> str | None:
        try:
            source.encode()
        except UnicodeEncodeError:
            return "its name is not valid UTF-8; rename it"
        if source in self._sources:
            # Composed and decomposed Hangul spell the same name; one of the two has to give way.
            return "another file has the same name in Unicode NFC"
        if not path.is_file():
            # Reading a named pipe would wait for ever.
            return "not a regular file, or a link to nothing"
        size = path.stat().st_size
        if size > self._selection.max_bytes:
            limit = self._selection.max_file_mb
            return f"has {size / 1e6:,.0f} MB, more than the {limit:g} MB of reading.max_file_mb"
        return None

    def _failed(self, error: OSError) -> None:
        if error.filename is None or Path(error.filename) == self._folder:
            raise UsageError(f"folder {self._folder} cannot be listed: {error.strerror}")
        place = Path(error.filename).relative_to(self._folder)
        self.found.unreadable.append((_source(place), error.strerror or "cannot be listed"))


def _source(relative: Path) -> str:
    return unicodedata.normalize("NFC", relative.as_posix())
