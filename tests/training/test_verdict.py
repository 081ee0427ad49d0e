from __future__ import annotations

import pytest

from rag_pipeline.training.verdict import AVERAGED, TUNED, Difference, Judged, Verdict, choose, differences


def values(dense, hybrid=None):
    """Dense and hybrid hit@1 (and nDCG) from strings of ones and zeros."""

    def row(bits):
        return {str(number): float(bit) for number, bit in enumerate(bits)}

    return {
        mode: {"hit@1": row(bits), "nDCG@10": row(bits)}
        for mode, bits in (("dense", dense), ("hybrid", hybrid or dense))
    }


BEFORE = values("01" * 100, "0111" * 50)
NONE = differences(BEFORE, BEFORE)


def verdict(after, other=NONE, mode="hybrid", kind="questions"):
    return Verdict(Judged(AVERAGED, differences(BEFORE, after), other, {}), (), mode, 100, kind)


def test_a_gain_beyond_chance_helps_and_is_told_with_its_interval():
    found = verdict(values("01" * 60 + "11" * 40, "1" * 200))
    assert found.helps
    assert found.sentence.startswith("helps: hybrid hit@1 +25.0 points (+19.0 to +31")
    assert found.sentence.endswith("on 200 questions held back")


def test_a_gain_in_dense_mode_alone_is_told_as_such():
    found = verdict(values("1" * 200, "0111" * 50))
    assert found.helps
    assert "in dense mode: hit@1 +50.0 points" in found.sentence
    assert "in hybrid mode, as the collection is asked, +0.0 points" in found.sentence


def test_no_gain_says_what_to_do():
    found = verdict(BEFORE)
    assert not found.helps
    assert found.sentence == (
        "no gain that these questions can show: hybrid hit@1 +0.0 points (+0.0 to +0.0) on 200 questions held back;"
        " write more of them, or leave the model as it is"
    )


def test_what_was_forgotten_and_what_cannot_be_seen_is_noted():
    other = differences(values("1" * 210), values("1" * 190 + "0" * 20))
    notes = " | ".join(verdict(BEFORE, other).notes())
    assert "on other text the model finds less than before: dense hit@1 -9.5 points" in notes
    few = Verdict(Judged(AVERAGED, differences(values("01" * 20), values("01" * 20)), NONE, {}), (), "hybrid", 9)
    assert any(note.startswith("40 questions judge: a gain below about 12 points") for note in few.notes())
    high = Verdict(Judged(AVERAGED, differences(values("1" * 200), values("1" * 200)), NONE, {}), (), "dense", 9)
    assert any("dense hit@1 was 1.000 before training" in note for note in high.notes())


@pytest.mark.parametrize(
    ("tuned", "forgotten", "chosen"),
    [("1" * 200, "1" * 100, TUNED), ("1" * 200, "0" * 10 + "1" * 90, AVERAGED), ("01" * 100, "1" * 100, AVERAGED)],
)
def test_averaged_weights_are_taken_unless_the_others_are_clearly_better_and_forget_little(tuned, forgotten, chosen):
    other = differences(values("1" * 100), values(forgotten))
    judged = {TUNED: Judged(TUNED, NONE, other, {}), AVERAGED: Judged(AVERAGED, NONE, NONE, {})}
    best, others = choose(judged, {TUNED: values(tuned), AVERAGED: BEFORE})
    assert (best.name, len(others)) == (chosen, 1)


def test_a_difference_counts_each_question_once():
    found = Difference.of({"a": 0.0, "b": 1.0}, {"b": 1.0, "a": 1.0})
    assert (found.before, found.after, found.gain, found.questions) == (0.5, 1.0, 0.5, 2)
