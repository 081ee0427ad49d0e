"""Embeddings without a model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from rag_pipeline.embeddings.base import EmbeddingIdentity, PipelineEmbeddings
from rag_pipeline.text import normalized


class HashEmbeddings(PipelineEmbeddings):
    """Embeddings without a model: character trigrams hashed into a unit vector.

    The same text gives the same vector on every machine, and texts that share words are near each other. Tokens
    are words. It needs no model, no torch and no time, which is what a test wants.

    Args:
        dimension: length of the vectors.
        max_tokens: words it takes of one text; None: no limit.
        document_prompt: put in front of a document.
        query_prompt: put in front of a question.
    """

    def __init__(
        self,
        dimension: int = 64,
        max_tokens: int | None = 128,
        document_prompt: str = "",
        query_prompt: str = "",
    ) -> None:
        self._dimension = dimension
        self._max_tokens = max_tokens
        self._document_prompt = document_prompt
        self._query_prompt = query_prompt
        self.embedded: list[str] = []
        """Every text embedded so far, so that a test can see what was asked for."""

    @property
    def identity(self) -> EmbeddingIdentity:
        """What the vectors depend on."""
        return EmbeddingIdentity(
            provider="hash",
            model="trigrams",
            revision="1",
            pooling="sum",
            normalize=True,
            query_prompt=self._query_prompt,
            document_prompt=self._document_prompt,
            dimension=self._dimension,
            max_tokens=self._max_tokens,
        )

    @property
    def max_tokens(self) -> int | None:
        """Words it takes of one text."""
        return self._max_tokens

    def count_document_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words of each text, prompt counted."""
        return [len((self._document_prompt + text).split()) for text in texts]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of documents, in the order of the texts."""
        return [self._vector(self._document_prompt + text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Vector of a question."""
        return self._vector(self._query_prompt + text)

    def _vector(self, text: str) -> list[float]:
        self.embedded.append(text)
        values = [0.0] * self._dimension
        padded = f"  {normalized('NFC', text).casefold()}  "
        for start in range(len(padded) - 2):
            digest = hashlib.blake2b(padded[start : start + 3].encode(), digest_size=8).digest()
            values[int.from_bytes(digest[:4], "little") % self._dimension] += 1.0 if digest[4] % 2 else -1.0
        length = sum(value * value for value in values) ** 0.5
        if length == 0:
            return [1.0] + [0.0] * (self._dimension - 1)
        return [value / length for value in values]
