"""What a training did, in figures that can be trusted and in words that can be acted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag_pipeline.evaluation.scoring import difference_interval
from rag_pipeline.training.judging import METRICS, MODES, Values
from rag_pipeline.training.options import FEW_TO_JUDGE, detectable_gain

TUNED, AVERAGED = "tuned", "averaged"
_FORGETS = -0.02
_HIGH = 0.9
_PERCENT = 100


@dataclass(frozen=True)
class Difference:
    """One figure before and after, over the same questions."""

    before: float
    after: float
    low: float
    high: float
    """The 95 % interval of after - before, by a paired bootstrap over the questions."""
    questions: int

    @classmethod
    def of(cls, before: Mapping[str, float], after: Mapping[str, float]) -> Difference:
        """Compare values by question."""
        _, low, high = difference_interval(after, before)
        count = max(len(before), 1)
        return cls(sum(before.values()) / count, sum(after.values()) / count, low, high, len(before))

    @property
    def gain(self) -> float:
        """After minus before."""
        return self.after - self.before

    @property
    def helps(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0

    def points(self) -> str:
        """The gain with its interval, in points of a hundred."""
        return f"{self.gain * _PERCENT:+.1f} points ({self.low * _PERCENT:+.1f} to {self.high * _PERCENT:+.1f})"

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return {
            "before": round(self.before, 6),
            "after": round(self.after, 6),
            "gain": round(self.gain, 6),
            "interval": [round(self.low, 6), round(self.high, 6)],
            "questions": self.questions,
        }


def differences(before: Values, after: Values) -> dict[str, dict[str, Difference]]:
    """For each mode and metric."""
    return {
        mode: {metric: Difference.of(before[mode][metric], after[mode][metric]) for metric in METRICS} for mode in MODES
    }


@dataclass(frozen=True)
class Judged:
    """One set of weights compared with those before training."""

    name: str
    """``tuned`` or ``averaged``."""
    held_back: dict[str, dict[str, Difference]]
    """On the user's questions, by mode and metric."""
    other_text: dict[str, dict[str, Difference]]
    """On text that has nothing to do with them."""
    other_kinds: dict[str, Difference]
    """Dense hit@1 on the other text by language of question and passage."""


@dataclass(frozen=True)
class Verdict:
    """Which weights to take, whether they help, and why."""

    chosen: Judged
    others: tuple[Judged, ...]
    mode: str
    """How the collection is asked."""
    trained_on: int
    questions: str = "questions"
    """What was judged by: questions of people, or headings."""

    @property
    def helps(self) -> bool:
        """Whether hit@1 on the questions held back rose beyond chance, in the collection's mode or in dense mode."""
        return self._in_use.helps or self._dense.helps

    @property
    def _in_use(self) -> Difference:
        return self.chosen.held_back[self.mode if self.mode in MODES else "hybrid"]["hit@1"]

    @property
    def _dense(self) -> Difference:
        return self.chosen.held_back["dense"]["hit@1"]

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        count = f"on {self._in_use.questions} {self.questions} held back"
        mode = self.mode if self.mode in MODES else "hybrid"
        if self._in_use.helps:
            return f"helps: {mode} hit@1 {self._in_use.points()} {count}"
        if self._dense.helps:
            return (
                f"helps where questions are asked in dense mode: hit@1 {self._dense.points()} {count};"
                f" in {mode} mode, as the collection is asked, {self._in_use.points()}, which may be chance"
            )
        return (
            f"no gain that these {self.questions} can show: {mode} hit@1 {self._in_use.points()} {count};"
            " write more of them, or leave the model as it is"
        )

    def notes(self) -> list[str]:
        """What a reader of the verdict should know besides."""
        said = []
        asked = self._in_use.questions
        if asked < FEW_TO_JUDGE:
            said.append(
                f"{asked} {self.questions} judge: a gain below about {detectable_gain(asked) * _PERCENT:.0f} points"
                " cannot be told from chance"
            )
        if self._dense.before > _HIGH:
            said.append(f"dense hit@1 was {self._dense.before:.3f} before training: there is little left to gain")
        lost = self.chosen.other_text["dense"]["hit@1"]
        if lost.high < 0 or lost.gain <= _FORGETS:
            said.append(f"on other text the model finds less than before: dense hit@1 {lost.points()}")
        if self.helps:
            said.append("scores are on another scale now: a min_score set before means nothing for this model")
        return said


def choose(judged: Mapping[str, Judged], values: Mapping[str, Values]) -> tuple[Judged, tuple[Judged, ...]]:
    """The averaged weights, which forget less, unless the tuned ones find clearly more of what was held back.

    Args:
        judged: both kinds of weights by name.
        values: what both found on the questions held back.
    """
    more = Difference.of(values[AVERAGED]["dense"]["hit@1"], values[TUNED]["dense"]["hit@1"])
    forgotten = judged[TUNED].other_text["dense"]["hit@1"].gain
    name = TUNED if more.helps and forgotten > _FORGETS else AVERAGED
    return judged[name], tuple(one for key, one in judged.items() if key != name)
