"""One chunk as it lies in a collection."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

MetadataValue = str | int | float | bool


@dataclass(frozen=True)
class FileKey:
    """Which file a chunk is of."""

    folder: str
    """The folder that was ingested: relative to the configuration file where it lies below, else absolute."""
    source: str
    """The file's path below that folder, POSIX, NFC."""


@dataclass(frozen=True)
class FileVersion:
    """One content of a file."""

    key: FileKey
    sha256: str
    """Of the file's bytes, and of the metadata given beside it if there is any."""


@dataclass(frozen=True)
class ChunkRecord:
    """A chunk and what is known of it."""

    version: FileVersion
    index: int
    """Place among the chunks of its file, from 0."""
    count: int
    """How many chunks the file has; the file is complete when all are stored."""
    text: str
    title: str
    section: str
    text_sha256: str = ""
    """Hash of what the vector depends on."""
    extra: Mapping[str, MetadataValue] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Deterministic: the same file, content and place give the same id, other content another."""
        return chunk_id(self.version, self.index)

    @property
    def metadata(self) -> dict[str, MetadataValue]:
        """What Chroma keeps beside the text."""
        return {
            **self.extra,
            "source": self.version.key.source,
            "folder": self.version.key.folder,
            "title": self.title,
            "section": self.section,
            "file_sha256": self.version.sha256,
            "text_sha256": self.text_sha256,
            "chunk_index": self.index,
            "chunk_count": self.count,
        }


def chunk_id(version: FileVersion, index: int) -> str:
    """The id of a chunk, from what it is of and where it stands there."""
    parts = (version.key.folder, version.key.source, version.sha256, str(index))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@dataclass
class StoredVersion:
    """What a collection holds of one content of a file."""

    count: int
    """Chunks the content has."""
    ids: dict[int, str] = field(default_factory=dict)
    """Chunk ids by index."""

    @property
    def complete(self) -> bool:
        """Whether every chunk is there."""
        return len(self.ids) == self.count


class StoredFiles:
    """What a collection holds, file by file, read from the chunks themselves: there is no other ledger."""

    def __init__(self) -> None:
        self.versions: dict[FileKey, dict[str, StoredVersion]] = {}
        self.chunks = 0
        self.texts: dict[str, str] = {}
        """A chunk for each text that is stored, by the hash of what its vector depends on."""
        self.foreign: list[str] = []
        """Ids of chunks that carry no file: written by something else; never touched."""

    def add(self, chunk_id: str, metadata: Mapping[str, object] | None) -> None:
        """Take in one stored chunk."""
        self.chunks += 1
        try:
            assert metadata is not None
            key = FileKey(str(metadata["folder"]), str(metadata["source"]))
            index, count = int(str(metadata["chunk_index"])), int(str(metadata["chunk_count"]))
            sha256 = str(metadata["file_sha256"])
        except (AssertionError, KeyError, ValueError):
            self.foreign.append(chunk_id)
            return
        version = self.versions.setdefault(key, {}).setdefault(sha256, StoredVersion(count))
        version.ids[index] = chunk_id
        text = metadata.get("text_sha256")
        if isinstance(text, str) and text:
            self.texts[text] = chunk_id

    def all_ids(self) -> set[str]:
        """Ids of all chunks, those of no file too."""
        of_files = (stored for versions in self.versions.values() for stored in versions.values())
        return {*(chunk for stored in of_files for chunk in stored.ids.values()), *self.foreign}

    def holds(self, version: FileVersion) -> bool:
        """Whether every chunk of this content of the file is stored."""
        stored = self.versions.get(version.key, {}).get(version.sha256)
        return stored is not None and stored.complete

    def chunk_ids(self, version: FileVersion) -> Mapping[int, str]:
        """Ids of the chunks of this content of the file that are stored, by their place in it."""
        stored = self.versions.get(version.key, {}).get(version.sha256)
        return stored.ids if stored else {}

    def ids(self, key: FileKey, *, except_sha256: str | None = None) -> list[str]:
        """Ids of a file's chunks, those of one content left out."""
        versions = self.versions.get(key, {})
        return [chunk for sha, stored in versions.items() if sha != except_sha256 for chunk in stored.ids.values()]
