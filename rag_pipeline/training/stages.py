"""The steps of a training that take time: fitting a model, embedding with it, asking it. Each is done once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.retrieval import SearchOptions
from rag_pipeline.store import Collection
from rag_pipeline.training.corpus import Corpus
from rag_pipeline.training.judging import METRICS, MODES, OtherText, Values, embed_all, measure
from rag_pipeline.training.options import Recipe, TrainingOptions
from rag_pipeline.training.pairs import MinedPairs, Ranked, mine
from rag_pipeline.training.progress import Progress
from rag_pipeline.training.quiet import quiet
from rag_pipeline.training.rooms import Room
from rag_pipeline.training.splitting import Fold, protected
from rag_pipeline.training.temperature import own_scale
from rag_pipeline.training.verdict import AVERAGED, TUNED, Difference

BEFORE = "before"
_WHOLE = "whole"


class Stages:
    """Steps over one collection and one model before training."""

    def __init__(
        self,
        collection: Collection,
        corpus: Corpus,
        base: TransformerEmbeddings,
        vectors: npt.NDArray[np.float32],
        ranked: Sequence[Ranked],
        search: SearchOptions,
        room: Room,
        options: TrainingOptions,
        progress: Progress,
    ) -> None:
        self._collection, self._corpus, self._base, self._vectors = collection, corpus, base, vectors
        self._ranked, self._search, self._room, self._options = ranked, search, room, options
        self._progress = progress
        self._question_vectors = np.asarray(base.embed_queries([one.question.text for one in ranked]), dtype=np.float32)
        self._answers = [frozenset(corpus.digests[number] for number in one.answering) for one in ranked]
        self._mined: dict[tuple[int, ...], MinedPairs] = {}
        self.scale = 0.0
        self.losses: list[float] = []
        self.doubtful: list[tuple[str, str, str]] = []

    def judge(self, name: str, fold: Fold) -> None:
        """Train on one side of a fold, and ask the other side's questions before and after."""
        asked = [self._ranked[number].question for number in fold.test]
        self._room.result(
            f"{name}-{BEFORE}",
            lambda: measure(self._collection, (self._corpus.ids, self._vectors), self._base, asked, self._search),
        )
        if all(self._room.has(f"{name}-{weights}") for weights in (TUNED, AVERAGED)):
            # Done by a run that was cut off later; what it found is reported all the same.
            self._pairs(fold)
            self.losses = self._room.result(f"{name}-weights", _missing)
            return
        self._fit(name, fold)
        for weights in (TUNED, AVERAGED):
            folder = self._room.folder(f"{name}-{weights}")
            self._room.result(f"{name}-{weights}", lambda folder=folder: self._measured(folder, asked))  # type: ignore[misc]

    def whole(self, folds: Sequence[Fold]) -> Fold:
        """The training whose weights are kept: the only fold's, or one on the questions of all folds."""
        if len(folds) == 1:
            self._name = "fold-0"
            return folds[0]
        for number in range(len(folds)):  # their weights were for judging alone, and take much room
            for weights in (TUNED, AVERAGED):
                shutil.rmtree(self._room.folder(f"fold-{number}-{weights}"), ignore_errors=True)
        self._name = _WHOLE
        fold = Fold(sorted({number for fold in folds for number in fold.train}), [])
        self._fit(_WHOLE, fold)
        return fold

    def weights(self) -> dict[str, Path]:
        """Folders of the weights that are kept."""
        return {weights: self._room.folder(f"{self._name}-{weights}") for weights in (TUNED, AVERAGED)}

    def pairs_of(self, fold: Fold) -> int:
        """How many pairs a fold gave."""
        return len(self._pairs(fold).pairs)

    def held_back(self, folds: int) -> tuple[Values, dict[str, Values]]:
        """Values before and after of all questions held back, each judged once."""
        return (
            _joined([self._room.result(f"fold-{number}-{BEFORE}", _missing) for number in range(folds)]),
            {
                weights: _joined([self._room.result(f"fold-{number}-{weights}", _missing) for number in range(folds)])
                for weights in (TUNED, AVERAGED)
            },
        )

    def other_text(self, weights: str) -> tuple[Values, Values]:
        """Values before and after on the text that comes along."""

        def ask(embeddings: TransformerEmbeddings) -> Values:
            other = OtherText.load()
            self._progress.phase("asking about other text, to see what was forgotten")
            # A model of short texts cuts some of these, before and after alike.
            with (
                quiet(),
                tempfile.TemporaryDirectory() as place,
                other.collection(Path(place), embeddings) as collection,
            ):
                return measure(collection, collection.vectors(), embeddings, other.questions)

        before = self._room.result(f"other-{BEFORE}", lambda: ask(self._base))
        folder = self._room.folder(f"{self._name}-{weights}")
        return before, self._room.result(f"other-{weights}", lambda: ask(self._opened(folder)))

    def other_kinds(self, before: Values, after: Values) -> dict[str, Difference]:
        """Dense hit@1 on the other text by language of question and passage."""
        kinds: dict[str, list[str]] = {}
        for question in OtherText.load().questions:
            kinds.setdefault(question.language, []).append(question.id)
        one, two = before["dense"]["hit@1"], after["dense"]["hit@1"]
        return {
            kind: Difference.of({key: one[key] for key in ids}, {key: two[key] for key in ids})
            for kind, ids in kinds.items()
        }

    def _fit(self, name: str, fold: Fold) -> None:
        """Train, and keep the weights and their average with those before."""
        from rag_pipeline.training.base import check_same_vectors, save, trainable_model
        from rag_pipeline.training.fitting import average, fit

        pairs = self._pairs(fold).pairs

        def run() -> list[float]:
            self._progress.phase(f"training on {len(pairs)} pairs")
            losses: list[float] = []

            def on_step(done: int, total: int, loss: float) -> None:
                losses.append(loss)
                self._progress.step(done, total, loss)

            recipe = Recipe(self.scale, len(pairs))
            checkpoints = self._room.folder(f"{name}-steps")
            model = fit(self._base, pairs, recipe, checkpoints, self._options.seed, on_step)
            tuned, averaged = (self._room.folder(f"{name}-{weights}") for weights in (TUNED, AVERAGED))
            save(model, tuned)
            average(model, trainable_model(self._base, "cpu"))
            save(model, averaged)
            check_same_vectors(averaged)
            shutil.rmtree(checkpoints, ignore_errors=True)
            return losses

        self.losses = self._room.result(f"{name}-weights", run)

    def _pairs(self, fold: Fold) -> MinedPairs:
        key = tuple(fold.train)
        if key not in self._mined:
            chosen = [self._ranked[number] for number in fold.train]
            guarded = protected(fold, self._answers)
            mined = mine(chosen, self._ranked, self._corpus, guarded, self._vectors, self._question_vectors)
            self._mined[key] = mined
            self.doubtful = list(dict.fromkeys([*self.doubtful, *mined.doubtful]))
            meant = self._vectors[[one.meant for one in chosen]]
            self.scale = own_scale(self._question_vectors[fold.train], meant, self._vectors[mined.negatives])
        return self._mined[key]

    def _measured(self, folder: Path, asked: Any) -> Values:
        embeddings = self._opened(folder)
        self._progress.phase("embedding the collection with the trained model")
        vectors = embed_all(embeddings, self._corpus.texts, self._progress.count)
        return measure(self._collection, (self._corpus.ids, vectors), embeddings, asked, self._search)

    def _opened(self, folder: Path) -> TransformerEmbeddings:
        return TransformerEmbeddings(folder, normalize=self._base.identity.normalize)


def _joined(parts: Sequence[Values]) -> Values:
    return {
        mode: {
            metric: {key: value for part in parts for key, value in part[mode][metric].items()} for metric in METRICS
        }
        for mode in MODES
    }


def _missing() -> Any:
    raise AssertionError("a step is asked for before it was done")
