"""What a collection holds as a reader sees it: documents, put together from their chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag_pipeline.store.records import ChunkOrigin, FileKey, FileVersion, chunk_id
from rag_pipeline.text import split_title_path

if TYPE_CHECKING:
    from rag_pipeline.store.collection import Collection

# What a chunk carries for the store's own sake, or has a field of its own.
_OWN = frozenset({"folder", "source", "title", "section", "file_sha256", "text_sha256", "chunk_index", "chunk_count"})
# What differs from chunk to chunk.
_PLACES = ("page", "slide", "sheet", "rows")


def document_id(key: FileKey) -> str:
    """What a file is called by those who must not see its folder: the same for every content of it."""
    return hashlib.sha256(f"{key.folder}\0{key.source}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class StoredDocument:
    """A file as its first chunk tells of it."""

    id: str
    version: FileVersion
    chunks: int
    title: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Of the file: what it, its front matter and the configuration say."""

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable form, without the folder on this machine."""
        return {
            "id": self.id,
            "source": self.version.key.source,
            "title": self.title,
            "chunks": self.chunks,
            "metadata": dict(self.metadata),
        }


def list_documents(collection: Collection) -> dict[str, StoredDocument]:
    """The documents of a collection by their ids, in the order of their sources.

    Where an ingest is replacing a file, one of both contents is told of.

    Raises:
        StoreError: the store cannot be read.
    """
    found = []
    for _, metadata in collection.first_chunks():
        origin = ChunkOrigin.of(metadata)
        if origin is not None:
            values = {key: value for key, value in metadata.items() if key not in _OWN and key not in _PLACES}
            title = str(metadata.get("title") or "")
            found.append(StoredDocument(document_id(origin.version.key), origin.version, origin.count, title, values))
    found.sort(key=lambda document: (document.version.key.source, document.version.key.folder))
    return {document.id: document for document in found}


def read_document(collection: Collection, document: StoredDocument) -> dict[str, Any]:
    """A document as its chunks hold it: :meth:`StoredDocument.as_dict` with ``text`` and ``sections``.

    Each of the sections is a chunk: ``id``, ``section``, ``place`` (empty where the format has none), and ``text``
    without the title path that each chunk has in front.

    Raises:
        StoreError: the store cannot be read.
    """
    ids = [chunk_id(document.version, index) for index in range(document.chunks)]
    rows = collection.rows_of(ids)
    sections: list[dict[str, Any]] = []
    texts: list[str] = []
    last_head = ""
    for one in ids:
        if one not in rows:
            continue
        text, metadata = rows[one]
        head, body = split_title_path(text, str(metadata.get("title") or ""))
        # A head that the chunk before had too is not said again.
        texts.append(body if head == last_head else text)
        last_head = head
        place = ", ".join(f"{name} {metadata[name]}" for name in _PLACES if name in metadata)
        sections.append({"id": one, "section": str(metadata.get("section") or ""), "place": place, "text": body})
    return {**document.as_dict(), "text": "\n\n".join(texts), "sections": sections}
