"""Arithmetic of vectors that several rooms need."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

_Float = TypeVar("_Float", np.float32, np.float64)


def unit_vectors(rows: npt.NDArray[_Float]) -> npt.NDArray[_Float]:
    """Rows brought to length one, so that inner product and cosine are the same; a row of zeros stays one.

    Args:
        rows: shape (n, dimension), or (dimension,) for a single vector.

    Returns:
        the same shape and number format.
    """
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths == 0, 1, lengths)).astype(rows.dtype)
