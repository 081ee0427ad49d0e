"""What is usual in a collection: how far its inner products spread, and which way its languages lie apart.

Both are read from a sample of the stored vectors, so that what is tuned on one embedding model holds for others,
whose inner products may spread ten times as far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag_pipeline.store import Collection
from rag_pipeline.text import is_korean
from rag_pipeline.vectors import unit_vectors

_SAMPLE = 512
# Fewer texts of a language say too little of where it lies.
_LEAST_OF_A_LANGUAGE = 10


@dataclass(frozen=True)
class CollectionStatistics:
    """What is usual in one collection."""

    spread: float
    """Standard deviation of the inner products of different chunks."""
    mean: float
    """Their mean."""
    language_axis: npt.NDArray[np.float32] | None
    """Unit vector, (dimension,), from the texts of other languages to the Korean ones; None: one language only."""
    sample: npt.NDArray[np.float32]
    """Vectors of some chunks, (up to 512, dimension), spread evenly over the collection."""
    chunks: int
    """How many the collection held then."""

    def remove_language_bias(self, vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The question's vector without what it says of language alone.

        A multilingual model puts a question nearer to any passage of its own language than to the right one of
        another. Taking out the direction in which the languages differ evens that out (after Yang et al., 2021, "A
        Simple and Effective Method To Eliminate the Self Language Bias in Multilingual Representations").
        """
        if self.language_axis is None:
            return vector
        return vector - (vector @ self.language_axis) * self.language_axis


def measure(collection: Collection) -> CollectionStatistics:
    """Look at a sample of a collection.

    Raises:
        StoreError: the store cannot be read.
    """
    vectors, texts = collection.sample(_SAMPLE)
    if len(vectors) < 2:
        return CollectionStatistics(0.0, 0.0, None, vectors, len(vectors))
    sample = vectors
    axis = _language_axis(vectors, texts)
    if axis is not None:
        # What lies between two languages is not what tells two passages apart.
        vectors = vectors - np.outer(vectors @ axis, axis)
    products = vectors @ vectors.T
    others = products[~np.eye(len(vectors), dtype=bool)]
    chunks = collection.count if len(sample) == _SAMPLE else len(sample)
    return CollectionStatistics(float(others.std()), float(others.mean()), axis, sample, chunks)


def _language_axis(vectors: npt.NDArray[np.float32], texts: list[str]) -> npt.NDArray[np.float32] | None:
    korean = np.array([is_korean(text) for text in texts])
    if min(korean.sum(), (~korean).sum()) < _LEAST_OF_A_LANGUAGE:
        return None
    axis = vectors[korean].mean(axis=0) - vectors[~korean].mean(axis=0)
    return unit_vectors(axis).astype(np.float32) if axis.any() else None
