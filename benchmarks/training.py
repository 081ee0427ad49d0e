"""What training the bundled model does, by set and by number of pairs, and what it makes the model forget.

A set is a folder in BEIR layout, or a KorQuAD 1.0 file. Its questions are split by passage: a passage that answers a
question that judges is in no training pair, not as a negative either. Whole corpora are embedded again and asked in
dense and in hybrid mode; differences come with paired bootstrap intervals. Time is of training alone, memory the most
that was resident.

    python benchmarks/training.py --korquad FILE [--pairs 50,300,1000] [--judge 700] [--set FOLDER]...
        [--seeds 0] [--forget FOLDER]...
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import retrieval
from benchmarks.common import machine, print_table, write_result
from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.training.base import save, trainable_model
from rag_pipeline.training.corpus import Corpus
from rag_pipeline.training.fitting import average, fit
from rag_pipeline.training.judging import Values, embed_all, measure
from rag_pipeline.training.options import Recipe
from rag_pipeline.training.pairs import Ranked, mine, rank_questions
from rag_pipeline.training.temperature import own_scale
from rag_pipeline.training.verdict import Difference


class Measured:
    """One set, indexed and asked with the model before training."""

    def __init__(self, place: Path, embeddings: TransformerEmbeddings, question_set: retrieval.QuestionSet) -> None:
        from rag_pipeline.retrieval import Searcher, SearchOptions

        self.name = question_set.name
        self.questions = question_set.questions
        self.embeddings = embeddings
        self.store, self.collection = retrieval._index(place / self.name, embeddings, question_set)
        self.corpus = Corpus.of(self.collection)
        self.vectors = self.corpus.vectors_in(self.collection)
        self.searcher = Searcher(self.collection, embeddings, SearchOptions(mode="hybrid"))

    def ask(self, questions: Sequence[Any], embeddings: TransformerEmbeddings | None = None) -> Values:
        """Values in both modes, of the model before training or another."""
        if embeddings is None:
            return measure(self.collection, (self.corpus.ids, self.vectors), self.embeddings, questions)
        vectors = embed_all(embeddings, self.corpus.texts)
        return measure(self.collection, (self.corpus.ids, vectors), embeddings, questions)


def main() -> None:
    """Train and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--korquad", type=Path, metavar="FILE")
    parser.add_argument("--set", dest="sets", action="append", type=Path, default=[], metavar="FOLDER")
    parser.add_argument("--forget", action="append", type=Path, default=[], metavar="FOLDER")
    parser.add_argument("--pairs", default="50,300,1000")
    parser.add_argument("--judge", type=int, default=700, help="questions held back")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--scale", type=float, help="instead of the model's own")
    options = parser.parse_args()
    from rag_pipeline import load_settings, make_embeddings

    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "config.yaml").write_text("")
        embeddings = make_embeddings(load_settings(place / "config.yaml"), "bundled")
        assert isinstance(embeddings, TransformerEmbeddings)
        others = [Measured(place, embeddings, one) for one in retrieval._sets(options.forget, None, 300)]
        for question_set in retrieval._sets(options.sets, options.korquad, 0):
            measured = Measured(place, embeddings, question_set)
            for seed in map(int, options.seeds.split(",")):
                for row in _train(place, measured, others, options, seed):
                    rows.append(row)
                    print(row, flush=True)
    print_table("training: hit@1 before and after, in points", rows)
    write_result("training", {"machine": machine(), "rows": rows})


def _train(
    place: Path, measured: Measured, others: Sequence[Measured], options: argparse.Namespace, seed: int
) -> Iterator[dict[str, Any]]:
    generator = np.random.default_rng(seed)
    ranked_all, test = _split(measured, generator, options.judge, max(map(int, options.pairs.split(","))))
    questions = [one.question for one in test]
    before = measured.ask(questions)
    before_others = [other.ask(other.questions) for other in others]
    guarded = frozenset(measured.corpus.digests[number] for one in test for number in one.answering)
    for pairs in map(int, options.pairs.split(",")):
        train = ranked_all[:pairs]
        vectors = np.asarray(measured.embeddings.embed_queries([one.question.text for one in train]), dtype=np.float32)
        mined = mine(train, train, measured.corpus, guarded, measured.vectors, vectors)
        negatives = measured.vectors[mined.negatives]
        scale = options.scale or own_scale(vectors, measured.vectors[[one.meant for one in train]], negatives)
        started = time.perf_counter()
        steps = place / f"steps-{measured.name}-{pairs}-{seed}"
        model = fit(measured.embeddings, mined.pairs, Recipe(scale, len(mined.pairs)), steps, seed)
        seconds = time.perf_counter() - started
        for weights in ("tuned", "averaged"):
            if weights == "averaged":
                average(model, trainable_model(measured.embeddings, "cpu"))
            folder = place / f"{weights}-{measured.name}-{pairs}-{seed}"
            save(model, folder)
            after = TransformerEmbeddings(folder)
            found = measured.ask(questions, after)
            row: dict[str, Any] = {
                "set": measured.name, "pairs": len(mined.pairs), "weights": weights, "seed": seed, "scale": scale,
                "judged by": len(questions), "seconds": round(seconds),
                "GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
            }  # fmt: skip
            for mode in ("dense", "hybrid"):
                row[f"{mode} hit@1"] = _said(Difference.of(before[mode]["hit@1"], found[mode]["hit@1"]))
            for other, earlier in zip(others, before_others, strict=True):
                later = other.ask(other.questions, after)
                row[f"{other.name} dense"] = _said(Difference.of(earlier["dense"]["hit@1"], later["dense"]["hit@1"]))
            yield row


def _split(
    measured: Measured, generator: np.random.Generator, judge: int, pairs: int
) -> tuple[list[Ranked], list[Ranked]]:
    """Questions to train on and to judge by, drawn passage by passage."""
    answers = [measured.corpus.answering(question) for question in measured.questions]
    passages = sorted({number for numbers in answers for number in numbers})
    order = generator.permutation(len(measured.questions))
    test_passages: set[int] = set()
    test: list[int] = []
    for passage in generator.permutation(passages):
        if len(test) >= judge:
            break
        test_passages.add(int(passage))
        test += [number for number in map(int, order) if answers[number] and min(answers[number]) == passage]
    train = [number for number in map(int, order) if answers[number] and not answers[number] & test_passages][:pairs]
    both = [measured.questions[number] for number in (*train, *test[:judge])]
    ranked = rank_questions(both, measured.corpus, measured.searcher)
    return ranked[: len(train)], ranked[len(train) :]


def _said(difference: Difference) -> str:
    return f"{difference.before:.3f} → {difference.after:.3f} {difference.points()}"


if __name__ == "__main__":
    main()
