"""One chunk as it lies in a collection."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag_pipeline.metadata_values import MetadataValue


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
    """Of the file's bytes, and of the metadata given with it if there is any."""


@dataclass(frozen=True)
class ChunkRecord:
    """A chunk and what is known of it."""

    version: FileVersion
    index: int
    """Its position among the chunks of its file, from 0."""
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
        """Deterministic: the same file, content and position give the same id, other content another."""
        return chunk_id(self.version, self.index)

    @property
    def metadata(self) -> dict[str, MetadataValue]:
        """What Chroma keeps with the text."""
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


# What, besides folder and source, makes a row a chunk of a file, which an ingest removes when the file changes or goes.
FILE_KEYS = frozenset({"file_sha256", "chunk_index", "chunk_count"})


@dataclass(frozen=True)
class ChunkOrigin:
    """Which chunk of which content of which file a row is."""

    version: FileVersion
    index: int
    """Its position among the chunks of the file, from 0."""
    count: int
    """How many chunks the file has."""

    @classmethod
    def of(cls, metadata: Mapping[str, object] | None) -> ChunkOrigin | None:
        """Read what :attr:`ChunkRecord.metadata` wrote; None: the row is of no file."""
        known = metadata or {}
        try:
            key = FileKey(str(known["folder"]), str(known["source"]))
            index, count = int(str(known["chunk_index"])), int(str(known["chunk_count"]))
            return cls(FileVersion(key, str(known["file_sha256"])), index, count)
        except (KeyError, ValueError):
            return None


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
    """What a collection holds, file by file, read from the chunks themselves: there is no other ledger.

    Args:
        present: ids of all chunks.
        holders: looks up which chunks hold some texts, by the hashes of what their vectors depend on.
    """

    def __init__(
        self,
        present: Iterable[str] = (),
        holders: Callable[[Sequence[str]], Mapping[str, Sequence[str]]] | None = None,
    ) -> None:
        self.versions: dict[FileKey, dict[str, StoredVersion]] = {}
        self.foreign: list[str] = []
        """Ids of chunks that carry no file: written by something else; never touched."""
        self._present = set(present)
        self._holders = holders

    @property
    def chunks(self) -> int:
        """How many there are."""
        return len(self._present)

    def all_ids(self) -> set[str]:
        """Ids of all chunks, those of no file too."""
        return self._present

    def add(self, chunk_id: str, metadata: Mapping[str, object] | None) -> None:
        """Take in one stored chunk."""
        self._present.add(chunk_id)
        origin = ChunkOrigin.of(metadata)
        if origin is None:
            self.foreign.append(chunk_id)
            return
        self._stored(origin.version, origin.count).ids.setdefault(origin.index, chunk_id)

    def add_file(self, metadata: Mapping[str, object] | None) -> set[str]:
        """Take in the chunks of a file by the metadata of one of them: their ids follow from what they are of.

        Returns:
            those of them that are present.
        """
        origin = ChunkOrigin.of(metadata)
        if origin is None:
            return set()
        expected = {index: chunk_id(origin.version, index) for index in range(origin.count)}
        ids = {index: one for index, one in expected.items() if one in self._present}
        if ids:
            self._stored(origin.version, origin.count).ids.update(ids)
        return set(ids.values())

    def texts(self, hashes: Sequence[str]) -> dict[str, str]:
        """Chunks whose vectors may be used again for some texts; texts that are not stored are left out."""
        if self._holders is None or not hashes or not self._present:
            return {}
        found = self._holders(hashes)
        known = {text: [one for one in chunks if one in self._present] for text, chunks in found.items()}
        return {text: min(chunks) for text, chunks in known.items() if chunks}

    def holds(self, version: FileVersion) -> bool:
        """Whether every chunk of this content of the file is stored."""
        stored = self.versions.get(version.key, {}).get(version.sha256)
        return stored is not None and stored.complete

    def chunk_ids(self, version: FileVersion) -> Mapping[int, str]:
        """Ids of the chunks of this content of the file that are stored, by their position in it."""
        stored = self.versions.get(version.key, {}).get(version.sha256)
        return stored.ids if stored else {}

    def ids(self, key: FileKey, *, except_sha256: str | None = None) -> list[str]:
        """Ids of a file's chunks, those of one content left out."""
        versions = self.versions.get(key, {})
        return [chunk for sha, stored in versions.items() if sha != except_sha256 for chunk in stored.ids.values()]

    def _stored(self, version: FileVersion, count: int) -> StoredVersion:
        return self.versions.setdefault(version.key, {}).setdefault(version.sha256, StoredVersion(count))
