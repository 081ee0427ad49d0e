"""Training pairs: a question, the passage that answers it, and one that looks as if it did.

The hard negative comes from our own hybrid search, as that finds what is confused in use. It is left out where it may
be right in truth: where it says the same as the right passage, where it answers a question that says the same, and
where the model before training puts it far above the right one, which is more often a wrong label than a hard case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rag_pipeline.evaluation.questions import EvaluationQuestion
from rag_pipeline.retrieval import Searcher
from rag_pipeline.training.corpus import Corpus, say_the_same

_DEPTH = 50
# Of the distance between a question's right passage and any other passage: further above it is taken for right.
_MARGIN = 0.25
_LISTED = 20


@dataclass(frozen=True)
class Pair:
    """One row of the training set, as texts without prompts."""

    question: str
    passage: str
    negative: str | None = None


@dataclass(frozen=True)
class Ranked:
    """What hybrid search finds for a question, and which passage is meant by its ``relevant``."""

    question: EvaluationQuestion
    answering: frozenset[int]
    meant: int
    found: Sequence[int]


@dataclass
class MinedPairs:
    """Training pairs, and what was noticed on the way."""

    pairs: list[Pair] = field(default_factory=list)
    negatives: list[int] = field(default_factory=list)
    """Numbers of the passages that are hard negatives, in the order of the pairs that have one."""
    doubtful: list[tuple[str, str, str]] = field(default_factory=list)
    """Question, its right passage and one that the model puts far above it: the label may be wrong."""


def rank_questions(
    questions: Sequence[EvaluationQuestion],
    corpus: Corpus,
    searcher: Searcher,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Ranked]:
    """Search for every question that the collection answers; the others are left out.

    Where a place has several chunks, the one that hybrid search ranks first is the one meant.
    """
    ranked = []
    for done, question in enumerate(questions, start=1):
        answering = corpus.answering(question)
        if answering:
            passages = searcher.search(question.text, _DEPTH)
            found = [corpus.number[passage.id] for passage in passages if passage.id in corpus.number]
            meant = next((number for number in found if number in answering), min(answering))
            ranked.append(Ranked(question, answering, meant, found))
        if on_progress is not None:
            on_progress(done, len(questions))
    return ranked


def mine(
    chosen: Iterable[Ranked],
    everything: Sequence[Ranked],
    corpus: Corpus,
    protected: frozenset[str],
    vectors: npt.NDArray[np.float32],
    question_vectors: npt.NDArray[np.float32],
) -> MinedPairs:
    """Pairs of some questions with a hard negative each.

    Args:
        chosen: questions to train on.
        everything: all questions, in the order of ``question_vectors``.
        corpus: the passages.
        protected: hashes of texts that must not be trained on in any role.
        vectors: of the passages before training, shape (passages, dimension).
        question_vectors: of all questions before training, shape (questions, dimension).
    """
    mined = MinedPairs()
    place = {ranked.question.id: number for number, ranked in enumerate(everything)}
    background = vectors.mean(axis=0)
    for ranked in chosen:
        vector = question_vectors[place[ranked.question.id]]
        right = float(vectors[ranked.meant] @ vector)
        highest = right + _MARGIN * max(right - float(background @ vector), 0.0)
        alike = _answers_of_alike(ranked, everything, question_vectors, place)
        taken = {corpus.digests[number] for number in ranked.answering | alike}
        passage, negative = corpus.texts[ranked.meant], None
        for number in ranked.found:
            if corpus.digests[number] in taken or corpus.digests[number] in protected:
                continue
            if float(vectors[number] @ vector) > highest:
                if len(mined.doubtful) < _LISTED:
                    mined.doubtful.append((ranked.question.text, corpus.ids[ranked.meant], corpus.ids[number]))
                continue
            if not say_the_same(corpus.texts[number], passage):
                negative = corpus.texts[number]
                mined.negatives.append(number)
                break
        mined.pairs.append(Pair(ranked.question.text, passage, negative))
    return mined


def _answers_of_alike(
    ranked: Ranked, everything: Sequence[Ranked], vectors: npt.NDArray[np.float32], place: dict[str, int]
) -> frozenset[int]:
    """Passages that answer questions nearer to this one than any other's right passage could tell apart."""
    own = place[ranked.question.id]
    scores = vectors @ vectors[own]
    nearest = np.flatnonzero(scores > _alike_from(scores))
    return frozenset().union(*(everything[number].answering for number in map(int, nearest) if number != own))


def _alike_from(scores: npt.NDArray[np.float32]) -> float:
    """From where on two questions say the same: three quarters of the way from the usual to equal."""
    return float(np.median(scores)) * 0.25 + 0.75
