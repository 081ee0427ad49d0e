"""A collection in two dimensions: which chunks lie near each other, and near a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag_pipeline.assembly import fingerprint_of, make_embeddings, open_store
from rag_pipeline.config import Settings
from rag_pipeline.errors import CollectionMismatchError, UsageError

_LEAST = 3


@dataclass(frozen=True)
class Point:
    """A chunk or a question on the map."""

    x: float
    y: float
    source: str
    label: str
    """Title and section of a chunk; the question."""
    text: str
    is_question: bool = False
    inner_product: float | None = None
    """Of a chunk with the first question."""


@dataclass(frozen=True)
class SimilarityMap:
    """Points and what they are of."""

    collection: str
    points: list[Point]
    sources: list[str]
    """Documents, in the order of their colours."""
    explained: tuple[float, float]
    """Share of the chunks' variance that each axis shows, 0 to 1."""
    left_out: int
    """Chunks beyond the most that are drawn."""


def similarity_map(
    settings: Settings, collection: str, questions: Sequence[str] = (), most: int = 3000
) -> SimilarityMap:
    """Project a collection onto its two principal components.

    They are a linear picture: what is far apart on it is far apart in truth, while what lies together need not. The
    axes are those of the chunks; questions are put into them.

    Args:
        settings: the configuration.
        collection: its name.
        questions: put on the map as stars.
        most: chunks that are drawn; of more, evenly spread ones are.

    Raises:
        UsageError: the collection holds fewer than three chunks.
        CollectionNotFoundError, CollectionMismatchError, StoreError: as for a query.
    """
    store = open_store(settings)
    try:
        opened = store.get(collection)
        if opened.embedding is None:
            raise CollectionMismatchError(f"collection {collection!r} does not say how it was made")
        configured = settings.collections.get(collection)
        name = (configured.embedding if configured else None) or opened.embedding
        embeddings = make_embeddings(settings, name)
        opened.check_compatible(fingerprint_of(embeddings, settings), name)
        ids, vectors = opened.vectors()
        if len(ids) < _LEAST:
            raise UsageError(f"collection {collection!r} holds {len(ids)} chunks; a map needs {_LEAST} or more")
        chosen = np.linspace(0, len(ids) - 1, min(most, len(ids))).round().astype(int)
        kept = [ids[index] for index in chosen]
        vectors = vectors[chosen]
        rows = {}
        for start in range(0, len(kept), 500):
            rows.update(opened.rows_of(kept[start : start + 500]))
    finally:
        store.close()
    asked = np.array([embeddings.embed_query(question) for question in questions], dtype=np.float32)
    middle = vectors.mean(axis=0)
    _, lengths, axes = np.linalg.svd(vectors - middle, full_matrices=False)
    plane = (vectors - middle) @ axes[:2].T
    variance = lengths**2 / max(float((lengths**2).sum()), 1e-12)
    products = vectors @ asked[0] if len(asked) else None
    points = []
    for index, chunk_id in enumerate(kept):
        text, metadata = rows.get(chunk_id, ("", {}))
        label = " › ".join(filter(None, (str(metadata.get("title", "")), str(metadata.get("section", "")))))
        points.append(
            Point(
                float(plane[index, 0]),
                float(plane[index, 1]),
                str(metadata.get("source", "?")),
                label,
                text,
                inner_product=None if products is None else float(products[index]),
            )
        )
    sources = sorted({point.source for point in points})
    for question, vector in zip(questions, asked, strict=True):
        x, y = (vector - middle) @ axes[:2].T
        points.append(Point(float(x), float(y), "", question, question, is_question=True))
    explained = (float(variance[0]), float(variance[1]))
    return SimilarityMap(collection, points, sources, explained, len(ids) - len(kept))
