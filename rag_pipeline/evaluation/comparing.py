"""Collections x modes, asked the same questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from rag_pipeline.answering import Answerer
from rag_pipeline.assembly import open_store
from rag_pipeline.config import RetrievalMode, Settings
from rag_pipeline.errors import ConfigurationError, UsageError
from rag_pipeline.evaluation.answers import AnswerScores, score_answers
from rag_pipeline.evaluation.questions import EvaluationQuestion
from rag_pipeline.evaluation.scoring import (
    METRICS,
    difference_interval,
    metric_values,
    ranked_places,
    separation,
)
from rag_pipeline.retrieval import Passage, Searcher, open_searcher

EXTRA_PACKAGES = ("ir_measures", "matplotlib", "jinja2")
MODES: tuple[str, ...] = get_args(RetrievalMode)
# So many passages that ten different places are among them.
_DEPTH = 50
_TIMED = 100
# Questions that are embedded together.
_AT_ONCE = 64
_WARM_UP = 3


@dataclass
class Contestant:
    """One collection asked in one mode."""

    collection: str
    embedding: str
    model: str
    mode: str
    chunks: int
    index_bytes: int | None
    cost: float | None
    """What embedding the collection costs by the price in the configuration; None: no price is known."""
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    """Metric, question id, value."""
    rankings: dict[str, list[str]] = field(default_factory=dict)
    """Places by question id, best first."""
    seconds: list[float] = field(default_factory=list)
    """Of warm queries for ``retrieval.top_k`` passages."""
    separation: float | None = None
    has_confidence: bool = False
    """Whether the separation is by confidence rather than by score."""
    answers: AnswerScores | None = None
    """What a chat model makes of what it finds; None: that was not asked for."""

    @property
    def name(self) -> str:
        """Collection and mode."""
        return f"{self.collection} · {self.mode}"

    def mean(self, metric: str, ids: Sequence[str] | None = None) -> float:
        """Mean of a metric over all answerable questions, or some."""
        values = self.values[metric]
        chosen = list(values) if ids is None else [key for key in ids if key in values]
        return float(np.mean([values[key] for key in chosen])) if chosen else float("nan")

    def percentile(self, share: float) -> float:
        """Milliseconds that this share of the queries took at most."""
        return float(np.percentile(self.seconds, share)) * 1000 if self.seconds else float("nan")


@dataclass
class Comparison:
    """What came of it."""

    questions: list[EvaluationQuestion]
    contestants: list[Contestant]

    @property
    def best(self) -> Contestant:
        """The one of highest nDCG@10; of equals, the faster one."""
        return max(self.contestants, key=lambda one: (round(one.mean("nDCG@10"), 9), -one.percentile(50)))

    @property
    def languages(self) -> dict[str, list[str]]:
        """Ids of the answerable questions by language."""
        found: dict[str, list[str]] = {}
        for question in self.questions:
            if question.answerable:
                found.setdefault(question.language, []).append(question.id)
        return dict(sorted(found.items()))

    def behind(self, contestant: Contestant, metric: str = "nDCG@10") -> tuple[float, float, float]:
        """How far one is behind the best: the mean difference and its 95 % interval."""
        return difference_interval(self.best.values[metric], contestant.values[metric])

    def differing(self) -> list[tuple[EvaluationQuestion, dict[str, bool]]]:
        """Questions that some get right at rank 1 and others not, with who does."""
        found = []
        for question in self.questions:
            if question.answerable:
                right = {one.name: one.values["hit@1"][question.id] > 0 for one in self.contestants}
                if len(set(right.values())) > 1:
                    found.append((question, right))
        return found

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        rows = []
        for one in self.contestants:
            mean, low, high = self.behind(one)
            rows.append(
                {
                    "collection": one.collection,
                    "embedding": one.embedding,
                    "model": one.model,
                    "mode": one.mode,
                    "best": one is self.best,
                    "metrics": {metric: round(one.mean(metric), 6) for metric in METRICS},
                    "languages": {
                        language: {metric: round(one.mean(metric, ids), 6) for metric in METRICS}
                        for language, ids in self.languages.items()
                    },
                    "behind_best": {"nDCG@10": round(mean, 6), "interval": [round(low, 6), round(high, 6)]},
                    "unanswerable_separation": one.separation,
                    "answers": None if one.answers is None else one.answers.as_dict(),
                    "query_ms": {"p50": round(one.percentile(50), 3), "p95": round(one.percentile(95), 3)},
                    "chunks": one.chunks,
                    "index_bytes": one.index_bytes,
                    "cost": one.cost,
                }
            )
        return {
            "questions": len(self.questions),
            "answerable": sum(question.answerable for question in self.questions),
            "contestants": rows,
            "differing": [
                {"id": question.id, "question": question.text, "right": sorted(n for n, ok in right.items() if ok)}
                for question, right in self.differing()
            ],
        }


def compare(
    settings: Settings,
    questions: Sequence[EvaluationQuestion],
    collections: Sequence[str],
    modes: Sequence[str] = MODES,
    on_progress: Callable[[str, int, int], None] | None = None,
    answerer: Answerer | None = None,
) -> Comparison:
    """Ask each collection all questions in each mode.

    Args:
        settings: the configuration.
        questions: from :func:`load_questions`.
        collections: names of collections.
        modes: of ``dense``, ``lexical`` and ``hybrid``.
        on_progress: called with who is asked, how many questions are done, and how many there are.
        answerer: has each question answered from the ``retrieval.top_k`` passages that each of them finds.

    Raises:
        UsageError: a mode is unknown, no question has an answer, or no answer is of any of the documents.
        ConfigurationError: the extra ``evaluation`` is not installed.
        CollectionNotFoundError, CollectionMismatchError, StoreError, ServiceError: as for a query.
    """
    check_installed()
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        raise UsageError(f"unknown mode {unknown[0]!r}; known: {', '.join(MODES)}")
    if not any(question.answerable for question in questions):
        raise UsageError("none of the questions has anything under 'relevant'; there is nothing to compare by")
    contestants = []
    for collection in dict.fromkeys(collections):
        sizes = _sizes(settings, collection)
        _check_places(settings, collection, questions)
        opened = open_searcher(settings, collection, mode="dense")
        for mode in dict.fromkeys(modes):
            searcher = opened.changed(mode=mode)
            contestant = Contestant(collection=collection, mode=searcher.mode, **sizes)
            try:
                _ask(contestant, searcher, questions, settings.retrieval.top_k, on_progress)
                if answerer is not None:
                    contestant.answers = _answered(contestant, searcher, questions, settings, answerer, on_progress)
            finally:
                searcher.close()
            contestants.append(contestant)
        opened.close()
    return Comparison(list(questions), contestants)


def _ask(
    contestant: Contestant,
    searcher: Searcher,
    questions: Sequence[EvaluationQuestion],
    top_k: int,
    on_progress: Callable[[str, int, int], None] | None,
) -> None:
    best: dict[bool, list[float]] = {True: [], False: []}
    for done, (question, passages) in enumerate(_found(searcher, questions), start=1):
        contestant.rankings[question.id] = ranked_places(question, passages)
        if passages:
            confidences = [passage.confidence for passage in passages if passage.confidence is not None]
            contestant.has_confidence = bool(confidences)
            best[question.answerable].append(max(confidences, default=passages[0].score))
        if on_progress is not None:
            on_progress(contestant.name, done, len(questions))
    contestant.values = metric_values(questions, contestant.rankings)
    contestant.separation = separation(best[True], best[False])
    # Apart from the rankings, which go deeper than a user asks for.
    for question in questions[:_WARM_UP]:
        searcher.search(question.text, top_k)
    for question in questions[:_TIMED]:
        started = time.perf_counter()
        searcher.search(question.text, top_k)
        contestant.seconds.append(time.perf_counter() - started)


def _found(
    searcher: Searcher, questions: Sequence[EvaluationQuestion]
) -> Iterator[tuple[EvaluationQuestion, list[Passage]]]:
    for start in range(0, len(questions), _AT_ONCE):
        part = questions[start : start + _AT_ONCE]
        yield from zip(part, searcher.search_many([question.text for question in part], _DEPTH), strict=True)


def _answered(
    contestant: Contestant,
    searcher: Searcher,
    questions: Sequence[EvaluationQuestion],
    settings: Settings,
    answerer: Answerer,
    on_progress: Callable[[str, int, int], None] | None,
) -> AnswerScores:
    def tell(done: int, count: int) -> None:
        if on_progress is not None:
            on_progress(f"{contestant.name}, answered", done, count)

    return score_answers(answerer, questions, lambda text: searcher.search(text, settings.retrieval.top_k), tell)


def _sizes(settings: Settings, name: str) -> dict[str, Any]:
    store = open_store(settings)
    try:
        collection = store.get(name)
        fingerprint = collection.fingerprint
        embedding = collection.embedding or "?"
        configured = settings.embeddings.get(embedding)
        price = getattr(configured, "price_per_million_tokens", None)
        cost = 0.0 if configured is not None and configured.provider != "gemini" else None
        if price is not None:
            from rag_pipeline.assembly import make_embeddings

            counter = make_embeddings(settings, embedding)
            ids = sorted(collection.ids())
            tokens = 0
            for start in range(0, len(ids), 500):
                tokens += sum(
                    counter.count_document_tokens(list(collection.texts_of(ids[start : start + 500]).values()))
                )
            cost = tokens * price / 1_000_000
        return {
            "embedding": embedding,
            "model": str(fingerprint.values.get("model", "?")) if fingerprint else "?",
            "chunks": collection.count,
            "index_bytes": store.disk_size(collection),
            "cost": cost,
        }
    finally:
        store.close()


def _check_places(settings: Settings, name: str, questions: Sequence[EvaluationQuestion]) -> None:
    """A question file for another folder would give zeros without a word."""
    store = open_store(settings)
    try:
        sources = {key.source for key in store.get(name).stored_files().versions}
    finally:
        store.close()
    stems = {source.rpartition(".")[0] for source in sources}
    named = {place.partition("#")[0] for question in questions for place in question.relevant}
    lost = sorted(named - sources - stems)
    if named and len(lost) == len(named):
        raise UsageError(
            f"none of the places under 'relevant' is in collection {name!r}, e.g. {lost[0]!r};"
            " they are sources as rag-pipeline query shows them, or source#section"
        )
    if lost:
        import warnings

        warnings.warn(f"{len(lost)} sources under 'relevant' are not in {name!r}, e.g. {lost[0]!r}", stacklevel=3)


def check_installed() -> None:
    """Refuse before any work.

    Raises:
        ConfigurationError: the extra ``evaluation`` is not installed.
    """
    import importlib.util

    missing = [name for name in EXTRA_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(f"this needs {', '.join(missing)}: pip install 'rag-pipeline[evaluation]'")
