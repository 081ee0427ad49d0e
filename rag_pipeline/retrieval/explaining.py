"""Where the scores of passages come from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rag_pipeline.passages import Explanation
from rag_pipeline.retrieval.asked import AskedQuestion
from rag_pipeline.retrieval.fusion import Candidate
from rag_pipeline.store import Collection


def inner_products(collection: Collection, vector: npt.NDArray[np.float32], ids: Sequence[str]) -> dict[str, float]:
    """Inner products of a question's vector, (dimension,), with some chunks, by id; missing chunks are left out."""
    return {chunk_id: float(vector @ stored) for chunk_id, stored in collection.vectors_of(ids).items()}


def explanations_of(
    collection: Collection, asked: AskedQuestion, chosen: Sequence[Candidate], corrected: bool
) -> dict[str, Explanation]:
    """Each candidate's score, taken apart, by id.

    Args:
        collection: that was asked.
        asked: the question, with what both legs found.
        chosen: the candidates.
        corrected: whether the difference of languages was taken out of the question's vector.
    """
    ids = [candidate.id for candidate in chosen]
    dense_ranks = {chunk_id: rank for rank, chunk_id in enumerate(asked.dense or {}, start=1)}
    plain = inner_products(collection, asked.vector, ids) if asked.vector is not None else {}
    lexical_ranks: dict[str, int] = {}
    shares: dict[str, dict[str, float]] = {}
    if asked.lexical is not None:
        lexical_ranks = {chunk_id: rank for rank, chunk_id in enumerate(asked.lexical.scores, start=1)}
        shares = collection.lexical.shares(asked.lexical.question, ids)
    return {
        candidate.id: Explanation(
            inner_product=plain.get(candidate.id),
            dense_rank=dense_ranks.get(candidate.id),
            language_correction=(candidate.inner_product or 0.0) - plain[candidate.id]
            if corrected and candidate.id in plain
            else 0.0,
            lexical_score=candidate.lexical,
            lexical_rank=lexical_ranks.get(candidate.id),
            lexical_boost=candidate.boost,
            terms=shares.get(candidate.id, {}),
            rerank_score=candidate.rerank,
            height=candidate.height,
        )
        for candidate in chosen
    }
