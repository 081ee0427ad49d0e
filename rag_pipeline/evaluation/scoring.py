"""Rankings become figures: hit@1, recall, MRR, nDCG, by ir-measures, and how sure one may be of a difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from rag_pipeline.evaluation.questions import EvaluationQuestion
from rag_pipeline.passages import Passage

METRICS = ("hit@1", "recall@5", "recall@10", "MRR@10", "nDCG@10")
_DEPTH = 10
_RESAMPLES = 10_000


def ranked_places(question: EvaluationQuestion, passages: Sequence[Passage]) -> list[str]:
    """The places a ranking names, each once, best first.

    A passage that answers the question counts as the place under ``relevant``; two chunks of one relevant place are one
    hit, not two. Other passages count by section, or by source where the question names sources only.
    """
    by_section = any("#" in place for place in question.relevant)
    places = []
    for passage in passages:
        stem = str(PurePosixPath(passage.source).with_suffix(""))
        section = f"{passage.source}#{passage.section}"
        names = (section, passage.source, stem)
        places.append(next((name for name in names if name in question.relevant), section if by_section else stem))
    return list(dict.fromkeys(places))[:_DEPTH]


def metric_values(
    questions: Sequence[EvaluationQuestion], rankings: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Each metric's value for each answerable question, by the question's id."""
    import ir_measures
    from ir_measures import RR, R, Success, nDCG

    measures = dict(zip(METRICS, (Success @ 1, R @ 5, R @ 10, RR @ 10, nDCG @ 10), strict=True))
    asked = [question for question in questions if question.answerable]
    values = {name: {question.id: 0.0 for question in asked} for name in METRICS}
    qrels = [ir_measures.Qrel(question.id, place, 1) for question in asked for place in sorted(question.relevant)]
    run = [
        ir_measures.ScoredDoc(question.id, place, float(-rank))
        for question in asked
        for rank, place in enumerate(rankings.get(question.id, ()))
    ]
    names = {measure: name for name, measure in measures.items()}
    if run:
        for result in ir_measures.iter_calc(list(names), qrels, run):
            values[names[result.measure]][result.query_id] = float(result.value)
    return values


def difference_interval(
    first: Mapping[str, float], second: Mapping[str, float], seed: int = 0
) -> tuple[float, float, float]:
    """Mean of first - second over the questions, and its 95 % interval by a paired bootstrap.

    Questions are drawn with replacement, each with both of its values (Efron and Tibshirani, 1993, "An Introduction to
    the Bootstrap", the percentile interval), 10,000 times.
    """
    keys = sorted(first)
    differences = np.array([first[key] - second[key] for key in keys])
    if not len(differences):
        return 0.0, 0.0, 0.0
    generator = np.random.default_rng(seed)
    drawn = np.empty(_RESAMPLES)
    for start in range(0, _RESAMPLES, 500):  # in parts, so that ten thousand questions do not fill the memory
        rows = generator.integers(0, len(differences), (min(500, _RESAMPLES - start), len(differences)))
        drawn[start : start + 500] = differences[rows].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(differences.mean()), float(low), float(high)


def separation(answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """Chance that a question with an answer has a higher value than one without (area under the ROC curve).

    The values are confidences, or best scores. None where there are not both kinds. One half is chance: no least value
    could then tell them apart.
    """
    if not answerable or not unanswerable:
        return None
    above = np.subtract.outer(np.array(answerable), np.array(unanswerable))
    return float(((above > 0) + 0.5 * (above == 0)).mean())
