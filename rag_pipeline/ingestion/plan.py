"""A folder compared with what the collection really holds."""

from __future__ import annotations

import functools
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from rag_pipeline.documents import FolderScan, SourceFile
from rag_pipeline.documents.metadata import mapped_metadata, read_sidecar, version_of
from rag_pipeline.documents.selection import SIZE_LIMIT, Selection
from rag_pipeline.errors import DocumentError
from rag_pipeline.ingestion.report import Failure, FileWarning
from rag_pipeline.locations import Folder, RemoteFolder, SourcePath, is_url, open_file, read_file, too_large
from rag_pipeline.metadata_values import MetadataValue
from rag_pipeline.store.records import FileKey, FileVersion, StoredFiles

# Files behind a URL that are read at once.
REMOTE_READERS = 8


@dataclass(frozen=True)
class FolderOptions:
    """What is taken of folders, and what is known of their files beforehand."""

    selection: Selection = field(default_factory=Selection)
    metadata: Sequence[tuple[Sequence[str], Mapping[str, MetadataValue]]] = ()
    """Patterns, and the metadata of files that match them."""
    suffixes: Collection[str] | None = None
    """What can be read; None: what the built-in and installed readers read."""


@dataclass(frozen=True)
class PlannedFile:
    """A file whose present content is not, or not wholly, in the collection."""

    key: FileKey
    path: SourcePath
    is_new: bool
    size: int
    mapped: Mapping[str, MetadataValue] = field(default_factory=dict)
    """Metadata from the configuration."""
    sidecar: Mapping[str, MetadataValue] = field(default_factory=dict)
    """Metadata from the file next to it."""
    renamed_from: FileKey | None = None
    """A deleted file that had the same content."""

    def version(self, content_sha256: str) -> FileVersion:
        """The version that a content makes of it."""
        return FileVersion(self.key, version_of(content_sha256, {**self.mapped, **self.sidecar}))


@dataclass
class Plan:
    """What a sync would do."""

    pending: list[PlannedFile] = field(default_factory=list)
    unchanged: int = 0
    removed: list[FileKey] = field(default_factory=list)
    """Files that were deleted, those that were renamed among them."""
    stale_ids: list[str] = field(default_factory=list)
    """Chunks of earlier contents of unchanged files, left by a run that was cut off."""
    failures: list[Failure] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    warnings: list[FileWarning] = field(default_factory=list)
    """What is to be said of whole folders."""
    gone_folders: list[str] = field(default_factory=list)
    versions: dict[FileKey, str] = field(default_factory=dict)
    """The version each pending file had when it was compared."""

    @property
    def lost(self) -> list[FileKey]:
        """Files that were deleted and came back under no other name."""
        renamed = {file.renamed_from for file in self.pending}
        return [key for key in self.removed if key not in renamed]


def folder_name(folder: Folder, base_dir: Path) -> str:
    """Name a folder in a collection: relative to ``base_dir`` where it lies below, so that a project can move.

    A folder behind a URL is called by it, without credentials.
    """
    if isinstance(folder, RemoteFolder):
        return folder.name
    resolved = folder.resolve()
    base = base_dir.resolve()
    shown = resolved.relative_to(base) if resolved.is_relative_to(base) else resolved
    return unicodedata.normalize("NFC", shown.as_posix())


def plan_sync(
    scans: Sequence[FolderScan],
    base_dir: Path,
    stored: StoredFiles,
    options: FolderOptions | None = None,
    *,
    exclusive: bool = False,
) -> Plan:
    """Compare folders with a collection, by the bytes of each file.

    Args:
        scans: the folders to bring in, as they were listed.
        base_dir: where folder names in the collection are relative to.
        stored: what the collection holds.
        options: what is taken of the folders.
        exclusive: whether documents of other folders in the collection are to go; else they are left alone.
    """
    options = options or FolderOptions()
    plan = Plan()
    names: set[str] = set()
    seen: set[FileKey] = set()
    for scan in scans:
        name = folder_name(scan.folder, base_dir)
        names.add(name)
        plan.skipped.update(scan.skipped)
        if scan.warning:
            plan.warnings.append(FileWarning(str(scan.folder), scan.warning))
        for source, reason in scan.unreadable:
            plan.failures.append(Failure(source, reason))
            # What could not be looked at may still be there.
            seen.update(key for key in stored.versions if key.folder == name and _at_or_below(key.source, source))
        keys = [FileKey(name, file.source) for file in scan.files]
        seen.update(keys)
        for key, file, looked in zip(keys, scan.files, _look_at(scan, options.selection.max_bytes), strict=True):
            _compare(plan, key, file, looked, stored, options)
    plan.removed = sorted(
        (key for key in stored.versions if (exclusive or key.folder in names) and key not in seen),
        key=lambda key: (key.folder, key.source),
    )
    _find_renamed(plan, stored)
    others = set() if exclusive else {key.folder for key in stored.versions} - names
    # What lies behind a URL is not asked after unless it was named.
    plan.gone_folders = sorted(name for name in others if not is_url(name) and not (base_dir / name).is_dir())
    return plan


def _find_renamed(plan: Plan, stored: StoredFiles) -> None:
    """Pair new files with deleted ones of the same content."""
    deleted: dict[str, list[FileKey]] = {}
    for key in plan.removed:
        for sha256, version in stored.versions[key].items():
            if version.complete:
                deleted.setdefault(sha256, []).append(key)
    for index, file in enumerate(plan.pending):
        earlier = deleted.get(plan.versions[file.key])
        if file.is_new and earlier:
            plan.pending[index] = replace(file, renamed_from=earlier.pop(0))


@dataclass(frozen=True)
class _Looked:
    sha256: str
    size: int
    sidecar: Mapping[str, MetadataValue]


def _look_at(scan: FolderScan, most_bytes: int) -> Iterator[_Looked | str]:
    """Each file's hash, size and sidecar, or why it cannot be read, in the order of the files."""
    look = functools.partial(_look, most_bytes)
    if not isinstance(scan.folder, RemoteFolder):
        yield from map(look, scan.files)
        return
    with ThreadPoolExecutor(REMOTE_READERS, "rag_pipeline-comparing") as pool:
        try:
            yield from pool.map(look, scan.files)
        finally:
            pool.shutdown(cancel_futures=True)


def _look(most_bytes: int, file: SourceFile) -> _Looked | str:
    try:
        if isinstance(file.path, Path):
            with open_file(file.path) as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
                size = stream.tell()
            if size > most_bytes:
                raise too_large(most_bytes, SIZE_LIMIT)
        else:
            content = read_file(file.path, most_bytes, SIZE_LIMIT)
            sha256, size = hashlib.sha256(content).hexdigest(), len(content)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    try:
        return _Looked(sha256, size, {} if file.has_sidecar is False else read_sidecar(file.path))
    except DocumentError as error:
        return str(error)


def _compare(
    plan: Plan, key: FileKey, found: SourceFile, looked: _Looked | str, stored: StoredFiles, options: FolderOptions
) -> None:
    if isinstance(looked, str):
        plan.failures.append(Failure(key.source, looked))
        return
    mapped = mapped_metadata(key.source, options.metadata)
    # A first ingest that was cut off left part of a file, which is still a new one.
    complete = any(version.complete for version in stored.versions.get(key, {}).values())
    file = PlannedFile(key, found.path, not complete, looked.size, mapped, looked.sidecar)
    version = file.version(looked.sha256)
    if stored.holds(version):
        plan.unchanged += 1
        plan.stale_ids += stored.ids(key, except_sha256=version.sha256)
    else:
        plan.pending.append(file)
        plan.versions[key] = version.sha256


def _at_or_below(source: str, place: str) -> bool:
    return source == place or source.startswith(place + "/")
