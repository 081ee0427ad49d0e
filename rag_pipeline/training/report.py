"""The folder that a training leaves, and what it says of itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.errors import OutputError
from rag_pipeline.training.judging import MODES
from rag_pipeline.training.verdict import AVERAGED, Judged, Verdict

_LICENCE_NAMES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE")
_NO_GAIN = "-no-gain"
_REPORT = "training.json"
_SHOWN_DOUBTFUL = 20


@dataclass(frozen=True)
class TrainingReport:
    """What a training did."""

    verdict: Verdict
    collection: str
    base: str
    """The model before training, as errors and status call it."""
    folds: int
    """1: some questions were held back; 2: each half judged a model trained on the other."""
    pairs: int
    """On which the weights that are kept were trained."""
    scale: float
    """The inverse of the temperature."""
    seed: int
    from_documents: bool
    doubtful: Sequence[tuple[str, str, str]] = ()
    """Questions, the passage they name, and one that the model puts far above it: labels to look at."""
    loss: Sequence[float] = ()
    """Of each step; it says how training went, and nothing of whether it helped."""
    folder: Path = field(default_factory=Path)
    """The weights to take, or named so that nobody takes them by mistake."""
    other_folder: Path = field(default_factory=Path)
    """The other weights, tuned or averaged."""

    def config_lines(self, name: str) -> str:
        """Lines for config.yaml that make the model an embedding."""
        return f"embeddings:\n  {name}:\n    provider: mean_pooling\n    model: {self.folder}\n"

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return {
            "helps": self.verdict.helps,
            "verdict": self.verdict.sentence,
            "notes": self.verdict.notes(),
            "collection": self.collection,
            "base": self.base,
            "weights": self.verdict.chosen.name,
            "folder": str(self.folder),
            "other_folder": str(self.other_folder),
            "folds": self.folds,
            "pairs": self.pairs,
            "scale": self.scale,
            "seed": self.seed,
            "from_documents": self.from_documents,
            "judged": {one.name: _judged(one) for one in (self.verdict.chosen, *self.verdict.others)},
            "loss": [round(loss, 4) for loss in self.loss],
            "doubtful": [
                {"question": question, "relevant": right, "ranked_above": above}
                for question, right, above in self.doubtful[:_SHOWN_DOUBTFUL]
            ],
        }


def _judged(one: Judged) -> dict[str, Any]:
    return {
        "held_back": {mode: {metric: d.as_dict() for metric, d in row.items()} for mode, row in one.held_back.items()},
        "other_text": {
            mode: {metric: d.as_dict() for metric, d in row.items()} for mode, row in one.other_text.items()
        },
        "other_text_by_language": {kind: difference.as_dict() for kind, difference in one.other_kinds.items()},
    }


def write_folder(
    report: TrainingReport, weights: Mapping[str, Path], output: Path, base: TransformerEmbeddings
) -> TrainingReport:
    """Move the weights to where they belong, each with a README of how it was made.

    The chosen weights get the name that was asked for; without a gain, one that says so.

    Raises:
        OutputError: the folder cannot be written.
    """
    chosen = report.verdict.chosen.name
    folder = output if report.verdict.helps else output.with_name(output.name + _NO_GAIN)
    others = {name: folder.with_name(f"{folder.name}-{name}") for name in weights if name != chosen}
    done = replace(report, folder=folder, other_folder=next(iter(others.values()), folder))
    try:
        for name, place in {chosen: folder, **others}.items():
            source = weights[name]
            _complete(source, done, name, base)
            if place.exists():
                shutil.rmtree(place)
            source.replace(place)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from None
    return done


def _complete(folder: Path, report: TrainingReport, weights: str, base: TransformerEmbeddings) -> None:
    (folder / _REPORT).write_text(json.dumps(report.as_dict(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_readme(report, weights, base), encoding="utf-8")
    for name in _LICENCE_NAMES:
        if (base.checkpoint.root / name).is_file():
            shutil.copyfile(base.checkpoint.root / name, folder / name)


def _readme(report: TrainingReport, weights: str, base: TransformerEmbeddings) -> str:
    identity = base.identity
    one = next(judged for judged in (report.verdict.chosen, *report.verdict.others) if judged.name == weights)
    rows = [
        f"| {where} | {mode} | {metric} | {value.before:.3f} | {value.after:.3f} | {value.points()} |"
        for where, table in (("questions held back", one.held_back), ("other text", one.other_text))
        for mode in MODES
        for metric, value in table[mode].items()
    ]
    made = (
        "the mean of the weights before and after training"
        if weights == AVERAGED
        else "the weights after training, not averaged with those before"
    )
    taught = "headings of the documents" if report.from_documents else "questions with the passages that answer them"
    table = "\n".join(rows)
    licence = _licence_of(base)
    return f"""\
---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
base_model: {identity.model}
{f"license: {licence}" if licence else "# license: that of the base model, which its files do not name"}
---

# {report.folder.name if weights == report.verdict.chosen.name else report.other_folder.name}

{identity.model}, trained further on {report.pairs} pairs ({taught}) of the collection {report.collection}; {made}.

**{report.verdict.sentence}**

| judged by | mode | metric | before | after | difference with its 95 % interval |
|---|---|---|---|---|---|
{table}

Prompts: `{identity.query_prompt}` in front of a question, `{identity.document_prompt}` in front of a passage. Pooling:
{identity.pooling}; vectors have length one.

How it was made: InfoNCE with one hard negative of hybrid search, scale {report.scale:g}, AdamW at 2e-5, batches of 16,
the table of words frozen, seed {report.seed}. The figures were measured on questions whose passages are in no training
pair ({_folds_said(report)}). Its licence is that of {identity.model}.
"""


def _folds_said(report: TrainingReport) -> str:
    if report.folds == 1:
        return "they were held back"
    return "each half of the questions judged a model that was trained on the other; this one was trained on both"


def _licence_of(base: TransformerEmbeddings) -> str:
    """The licence that a model card names in its head; the bundled model is under MIT."""
    card = base.checkpoint.root / "README.md"
    if card.is_file():
        for line in card.read_text(encoding="utf-8", errors="replace").splitlines()[:40]:
            if line.startswith("license:"):
                return line.partition(":")[2].strip()
    return "mit" if base.identity.model.startswith("multilingual-e5") else ""
