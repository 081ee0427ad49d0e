"""One whole training: questions, pairs, folds, the model, the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag_pipeline.assembly import embedding_name, fingerprint_of, make_embeddings, open_store
from rag_pipeline.config import Settings
from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.errors import UsageError
from rag_pipeline.evaluation.questions import EvaluationQuestion
from rag_pipeline.retrieval import Searcher, SearchOptions
from rag_pipeline.store import Collection
from rag_pipeline.training.base import check_installed, check_trainable
from rag_pipeline.training.corpus import Corpus, digest
from rag_pipeline.training.options import LEAST_QUESTIONS, Recipe, TrainingOptions
from rag_pipeline.training.pairs import Ranked, rank_questions
from rag_pipeline.training.preview import Preview
from rag_pipeline.training.progress import Progress, silent
from rag_pipeline.training.report import TrainingReport, write_folder
from rag_pipeline.training.rooms import Room, check_output
from rag_pipeline.training.splitting import Fold, split
from rag_pipeline.training.stages import Stages
from rag_pipeline.training.structure import heading_questions
from rag_pipeline.training.verdict import AVERAGED, TUNED, Judged, Verdict, choose, differences


def train(
    settings: Settings,
    questions: Sequence[EvaluationQuestion] | None,
    *,
    output: Path,
    collection: str | None = None,
    embedding: str | None = None,
    options: TrainingOptions | None = None,
    on_progress: Progress = silent,
) -> TrainingReport:
    """Train the model of a collection further on questions, and judge it by questions that it was not trained on.

    Cut off at any moment, the same call goes on where it was. The collection is only read.

    Args:
        settings: the configuration.
        questions: from :func:`rag_pipeline.evaluation.load_questions`, with the places that answer them; None: with
            ``from_documents``, headings stand for them.
        output: the folder of the trained model; it must not be there yet.
        collection: its name; None: the default one.
        embedding: name of the embedding to train; None: the one the collection was made with.
        options: choices.
        on_progress: told what is done.

    Raises:
        UsageError: there are too few usable questions, or the folder is there already.
        ConfigurationError: the extra ``train`` is not installed, or the model cannot be trained here.
        CollectionMismatchError: the collection was made in another way than the configuration says.
        EmbeddingError: not even one pair fits in memory.
        StoreError: the collection cannot be read.
    """
    with _opened(settings, questions, output, collection, embedding, options, on_progress) as training:
        return training.run()


def preview(
    settings: Settings,
    questions: Sequence[EvaluationQuestion] | None,
    *,
    output: Path,
    collection: str | None = None,
    embedding: str | None = None,
    options: TrainingOptions | None = None,
) -> Preview:
    """What :func:`train` would train on and judge by; it loads no model and writes nothing. Raises the same."""
    with _opened(settings, questions, output, collection, embedding, options, silent) as training:
        return training.preview()


@contextmanager
def _opened(
    settings: Settings,
    questions: Sequence[EvaluationQuestion] | None,
    output: Path,
    collection: str | None,
    embedding: str | None,
    options: TrainingOptions | None,
    on_progress: Progress,
) -> Iterator[_Training]:
    check_installed()
    check_output(output)
    name = collection or settings.default_collection
    with closing(open_store(settings)) as store:
        opened = store.get(name)
        chosen = embedding or embedding_name(settings, store, name)
        base = check_trainable(make_embeddings(settings, chosen), chosen)
        opened.check_compatible(fingerprint_of(base, settings), None)
        yield _Training(settings, opened, base, questions, output, options or TrainingOptions(), on_progress)


class _Training:
    """The steps of one training, each of which is skipped where an earlier run has done it."""

    def __init__(
        self,
        settings: Settings,
        collection: Collection,
        base: TransformerEmbeddings,
        questions: Sequence[EvaluationQuestion] | None,
        output: Path,
        options: TrainingOptions,
        on_progress: Progress,
    ) -> None:
        self._settings, self._collection, self._base = settings, collection, base
        self._options, self._output, self._progress = options, output, on_progress
        configured = SearchOptions.from_settings(settings, collection.name)
        # What the configuration leaves out is judged too: a trained model has other scores.
        self._search = replace(configured, min_score=None, min_confidence=None)
        self._corpus = Corpus.of(collection)
        self._from_people = questions is not None
        self._given = list(questions or [])
        if not self._given and not options.from_documents:
            raise UsageError("no questions to train on; give them with --questions, or --from-documents to do without")

    def preview(self) -> Preview:
        """The split, and how much would be done."""
        asked, headings = self._asked()
        ranked = [
            Ranked(question, answering, min(answering), ())
            for question in [*asked, *headings]
            if (answering := self._corpus.answering(question))
        ]
        folds = self._folds(ranked, {question.id for question in headings})
        trained = sorted({number for fold in folds for number in fold.train})
        return Preview(
            collection=self._collection.name,
            model=self._base.identity.model,
            passages=len(self._corpus.ids),
            given=len(self._given),
            usable=sum(one.question.id not in {question.id for question in headings} for one in ranked),
            pairs=len(trained),
            judged=sum(len(fold.test) for fold in folds),
            folds=len(folds),
            steps=Recipe(1.0, len(trained)).steps,
            output=str(self._output),
        )

    def _asked(self) -> tuple[list[EvaluationQuestion], list[EvaluationQuestion]]:
        """Questions of people that the documents answer, and headings where they are wanted."""
        headings = list(heading_questions(self._corpus)) if self._options.from_documents else []
        asked = [question for question in self._given if question.answerable]
        self._check_enough(asked if self._from_people else headings)
        return asked, headings

    def run(self) -> TrainingReport:
        """Do what is not done yet."""
        asked, headings = self._asked()
        searcher = Searcher(self._collection, self._base, self._search.changed(mode="hybrid"))
        room = Room(self._output, self._plan([*asked, *headings]))
        with room.open():
            self._progress.phase("searching for passages that look right and are not")
            ranked = rank_questions([*asked, *headings], self._corpus, searcher, self._progress.count)
            folds = self._folds(ranked, {question.id for question in headings})
            vectors = self._corpus.vectors_in(self._collection)
            stages = Stages(
                self._collection, self._corpus, self._base, vectors, ranked, self._search, room, self._options,
                self._progress,
            )  # fmt: skip
            for number, fold in enumerate(folds):
                stages.judge(f"fold-{number}", fold)
            whole = stages.whole(folds)
            verdict = self._verdict(stages, len(folds), len(whole.train))
            report = TrainingReport(
                verdict=verdict,
                collection=self._collection.name,
                base=self._base.identity.model,
                folds=len(folds),
                pairs=stages.pairs_of(whole),
                doubtful=stages.doubtful,
                scale=stages.scale,
                seed=self._options.seed,
                from_documents=self._options.from_documents,
                loss=stages.losses,
            )
            report = write_folder(report, stages.weights(), self._output, self._base)
            room.remove()
        return report

    def _check_enough(self, questions: Sequence[EvaluationQuestion]) -> None:
        usable = sum(bool(self._corpus.answering(question)) for question in questions)
        if usable < LEAST_QUESTIONS:
            kind = "questions" if self._from_people else "headings with a section below"
            raise UsageError(
                f"{usable} of {len(questions)} {kind} can be used, as collection {self._collection.name!r} holds what"
                f" answers them; {LEAST_QUESTIONS - usable} more are needed (rag-pipeline questions FOLDER drafts some)"
            )

    def _plan(self, questions: Sequence[EvaluationQuestion]) -> dict[str, Any]:
        """What the result depends on: a run that was cut off is gone on with only if all of it is the same."""
        asked = "\n".join(f"{question.id} {question.text} {sorted(question.relevant)}" for question in questions)
        return {
            "questions": digest(asked),
            "corpus": self._corpus.fingerprint,
            "model": {key: str(value) for key, value in self._base.identity.as_dict().items()},
            "search": str(self._search),
            "options": [self._options.keep, self._options.seed, self._options.from_documents],
            "steps": 1,
        }

    def _folds(self, ranked: Sequence[Ranked], headings: set[str]) -> list[Fold]:
        """Questions of people judge what headings taught; else all are split."""
        if headings and self._from_people:
            test = [number for number, one in enumerate(ranked) if one.question.id not in headings]
            answers = {self._corpus.digests[number] for index in test for number in ranked[index].answering}
            train = [
                number
                for number, one in enumerate(ranked)
                if one.question.id in headings and self._corpus.digests[one.meant] not in answers
            ]
            folds = [Fold(train, test)] if len(train) >= LEAST_QUESTIONS else []
        else:
            texts = [frozenset(self._corpus.digests[number] for number in one.answering) for one in ranked]
            folds = split(texts, self._options.keep, self._options.seed)
        if not folds:
            raise UsageError(
                "the questions cannot be split into some to train on and others to judge by: one passage answers nearly"
                " all of them; name sections (source#section) under 'relevant', or ask about more of the documents"
            )
        return folds

    def _verdict(self, stages: Stages, folds: int, trained_on: int) -> Verdict:
        before, after = stages.held_back(folds)
        judged = {}
        for name in (TUNED, AVERAGED):
            other_before, other_after = stages.other_text(name)
            both = differences(other_before, other_after)
            kinds = stages.other_kinds(other_before, other_after)
            judged[name] = Judged(name, differences(before, after[name]), both, kinds)
        chosen, others = choose(judged, after)
        kind = "questions" if self._from_people else "headings"
        return Verdict(chosen, others, self._search.mode, trained_on, kind)
