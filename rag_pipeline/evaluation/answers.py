"""How well a chat model answers from what is found, counted by the check of answers; no second model judges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rag_pipeline.answering import Answer, Answerer
from rag_pipeline.errors import ServiceError
from rag_pipeline.evaluation.questions import EvaluationQuestion
from rag_pipeline.evaluation.scoring import ranked_places
from rag_pipeline.passages import Passage

# A service is asked so many questions at once.
_AT_ONCE = 4
# The 97.5 % point of the normal distribution.
_Z = 1.959964


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    count: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share behind it (Wilson, 1927, "Probable inference"); of nothing, 0 to 1."""
        if not self.total:
            return 0.0, 1.0
        share, n = self.count / self.total, self.total
        middle = share + _Z**2 / (2 * n)
        half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
        return max((middle - half) / (1 + _Z**2 / n), 0.0), min((middle + half) / (1 + _Z**2 / n), 1.0)

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return {"count": self.count, "of": self.total, "interval": [round(end, 6) for end in self.interval]}


@dataclass(frozen=True)
class AnswerScores:
    """What the answers to a set of questions are like."""

    model: str
    grounded: Share
    """Of questions that the documents answer: whole, with a citation, and the check found nothing."""
    right_passage: Share
    """Of these questions: cites a passage that stands under the question's ``relevant``."""
    declined_though_found: Share
    """Of these questions where such a passage was given: cites nothing, as the model is told to where it finds none."""
    declined: Share
    """Of questions without an answer: cites nothing."""
    failed: Share
    """Of all: no answer, or not a whole one. They count above as neither grounded nor declined."""
    failure: str
    """Why the first of these failed; empty: none did."""

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        shares = {name: value.as_dict() for name, value in vars(self).items() if isinstance(value, Share)}
        return {"model": self.model, **shares, "failure": self.failure}


def score_answers(
    answerer: Answerer,
    questions: Sequence[EvaluationQuestion],
    find: Callable[[str], Sequence[Passage]],
    on_progress: Callable[[int, int], None] | None = None,
) -> AnswerScores:
    """Have questions answered from what is found for them, and count.

    Args:
        answerer: whom to ask; it is asked several at once.
        questions: with what answers them.
        find: the passages for a question, as a user's answer is made from them.
        on_progress: called with how many are done, and how many there are.

    Raises:
        ServiceError: the first question could not be answered, so the others need not be asked.
    """
    found = [list(find(question.text)) for question in questions]
    answers: list[Answer | str] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        if questions:
            # A key that is refused or a model that does not exist fails here, once.
            answers.append(answerer.answer(questions[0].text, found[0]))
        for answer in pool.map(lambda pair: _asked(answerer, *pair), zip(questions[1:], found[1:], strict=True)):
            answers.append(answer)
            if on_progress is not None:
                on_progress(len(answers), len(questions))
    return _counted(answerer.model, questions, found, answers)


def _asked(answerer: Answerer, question: EvaluationQuestion, passages: Sequence[Passage]) -> Answer | str:
    try:
        return answerer.answer(question.text, passages)
    except ServiceError as error:
        return str(error)


def _counted(
    model: str,
    questions: Sequence[EvaluationQuestion],
    found: Sequence[Sequence[Passage]],
    answers: Sequence[Answer | str],
) -> AnswerScores:
    failures: list[str] = []
    grounded, right, declined_though_found, declined = [], [], [], []
    for question, passages, answer in zip(questions, found, answers, strict=True):
        failure = answer if isinstance(answer, str) else answer.failure_reason
        whole = answer if isinstance(answer, Answer) and failure is None else None
        if failure is not None:
            failures.append(failure)
        declines = whole is not None and not whole.citations
        if not question.answerable:
            declined.append(declines)
            continue
        numbers = [number for number, passage in enumerate(passages, 1) if _is_right(question, passage)]
        grounded.append(whole is not None and whole.grounded)
        right.append(whole is not None and any(citation.number in numbers for citation in whole.citations))
        if numbers:
            declined_though_found.append(declines)
    return AnswerScores(
        model=model,
        grounded=_share(grounded),
        right_passage=_share(right),
        declined_though_found=_share(declined_though_found),
        declined=_share(declined),
        failed=Share(len(failures), len(questions)),
        failure=failures[0] if failures else "",
    )


def _share(held: Sequence[bool]) -> Share:
    return Share(sum(held), len(held))


def _is_right(question: EvaluationQuestion, passage: Passage) -> bool:
    return ranked_places(question, [passage])[0] in question.relevant
