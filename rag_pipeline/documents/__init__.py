"""A file becomes chunks: walking a folder, one reader per format family, chunking."""

from rag_pipeline.documents.chunking import Chunk, TokenCounter, chunk_document
from rag_pipeline.documents.readers import Document, Section, read_document
from rag_pipeline.documents.walking import FolderScan, SourceFile, scan_folder

__all__ = [
    "Chunk",
    "Document",
    "FolderScan",
    "Section",
    "SourceFile",
    "TokenCounter",
    "chunk_document",
    "read_document",
    "scan_folder",
]
