"""What a training would do, before it does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rag_pipeline.training.options import FEW_TO_JUDGE, detectable_gain

_PERCENT = 100


@dataclass(frozen=True)
class Preview:
    """The split and the work of a training."""

    collection: str
    model: str
    passages: int
    given: int
    usable: int
    """Questions that passages of the collection answer."""
    pairs: int
    judged: int
    folds: int
    steps: int
    output: str

    def lines(self) -> Iterator[str]:
        """It in words."""
        yield f"collection {self.collection}: {self.passages:,} passages; model {self.model}"
        yield f"questions: {self.usable} of {self.given} can be used"
        if self.folds == 1:
            yield f"training: {self.pairs} pairs, {self.steps} steps; {self.judged} questions are held back to judge"
        else:
            yield (
                f"training: {self.pairs} pairs, {self.steps} steps, after two trainings on half of them each; all"
                f" {self.judged} questions judge, each a model that was not trained on its passage"
            )
        if self.judged < FEW_TO_JUDGE:
            least = detectable_gain(self.judged) * _PERCENT
            yield f"a gain below about {least:.0f} points could not be told from chance"
        yield f"the model would be written to {self.output}"

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return asdict(self)
