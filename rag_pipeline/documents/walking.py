"""Which files of a folder are documents."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rag_pipeline.documents.readers import READABLE_SUFFIXES
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


def scan_folder(folder: Path) -> FolderScan:
    """List the documents below a folder; hidden files and folders are left out.

    Raises:
        UsageError: the folder is missing, is no folder, cannot be listed, or holds nothing readable. An
            empty folder is an error on purpose: an unmounted disk must never look like "all files removed".
    """
    if not folder.exists():
        raise UsageError(f"folder {folder} not found")
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    scan = FolderScan(folder)
    seen: dict[str, str] = {}

    def failed(error: OSError) -> None:
        if error.filename is None or Path(error.filename) == folder:
            raise UsageError(f"folder {folder} cannot be listed: {error.strerror}")
        place = Path(error.filename).relative_to(folder)
        scan.unreadable.append((_source(place), error.strerror or "cannot be listed"))

    for directory, subfolders, names in os.walk(folder, onerror=failed):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith("."):
                continue
            path = Path(directory) / name
            suffix = path.suffix.lower()
            if suffix not in READABLE_SUFFIXES:
                scan.skipped[suffix or name] += 1
                continue
            source = _source(path.relative_to(folder))
            try:
                source.encode()
            except UnicodeEncodeError:
                shown = source.encode(errors="backslashreplace").decode()
                scan.unreadable.append((shown, "its name is not valid UTF-8; rename it"))
                continue
            if not path.is_file():
                # Reading a named pipe would wait for ever.
                scan.unreadable.append((source, "not a regular file, or a link to nothing"))
                continue
            if source in seen:
                # Composed and decomposed Hangul spell the same name; one of the two has to give way.
                scan.unreadable.append((source, "another file has the same name in Unicode NFC"))
                continue
            seen[source] = name
            scan.files.append(SourceFile(source, path))
    scan.files.sort(key=lambda file: file.source)
    if not scan.files and not scan.unreadable:
        kinds = ", ".join(sorted(READABLE_SUFFIXES))
        raise UsageError(f"folder {folder} holds no readable document; readable: {kinds}. Nothing was changed")
    return scan


def _source(relative: Path) -> str:
    return unicodedata.normalize("NFC", relative.as_posix())
