"""A file becomes chunks: walking a folder, one reader per format family, chunking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.lazy_names import lazy_names

if TYPE_CHECKING:
    from rag_pipeline.documents.chunking import Chunk, TokenCounter, chunk_document
    from rag_pipeline.documents.document import Document, Section
    from rag_pipeline.documents.readers import Readers, read_document
    from rag_pipeline.documents.readers.base import Reader
    from rag_pipeline.documents.reading_options import ReadingOptions
    from rag_pipeline.documents.walking import FolderScan, SourceFile, scan_folder

__all__ = [
    "Chunk",
    "Document",
    "FolderScan",
    "Reader",
    "Readers",
    "ReadingOptions",
    "Section",
    "SourceFile",
    "TokenCounter",
    "chunk_document",
    "read_document",
    "scan_folder",
]

# A question needs none of this, and a parser's process only the readers.
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Chunk": "rag_pipeline.documents.chunking",
        "Document": "rag_pipeline.documents.document",
        "FolderScan": "rag_pipeline.documents.walking",
        "Reader": "rag_pipeline.documents.readers.base",
        "Readers": "rag_pipeline.documents.readers",
        "ReadingOptions": "rag_pipeline.documents.reading_options",
        "Section": "rag_pipeline.documents.document",
        "SourceFile": "rag_pipeline.documents.walking",
        "TokenCounter": "rag_pipeline.documents.chunking",
        "chunk_document": "rag_pipeline.documents.chunking",
        "read_document": "rag_pipeline.documents.readers",
        "scan_folder": "rag_pipeline.documents.walking",
    },
)
