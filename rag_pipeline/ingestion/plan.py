"""A folder compared with what the collection really holds."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rag_pipeline.documents import scan_folder
from rag_pipeline.ingestion.report import Failure
from rag_pipeline.store.records import FileKey, FileVersion, StoredFiles


@dataclass(frozen=True)
class Pending:
    """A file whose present content is not, or not wholly, in the collection."""

    key: FileKey
    path: Path
    is_new: bool


@dataclass
class Plan:
    """What a sync would do."""

    pending: list[Pending] = field(default_factory=list)
    unchanged: int = 0
    removed: list[FileKey] = field(default_factory=list)
    stale_ids: list[str] = field(default_factory=list)
    """Chunks of earlier contents of unchanged files, left by a run that was cut off."""
    failures: list[Failure] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    gone_folders: list[str] = field(default_factory=list)


def folder_name(folder: Path, base_dir: Path) -> str:
    """Name a folder in a collection: relative to ``base_dir`` where it lies below, so that a project can move."""
    resolved = folder.resolve()
    base = base_dir.resolve()
    shown = resolved.relative_to(base) if resolved.is_relative_to(base) else resolved
    return unicodedata.normalize("NFC", shown.as_posix())


def plan_sync(folders: list[Path], base_dir: Path, stored: StoredFiles, *, exclusive: bool = False) -> Plan:
    """Compare folders with a collection, by the bytes of each file.

    Args:
        folders: the folders to bring in.
        base_dir: where folder names in the collection are relative to.
        stored: what the collection holds.
        exclusive: whether documents of other folders in the collection are to go; else they are left alone.

    Raises:
        UsageError: a folder is missing, unreadable or without documents.
    """
    plan = Plan()
    names = {}
    seen: set[FileKey] = set()
    for folder in folders:
        name = folder_name(folder, base_dir)
        if name in names:
            continue
        names[name] = folder
        scan = scan_folder(folder)
        plan.skipped.update(scan.skipped)
        for source, reason in scan.unreadable:
            plan.failures.append(Failure(source, reason))
            # What could not be looked at is not gone.
            seen.update(key for key in stored.versions if key.folder == name and _at_or_below(key.source, source))
        for file in scan.files:
            key = FileKey(name, file.source)
            seen.add(key)
            _compare(plan, key, file.path, stored)
    plan.removed = sorted(
        (key for key in stored.versions if (exclusive or key.folder in names) and key not in seen),
        key=lambda key: (key.folder, key.source),
    )
    others = set() if exclusive else {key.folder for key in stored.versions} - set(names)
    plan.gone_folders = sorted(name for name in others if not (base_dir / name).is_dir())
    return plan


def _compare(plan: Plan, key: FileKey, path: Path, stored: StoredFiles) -> None:
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        plan.failures.append(Failure(key.source, f"cannot be read: {error.strerror}"))
        return
    if stored.holds(FileVersion(key, sha256)):
        plan.unchanged += 1
        plan.stale_ids += stored.ids(key, except_sha256=sha256)
    else:
        # A first ingest that was cut off left part of a file, which is still a new one.
        complete = any(version.complete for version in stored.versions.get(key, {}).values())
        plan.pending.append(Pending(key, path, is_new=not complete))


def _at_or_below(source: str, place: str) -> bool:
    return source == place or source.startswith(place + "/")
