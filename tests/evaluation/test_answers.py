"""Answers of a chat model counted: grounded, from the right passage, declined where nothing answers."""

from __future__ import annotations

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from rag_pipeline import Passage
from rag_pipeline.answering import Answerer
from rag_pipeline.errors import ServiceError
from rag_pipeline.evaluation.answers import Share, score_answers
from rag_pipeline.evaluation.questions import EvaluationQuestion


def passage(rank, source, text):
    return Passage(rank, 1.0, f"{source}{rank}", "", "", source, text, {})


PASSAGES = [passage(1, "a.md", "The draft is 12.04 m."), passage(2, "b.md", "The beam is 32 m.")]
ASKED = {
    "right": ("The draft is 12.04 m [1].", ["a.md"]),
    "wrong passage": ("The beam is 32 m [2].", ["a.md"]),
    "made up": ("The draft is 99 m [1].", ["a.md"]),
    "declines": ("The passages do not say.", ["a.md"]),
    "was not found": ("The passages do not say.", ["c.md"]),
    "no answer": ("The passages do not say.", []),
    "no answer, made up": ("It is 5 m [1].", []),
}


def question(name):
    return EvaluationQuestion(name, name, frozenset(ASKED[name][1]), "en")


def answerer(say):
    return Answerer(RunnableLambda(say), "a model")


def reply(messages):
    asked = str(messages).partition("<question>\\n")[2].partition("\\n</question>")[0]
    return AIMessage(ASKED[asked][0])


def test_answers_are_counted_by_what_the_check_says_of_them():
    scores = score_answers(answerer(reply), [question(name) for name in ASKED], lambda _: PASSAGES)
    assert scores.model == "a model"
    assert scores.grounded == Share(2, 5)
    assert scores.right_passage == Share(2, 5)
    assert scores.declined_though_found == Share(1, 4)
    assert scores.declined == Share(1, 2)
    assert (scores.failed, scores.failure) == (Share(0, 7), "")


def test_one_that_fails_is_counted_and_the_others_go_on():
    def say(messages):
        if "made up" in str(messages):
            raise ValueError("too long")
        return reply(messages)

    done = []
    names = ["right", "made up", "declines"]
    scores = score_answers(
        answerer(say), [question(name) for name in names], lambda _: PASSAGES, lambda *how: done.append(how)
    )
    assert scores.failed == Share(1, 3)
    assert "too long" in scores.failure
    assert scores.grounded == Share(1, 3)
    assert done == [(2, 3), (3, 3)]


def test_a_model_that_cannot_be_asked_at_all_ends_it_at_once():
    asked = []

    def say(messages):
        asked.append(messages)
        raise ValueError("no such model")

    with pytest.raises(ServiceError, match="no such model"):
        score_answers(answerer(say), [question(name) for name in ASKED], lambda _: PASSAGES)
    assert len(asked) == 1


def test_where_nothing_is_found_nothing_is_asked_and_that_is_declining():
    model = GenericFakeChatModel(messages=iter([]))
    scores = score_answers(Answerer(model, "m"), [question("no answer"), question("right")], lambda _: [])
    assert (scores.declined, scores.grounded, scores.declined_though_found) == (Share(1, 1), Share(0, 1), Share(0, 0))


@pytest.mark.parametrize(
    ("share", "low", "high"),
    # Values of Newcombe, 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    [
        (Share(81, 263), 0.2553, 0.3662),
        (Share(15, 148), 0.0624, 0.1605),
        (Share(0, 20), 0.0, 0.1611),
        (Share(1, 29), 0.0061, 0.1718),
    ],
)
def test_intervals_are_wilsons(share, low, high):
    assert share.interval == pytest.approx((low, high), abs=5e-5)


def test_of_nothing_anything_may_be_so():
    assert Share(0, 0).interval == (0.0, 1.0)
