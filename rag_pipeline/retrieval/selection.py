"""Which of the ranked candidates are shown: one per document, or unlike each other."""

from __future__ import annotations

import numpy as np

from rag_pipeline.retrieval.fusion import Candidate
from rag_pipeline.store import Collection


def distinct(ranked: list[Candidate], collection: Collection) -> list[Candidate]:
    """The best candidate of each document."""
    rows = collection.rows_of([candidate.id for candidate in ranked])
    seen: set[tuple[object, object]] = set()
    kept = []
    for candidate in ranked:
        _, metadata = rows.get(candidate.id, ("", {}))
        document = (metadata.get("folder"), metadata.get("source", candidate.id))
        if document not in seen:
            seen.add(document)
            kept.append(candidate)
    return kept


def diverse(ranked: list[Candidate], k: int, diversity: float, collection: Collection) -> list[Candidate]:
    """The k candidates that maximal marginal relevance picks, in its order.

    Each next one has the highest (1 - diversity) x its score - diversity x its highest inner product with those
    picked before (Carbonell and Goldstein, 1998, "The Use of MMR").
    """
    vectors = collection.vectors_of([candidate.id for candidate in ranked])
    ranked = [candidate for candidate in ranked if candidate.id in vectors]
    if not ranked:
        return []
    matrix = np.stack([vectors[candidate.id] for candidate in ranked])
    scores = np.array([candidate.score for candidate in ranked])
    picked: list[int] = []
    nearest = np.full(len(ranked), -np.inf)
    while len(picked) < min(k, len(ranked)):
        alike = np.where(np.isinf(nearest), 0.0, nearest)
        worth = (1 - diversity) * scores - diversity * alike
        worth[picked] = -np.inf
        best = int(worth.argmax())
        picked.append(best)
        nearest = np.maximum(nearest, matrix @ matrix[best])
    return [ranked[index] for index in picked]
