"""What can be chosen about a training, and what is fixed because it was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rag_pipeline.errors import UsageError

LEAST_QUESTIONS = 50
"""Fewer cannot show anything: neither the model nor the person who reads the verdict learns from them."""
FEW_TO_JUDGE = 150
"""With fewer questions held back, only large gains can be told from chance."""
FEW_TO_SPLIT = 300
"""With fewer questions they are split in two, and each half judges a model that was trained on the other."""
MOST_PAIRS = 1000
"""More pairs did not help; what there is beyond them judges."""


@dataclass(frozen=True)
class TrainingOptions:
    """Choices of a training.

    Raises:
        UsageError: a value is not allowed.
    """

    keep: float = 0.5
    """Share of the questions that is held back to judge by, where there are enough of them."""
    seed: int = 0
    from_documents: bool = False
    """Pairs come from headings and sections rather than from the questions, all of which judge."""

    def __post_init__(self) -> None:
        if not 0.1 <= self.keep <= 0.9:
            raise UsageError(f"--keep {self.keep}: the share of questions held back must be from 0.1 to 0.9")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed}: a whole number from 0 to 4294967295 is wanted")


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: InfoNCE with one hard negative (docs/training.md has the figures of each choice)."""

    scale: float
    """By which inner products are multiplied before the softmax: the inverse of the model's own temperature."""
    pairs: int
    batch: int = 16
    learning_rate: float = 2e-5
    warmup: float = 0.1
    clip: float = 1.0

    @property
    def epochs(self) -> int:
        """Few pairs are seen several times; the aim is 15 to 20 steps at least."""
        if self.pairs < 100:
            return 3
        return 1 if self.pairs >= FEW_TO_SPLIT else 2

    @property
    def steps(self) -> int:
        """Updates of the weights."""
        return self.epochs * math.ceil(self.pairs / self.batch)


def detectable_gain(questions: int) -> float:
    """The smallest gain in hit@1 that an interval over so many questions shows, as a share.

    Half the width of a 95 % interval for paired answers of which 15 in a hundred change, which is what training did
    where it was measured: 1.96 · sqrt(0.15 / n).
    """
    return 1.96 * math.sqrt(0.15 / max(questions, 1))


def halves(groups: Iterable[list[int]], parts: int) -> list[list[int]]:
    """Groups dealt out to so many parts of about the same size, a group never parted."""
    dealt: list[list[int]] = [[] for _ in range(parts)]
    for group in groups:
        min(dealt, key=len).extend(group)
    return [sorted(part) for part in dealt]
