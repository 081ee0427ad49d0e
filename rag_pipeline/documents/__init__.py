"""A file becomes chunks: walking a folder, one reader per format family, chunking."""

from rag_pipeline.documents.chunking import Chunk, TokenCounter, chunk_document
from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers import Reader, Readers, ReadingOptions, read_document
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
