"""The two legs become one ranking: inner product, and what the words in common add to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rag_pipeline.lexical.question import Question

# A score between a third and the whole of the ideal is what a right passage has; chance gives less. The power keeps
# chance matches from outweighing what the vectors say, as where question and passage are in different languages.
_POWER = 1.5
# Words beyond these add no trust: a long question is seldom held whole by a passage.
_MOST_WORDS = 10


@dataclass(frozen=True)
class LexicalHits:
    """What the lexical leg found."""

    question: Question
    scores: Mapping[str, float]
    """By id, best first; 0 to 1."""
    complete: bool
    """Whether every chunk that holds a term of the question is among them."""

    @property
    def floor(self) -> float:
        """No chunk that is not among them scores higher."""
        return 0.0 if self.complete else min(self.scores.values(), default=1.0)


NO_HITS = LexicalHits(Question([], 0), {}, complete=True)
"""Where there is no lexical index to ask."""


@dataclass
class Candidate:
    """A chunk on its way to a passage."""

    id: str
    score: float
    inner_product: float | None = None
    """With the languages evened out, where that is wanted."""
    lexical: float | None = None
    boost: float = 0.0
    rerank: float | None = None
    confidence: float | None = None
    height: float | None = None
    """See :class:`rag_pipeline.retrieval.confidence.Usual`."""


@dataclass(frozen=True)
class Fusion:
    """How much the lexical leg has to say.

    Attributes:
        weight: standard deviations for each word of the question.
        spread: the standard deviation of the collection's inner products.
    """

    weight: float
    spread: float

    def boost(self, score: float, words: int) -> float:
        """What a lexical score adds to the inner product.

        It grows with the number of words: that one of two is missing says less than that five of ten are.
        """
        return float(self.weight * self.spread * min(words, _MOST_WORDS) * score**_POWER)


@dataclass
class Legs:
    """What both legs found, and how to get what one lacks of the other's."""

    dense: Mapping[str, float]
    """Inner products by id, best first."""
    dense_complete: bool
    """Whether every chunk that fits is among them."""
    lexical: LexicalHits
    inner_products: Callable[[Sequence[str]], Mapping[str, float]]
    """Of further chunks."""
    lexical_scores: Callable[[Sequence[str]], Mapping[str, float]]
    """Of further chunks; those that hold no term are left out."""


def fuse(legs: Legs, fusion: Fusion, wanted: int) -> list[Candidate]:
    """The best of both legs' candidates, each scored by both, best first.

    A score that is missing is got only where the candidate might be among the wanted ones: what one leg did not
    find is bounded by the last that it found (Fagin et al., 2003, "Optimal aggregation algorithms for middleware").
    """
    words = legs.lexical.question.words
    scores, known = legs.lexical.scores, dict(legs.dense)
    # Where the dense leg found all there is, one that it lacks is one that the index missed, or was deleted: look.
    dense_floor = math.inf if legs.dense_complete else min(legs.dense.values(), default=math.inf)
    most_of_unknown = fusion.boost(legs.lexical.floor, words)

    lower: dict[str, float] = {}
    upper: dict[str, float] = {}
    for chunk_id in {**known, **scores}:
        boost = fusion.boost(scores[chunk_id], words) if chunk_id in scores else 0.0
        inner = known.get(chunk_id)
        if inner is None:
            upper[chunk_id] = dense_floor + boost
        else:
            lower[chunk_id] = inner + boost
            upper[chunk_id] = inner + (boost if chunk_id in scores else most_of_unknown)
    ranked = sorted(lower.values(), reverse=True)
    least = ranked[wanted - 1] if len(ranked) >= wanted else float("-inf")
    possible = [chunk_id for chunk_id, most in upper.items() if most >= least]
    known.update(legs.inner_products([chunk_id for chunk_id in possible if chunk_id not in known]))
    more = [chunk_id for chunk_id in possible if chunk_id not in scores]
    scores = {**scores, **(legs.lexical_scores(more) if more and not legs.lexical.complete else {})}
    found = []
    for chunk_id in possible:
        if chunk_id in known:
            lexical = scores.get(chunk_id, 0.0)
            boost = fusion.boost(lexical, words)
            found.append(Candidate(chunk_id, known[chunk_id] + boost, known[chunk_id], lexical, boost))
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.id))
