"""The file that a stored document was read from, if it is still what was read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rag_pipeline.config import Settings
from rag_pipeline.documents.metadata import mapped_metadata, read_sidecar, version_of
from rag_pipeline.errors import DocumentError
from rag_pipeline.store.records import FileVersion


def read_original(settings: Settings, collection: str, version: FileVersion) -> bytes:
    """The bytes of a stored document's file.

    Args:
        settings: the configuration, whose rules for metadata are a part of a file's version.
        collection: the collection's name.
        version: as the store holds it.

    Returns:
        the bytes that were read into the collection, and no others.

    Raises:
        DocumentError: the file is not there any more, lies outside of its folder, is none of this machine's, is too
            large, or has changed since it was ingested. No message holds a path.
    """
    folder = settings.resolve_folder(version.key.folder)
    if not isinstance(folder, Path):
        raise DocumentError("the file is not on this machine")
    try:
        root = folder.resolve(strict=True)
        path = (root / version.key.source).resolve(strict=True)
        if not path.is_relative_to(root) and not settings.reading.follow_symlinks:
            raise DocumentError("the file lies outside of its folder")
        if not path.is_file():
            raise DocumentError("the file is not there any more")
        if path.stat().st_size > settings.reading.max_file_mb * 1e6:
            raise DocumentError("the file is larger than reading.max_file_mb")
        content = path.read_bytes()
    except (OSError, ValueError, RuntimeError):
        raise DocumentError("the file is not there any more") from None
    sha256 = hashlib.sha256(content).hexdigest()
    if version.sha256 not in (sha256, _version(settings, collection, version, folder, sha256)):
        raise DocumentError("the file has changed since it was ingested")
    return content


def _version(settings: Settings, collection: str, version: FileVersion, folder: Path, sha256: str) -> str:
    configured = settings.collections.get(collection)
    rules = [(rule.files, rule.values) for rule in configured.metadata] if configured else []
    source = version.key.source
    return version_of(sha256, {**mapped_metadata(source, rules), **read_sidecar(folder / source)})
