"""A second look at the best passages, by the tokens of question and passage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from rag_pipeline.config import RerankSettings
from rag_pipeline.embeddings.base import PipelineEmbeddings
from rag_pipeline.errors import ConfigurationError
from rag_pipeline.retrieval.fusion import Candidate


class Reranker(Protocol):
    """Puts candidates in another order."""

    def rerank(self, question: str, candidates: list[Candidate], texts: Mapping[str, str]) -> list[Candidate]:
        """The candidates with new scores, best first.

        Args:
            question: the question.
            candidates: best first.
            texts: of each candidate, by id.
        """
        ...


def make_reranker(
    settings: RerankSettings, embeddings: PipelineEmbeddings, base_dir: Path | None = None
) -> Reranker | None:
    """The reranker of a configuration; None if it asks for none.

    Raises:
        ConfigurationError: MaxSim with an embedding that has no token vectors.
        CheckpointError, ServiceError: the cross-encoder's model cannot be had.
    """
    if settings.method == "maxsim":
        return MaxSim(embeddings, settings.weight)
    if settings.method == "cross_encoder":
        return CrossEncoding(settings, base_dir)
    return None


def inner_products_of(embeddings: PipelineEmbeddings, question: str, texts: Sequence[str]) -> list[float]:
    """How near each text is to the question: inner products of their vectors, -1 to 1.

    Raises:
        EmbeddingError, ServiceError: one cannot be embedded.
    """
    asked = np.asarray(embeddings.embed_query(question), dtype=np.float32)
    given = np.asarray(embeddings.embed_documents(list(texts)), dtype=np.float32)
    return [float(score) for score in given @ asked]


class MaxSim:
    """Late interaction on the token vectors of the collection's own model.

    For each token of the question the most similar token of the passage, and the mean of those (Khattab and Zaharia,
    2020, "ColBERT"; the mean rather than the sum, so that it is on the scale of an inner product). It is added to the
    score so far: the model was not trained for it.

    Raises:
        ConfigurationError: the embedding has no token vectors.
    """

    def __init__(self, embeddings: PipelineEmbeddings, weight: float) -> None:
        from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings

        if not isinstance(embeddings, TransformerEmbeddings):
            raise ConfigurationError(
                "rerank method maxsim needs the token vectors of a local model (bundled or mean_pooling);"
                " use cross_encoder or none with this embedding"
            )
        self._embeddings = embeddings
        self._weight = weight

    def rerank(self, question: str, candidates: list[Candidate], texts: Mapping[str, str]) -> list[Candidate]:
        """See :class:`Reranker`."""
        asked = self._embeddings.query_token_vectors(question)
        passages = self._embeddings.document_token_vectors([texts[candidate.id] for candidate in candidates])
        found = []
        for candidate, passage in zip(candidates, passages, strict=True):
            similarity = float(np.max(asked @ passage.T, axis=1).mean())
            score = candidate.score + self._weight * similarity
            found.append(replace(candidate, score=score, rerank=similarity))
        return _sorted(found)


class CrossEncoding:
    """A cross-encoder; its score takes the place of the one before."""

    def __init__(self, settings: RerankSettings, base_dir: Path | None = None) -> None:
        from rag_pipeline.embeddings.local.cross_encoder import CrossEncoder

        self._model = CrossEncoder(
            settings.model,
            revision=settings.revision,
            device=settings.device,
            dtype=settings.dtype,
            base_dir=base_dir,
        )

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, 0 to 1."""
        return self._model.scores(question, texts)

    def rerank(self, question: str, candidates: list[Candidate], texts: Mapping[str, str]) -> list[Candidate]:
        """See :class:`Reranker`."""
        scores = self._model.scores(question, [texts[candidate.id] for candidate in candidates])
        return _sorted(
            [replace(candidate, score=score, rerank=score) for candidate, score in zip(candidates, scores, strict=True)]
        )


def _sorted(candidates: list[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: (-candidate.score, candidate.id))
