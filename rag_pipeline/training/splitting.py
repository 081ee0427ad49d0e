"""Questions are split by the passages that answer them: what judges was never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag_pipeline.training.options import FEW_TO_SPLIT, MOST_PAIRS, halves


@dataclass(frozen=True)
class Fold:
    """One split: numbers of the questions to train on, and of those held back."""

    train: list[int]
    test: list[int]


def split(answers: Sequence[frozenset[str]], keep: float, seed: int) -> list[Fold]:
    """Split questions so that no passage answers questions of both sides.

    Args:
        answers: for each question, hashes of the texts that answer it.
        keep: the share to hold back, where there are 300 questions or more; of fewer, each half judges once.
        seed: which of the possible splits.

    Returns:
        one fold, or two where there are fewer than 300 questions.
    """
    order = np.random.default_rng(seed).permutation(len(answers))
    groups = _groups([answers[number] for number in order])
    numbered = [[int(order[place]) for place in group] for group in groups]
    if len(answers) < FEW_TO_SPLIT:
        # The largest first, so that the halves come out even.
        one, other = halves(sorted(numbered, key=len, reverse=True), 2)
        return [Fold(one, other), Fold(other, one)] if one and other else []
    wanted = max(round(len(answers) * keep), len(answers) - MOST_PAIRS)
    test: list[int] = []
    train: list[int] = []
    for group in numbered:
        side = test if len(test) + len(group) <= wanted else train
        side.extend(group)
    return [Fold(sorted(train), sorted(test))] if train and test else []


def _groups(answers: Sequence[frozenset[str]]) -> list[list[int]]:
    """Questions joined by a passage that answers both, directly or through others; in the order of the first."""
    parent: dict[int, int] = {}

    def root(number: int) -> int:
        while parent.setdefault(number, number) != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    first: dict[str, int] = {}
    for number, texts in enumerate(answers):
        root(number)
        for text in texts:
            one, other = sorted((root(first.setdefault(text, number)), root(number)))
            parent[other] = one
    groups: dict[int, list[int]] = {}
    for number in range(len(answers)):
        groups.setdefault(root(number), []).append(number)
    return list(groups.values())


def protected(fold: Fold, answers: Sequence[frozenset[str]]) -> frozenset[str]:
    """Hashes of the texts that answer a question held back: they are in no training pair, not as negatives either."""
    return frozenset().union(*(answers[number] for number in fold.test)) if fold.test else frozenset()
