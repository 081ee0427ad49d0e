"""How likely it is that a passage answers the question, rather than being the least unlike of what there is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag_pipeline.retrieval.collection_statistics import CollectionStatistics

# Fewer chunks do not tell what is usual for a question.
_FEWEST_CHUNKS = 20
# Logistic regressions on seven sets of questions (belebele in four pairings of languages, TyDi QA in Korean and in
# English, KorQuAD), each question asked once as it is and once with the document that answers it left out. The slope,
# and the intercept; docs/retrieval.md has how well they tell the two apart.
_HYBRID = (2.6, -1.13)
_DENSE = (4.2, -0.46)


@dataclass(frozen=True)
class Usual:
    """What is usual for one question: its inner products with chunks of the collection, most of which answer nothing.

    Attributes:
        mean: of the inner products with a sample of the chunks.
        deviation: their standard deviation.
        chance: how many deviations above the mean the best of so many chunks lies by chance.
        hybrid: whether scores hold what words in common add.
    """

    mean: float
    deviation: float
    chance: float
    hybrid: bool

    def height(self, score: float) -> float:
        """How far a passage stands out: its deviations above the mean, as a multiple of what chance gives."""
        return (score - self.mean) / self.deviation / self.chance

    def confidence(self, score: float) -> float:
        """From 0 to 1, growing with the score.

        It is the share of such passages that answered, where half of the questions had an answer.
        """
        slope, intercept = _HYBRID if self.hybrid else _DENSE
        height = max(self.height(score), 1e-9)
        return 1 / (1 + math.exp(-intercept - slope * math.log(height)))


def usual_for(statistics: CollectionStatistics, vector: npt.NDArray[np.float32], hybrid: bool) -> Usual | None:
    """What is usual for a question.

    Args:
        statistics: of the collection.
        vector: the question's, (dimension,), as it was compared with the chunks.
        hybrid: whether scores hold what words in common add.

    Returns:
        None: the collection is too small to tell, or all its chunks are alike.
    """
    if statistics.chunks < _FEWEST_CHUNKS:
        return None
    products = statistics.sample @ vector
    deviation = float(products.std())
    if not deviation > 1e-9:
        return None
    # The largest of n values of a normal distribution is near this (Cramér, 1946, "Mathematical Methods of
    # Statistics", 28.6, its first term).
    chance = math.sqrt(2 * math.log(statistics.chunks))
    return Usual(float(products.mean()), deviation, chance, hybrid)
