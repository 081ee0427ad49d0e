"""The temperature that a model was trained with, as its own inner products tell it.

A contrastive model is trained by a softmax over inner products times a scale. With the scale it knows, its errors cost
least on average: with a smaller one it is pushed to spread vectors that are right already, which forgets more than it
learns. So the scale is the one under which the model, before any training, explains the pairs best.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SCALES: tuple[float, ...] = (10, 14, 20, 28, 40, 56, 80, 100)
"""The inverse of temperatures from 0.1 to 0.01, which is what published models were trained with."""
_EQUAL = 1 - 1e-6


def own_scale(
    questions: npt.NDArray[np.float32],
    passages: npt.NDArray[np.float32],
    negatives: npt.NDArray[np.float32],
    scales: Sequence[float] = SCALES,
) -> float:
    """The scale of the lowest InfoNCE loss over pairs, each against all passages and negatives.

    Args:
        questions: vectors of length one, shape (pairs, dimension).
        passages: of the right passage of each, the same shape.
        negatives: of other passages, shape (any number, dimension).
        scales: to choose from.
    """
    everything = np.concatenate([passages, negatives])
    scores = questions @ everything.T
    # A passage that is right for several questions is no wrong answer of any of them.
    same = passages @ everything.T > _EQUAL
    same[np.diag_indices(len(passages))] = False
    scores[same] = -np.inf
    right = np.diag(scores)
    return float(min(scales, key=lambda scale: _loss(scores, right, scale)))


def _loss(scores: npt.NDArray[np.float32], right: npt.NDArray[np.float32], scale: float) -> float:
    logits = scores.astype(np.float64) * scale
    highest = logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits - highest).sum(axis=1)) + highest[:, 0]
    return float((total - right * scale).mean())
