"""What the pipeline asks of an embedding, over and above LangChain's ``Embeddings``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.embeddings import Embeddings


@dataclass(frozen=True)
class EmbeddingIdentity:
    """All that changes a vector, and nothing else: two equal identities give the same vectors.

    Device, number format and batch size are left out: they move a vector by rounding only.
    """

    provider: str
    model: str
    """The model's name as the user wrote it, or the last part of its folder's path."""
    revision: str
    """``sha256:…`` of a checkpoint's content where it is known, a version name otherwise."""
    pooling: str
    normalize: bool
    query_prompt: str
    document_prompt: str
    dimension: int
    max_tokens: int | None

    def as_dict(self) -> dict[str, Any]:
        """The identity as plain values, for the fingerprint of a collection."""
        return asdict(self)


class PipelineEmbeddings(Embeddings, ABC):
    """A LangChain ``Embeddings`` that knows what it is and counts as its model counts.

    Subclass it to bring an embedding of your own; :class:`rag_pipeline.testing.HashEmbeddings` is a small
    example. Building one must be cheap: models are loaded at the first text.
    """

    @property
    @abstractmethod
    def identity(self) -> EmbeddingIdentity:
        """What the vectors depend on."""

    @property
    @abstractmethod
    def max_tokens(self) -> int | None:
        """Tokens the model reads of one text, with prompt and special tokens; None: no limit."""

    @abstractmethod
    def count_document_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as the model reads a document: with its prompt and special tokens, uncut."""

    def load(self) -> None:
        """Load the model now rather than at the first text."""
        return

    @property
    def truncated_texts(self) -> int:
        """How many texts were cut at the model's limit since this object was made."""
        return 0
