"""A file becomes chunks."""

from __future__ import annotations

import hashlib

from rag_pipeline.documents import Chunk, chunk_document, read_document
from rag_pipeline.documents.chunking import TokenCounter
from rag_pipeline.errors import DocumentError
from rag_pipeline.ingestion.plan import Pending
from rag_pipeline.store.records import FileVersion


def read_file(file: Pending, counter: TokenCounter, chunk_tokens: int | None) -> tuple[FileVersion, list[Chunk]]:
    """Read and cut one file.

    Args:
        file: the file.
        counter: the embedding model.
        chunk_tokens: a limit of a chunk below the model's own.

    Raises:
        DocumentError: the file cannot be read, or holds no text.
    """
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}") from None
    document = read_document(file.path.name, content)
    # Of the bytes that were read: the file may have changed since it was compared.
    version = FileVersion(file.key, hashlib.sha256(content).hexdigest())
    return version, chunk_document(document, counter, chunk_tokens)
