"""Other frameworks with their defaults and the same checkpoint, for benchmarks/retrieval.py.

They are not dependencies of the project:

    pip install langchain-text-splitters langchain-huggingface langchain-chroma
    pip install llama-index-core llama-index-embeddings-huggingface haystack-ai sentence-transformers-haystack
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import Any

Ask = Callable[[str, int], list[str]]
Documents = Sequence[tuple[str, str, str]]


def langchain(model: str, documents: Documents) -> Ask:
    """HuggingFaceEmbeddings and Chroma, 1,000-character pieces, its similarity search."""
    from langchain_chroma import Chroma
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    pieces = splitter.create_documents([_text(row) for row in documents], [{"id": row[0]} for row in documents])
    store = Chroma("stock", HuggingFaceEmbeddings(model_name=model), tempfile.mkdtemp())
    for start in range(0, len(pieces), 5000):
        store.add_documents(pieces[start : start + 5000])
    return lambda question, k: [str(found.metadata["id"]) for found in store.similarity_search(question, k)]


def llamaindex(model: str, documents: Documents) -> Ask:
    """VectorStoreIndex with its sentence splitter."""
    from llama_index.core import Document, Settings, VectorStoreIndex
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    Settings.llm = None
    embedding = HuggingFaceEmbedding(model_name=model)
    rows = [
        Document(text=_text(row), metadata={"id": row[0]}, excluded_embed_metadata_keys=["id"]) for row in documents
    ]
    index = VectorStoreIndex.from_documents(rows, embed_model=embedding)

    def ask(question: str, k: int) -> list[str]:
        found = index.as_retriever(similarity_top_k=k).retrieve(question)
        return [str(node.node.metadata["id"]) for node in found]

    return ask


def haystack(model: str, documents: Documents) -> Ask:
    """DocumentSplitter (200 words), SentenceTransformers embedders, the in-memory store."""
    from haystack import Document
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

    rows = [Document(content=_text(row), meta={"key": row[0]}) for row in documents]
    pieces = DocumentSplitter().run(rows)["documents"]
    embedder = SentenceTransformersDocumentEmbedder(model=model, progress_bar=False)
    embedder.warm_up()
    store = InMemoryDocumentStore()
    store.write_documents(embedder.run(pieces)["documents"])
    retriever = InMemoryEmbeddingRetriever(store)
    asker = SentenceTransformersTextEmbedder(model=model, progress_bar=False)
    asker.warm_up()

    def ask(question: str, k: int) -> list[str]:
        found: list[Any] = retriever.run(asker.run(question)["embedding"], top_k=k)["documents"]
        return [str(document.meta["key"]) for document in found]

    return ask


def _text(row: tuple[str, str, str]) -> str:
    return f"{row[1]}\n\n{row[2]}" if row[1] else row[2]


OTHERS: dict[str, Callable[[str, Documents], Ask]] = {
    "langchain": langchain,
    "llamaindex": llamaindex,
    "haystack": haystack,
}
