"""Quality of retrieval on sets of questions, by mode; beside LangChain, LlamaIndex and Haystack; and query time.

A set is a folder in BEIR layout (corpus.jsonl, queries.jsonl, qrels.tsv), or a KorQuAD 1.0 file, whose paragraphs are
the passages. Passages are cut, embedded with the bundled model, stored and asked as an ingest would; a document's
rank is that of its best chunk. Every setting is the default, the same for all sets. The questions on the ship documents
(evaluation/ships.jsonl, test split, sections as targets) are always among them.

"told apart" is how well confidence tells whether the answer is there: the chance that a question has a higher one than
a question whose passages were left out. For the ship documents, these are questions that they do not answer.

    python benchmarks/retrieval.py [--set FOLDER]... [--korquad FILE] [--questions 0]
        [--others langchain,llamaindex,haystack]
    python benchmarks/retrieval.py --speed --set FOLDER ... [--chunks 10000]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.common import machine, print_table, write_result
from rag_pipeline.config import RetrievalMode
from rag_pipeline.evaluation.questions import EvaluationQuestion, load_questions
from rag_pipeline.evaluation.scoring import metric_values, ranked_places, separation
from rag_pipeline.passages import Passage

ROOT = Path(__file__).parent.parent
MODES: tuple[RetrievalMode, ...] = ("dense", "lexical", "hybrid")
_DEPTH = 50


@dataclass
class QuestionSet:
    """Passages, and questions whose answers are among them."""

    name: str
    documents: list[tuple[str, str, str]]
    """Id, title, text."""
    questions: list[EvaluationQuestion]


def main() -> None:
    """Measure quality, or time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="sets", action="append", type=Path, default=[], metavar="FOLDER")
    parser.add_argument("--korquad", type=Path, metavar="FILE")
    parser.add_argument("--questions", type=int, default=0, help="only so many of each set, drawn at random; 0: all")
    parser.add_argument("--others", default="", help="compare with these: langchain,llamaindex,haystack")
    parser.add_argument("--speed", action="store_true", help="measure query time instead")
    parser.add_argument("--chunks", type=int, default=10_000, help="chunks in the collection for --speed")
    options = parser.parse_args()
    from rag_pipeline import load_settings, make_embeddings

    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "config.yaml").write_text("")
        settings = load_settings(Path(place) / "config.yaml")
        embeddings = make_embeddings(settings, "bundled")
        embeddings.load()
        if options.speed:
            _speed(Path(place), embeddings, [*options.sets], options.korquad, options.chunks)
            return
        rows = [_ships(settings)]
        print(rows[-1], flush=True)
        for question_set in _sets(options.sets, options.korquad, options.questions):
            rows += _measure(Path(place), embeddings, question_set)
            for other in filter(None, options.others.split(",")):
                rows.append(_measure_other(other, embeddings, question_set))
                print(rows[-1], flush=True)
    flat = [row for row in rows if row]
    print_table("hit@1 and nDCG@10", flat)
    write_result(
        "retrieval_others" if options.others else "retrieval",
        {"machine": machine(), "questions_of_each": options.questions or "all", "rows": flat},
    )


def _ships(settings: Any) -> dict[str, Any]:
    """The questions on the ship documents, through a real ingest."""
    from rag_pipeline import IngestTarget, ingest, open_searcher

    ingest(settings, IngestTarget("ships", [ROOT / "documents" / "ships"], "bundled"))
    asked = load_questions(ROOT / "evaluation" / "ships.jsonl", "test")
    questions = [question for question in asked if question.answerable]
    row: dict[str, Any] = {"set": "ships (test)", "system": "rag_pipeline", "documents": 6, "questions": len(questions)}
    searcher = open_searcher(settings, "ships")
    for mode in MODES:
        one = searcher.changed(mode=mode)
        started = time.perf_counter()
        found = {question.id: one.search(question.text, _DEPTH) for question in asked}
        row.update(_figures(mode, questions, {q.id: ranked_places(q, found[q.id]) for q in questions}))
        if mode != "lexical":
            apart = [[_confidence(found[q.id]) for q in asked if q.answerable is there] for there in (True, False)]
            row[f"{mode} told apart"] = round(separation(*apart) or 0.0, 3)
    row["seconds"] = round(time.perf_counter() - started, 1)
    return row


def _measure(place: Path, embeddings: Any, question_set: QuestionSet) -> list[dict[str, Any]]:
    from rag_pipeline.retrieval import Searcher, SearchOptions

    started = time.perf_counter()
    store, collection = _index(place, embeddings, question_set)
    indexing = time.perf_counter() - started
    row: dict[str, Any] = {
        "set": question_set.name,
        "system": "rag_pipeline",
        "documents": len(question_set.documents),
        "questions": len(question_set.questions),
    }
    for mode in MODES:
        searcher = Searcher(collection, embeddings, SearchOptions(mode=mode))
        started = time.perf_counter()
        found = {question.id: searcher.search(question.text, _DEPTH) for question in question_set.questions}
        asking = time.perf_counter() - started
        rankings = {question.id: ranked_places(question, found[question.id]) for question in question_set.questions}
        row.update(_figures(mode, question_set.questions, rankings))
        if mode != "lexical":
            there = [_confidence(found[question.id]) for question in question_set.questions]
            without = [_confidence(_others(question, found[question.id])) for question in question_set.questions]
            row[f"{mode} told apart"] = round(separation(there, without) or 0.0, 3)
    row["seconds"] = round(indexing + asking, 1)
    store.close()
    print(row, flush=True)
    return [row]


def _index(place: Path, embeddings: Any, question_set: QuestionSet) -> tuple[Any, Any]:
    from rag_pipeline.documents import Document, chunk_document
    from rag_pipeline.documents.document import Section
    from rag_pipeline.store import ChunkRecord, Fingerprint, Store
    from rag_pipeline.store.records import FileKey, FileVersion

    store = Store(place / question_set.name / "store")
    records = []
    for number, (key, title, text) in enumerate(question_set.documents):
        chunks = chunk_document(Document(title, (Section((), text),)), embeddings, None)
        version = FileVersion(FileKey("docs", key), str(number))
        records += [
            ChunkRecord(version, index, len(chunks), chunk.text, chunk.title, chunk.section)
            for index, chunk in enumerate(chunks)
        ]
    with store.writer():
        fingerprint = Fingerprint.of(embeddings.identity.as_dict(), None, 0, None)
        collection = store.create("set", fingerprint, "bundled")
        with collection.indexing(set()):
            for start in range(0, len(records), 1000):
                part = records[start : start + 1000]
                collection.write(part, embeddings.embed_documents([record.text for record in part]))
    return store, collection


def _figures(mode: str, questions: Sequence[EvaluationQuestion], rankings: dict[str, list[str]]) -> dict[str, float]:
    values = metric_values(questions, rankings)
    return {
        f"{mode} hit@1": round(float(np.mean(list(values["hit@1"].values()))), 4),
        f"{mode} nDCG@10": round(float(np.mean(list(values["nDCG@10"].values()))), 4),
    }


def _others(question: EvaluationQuestion, passages: Sequence[Passage]) -> list[Passage]:
    return [passage for passage in passages if ranked_places(question, [passage])[0] not in question.relevant]


def _confidence(passages: Sequence[Passage]) -> float:
    return max((passage.confidence or 0.0 for passage in passages), default=0.0)


def _measure_other(name: str, embeddings: Any, question_set: QuestionSet) -> dict[str, Any]:
    """Another framework, with its own defaults and the same checkpoint; its figures stand under dense."""
    from benchmarks.other_retrievers import OTHERS

    started = time.perf_counter()
    ask = OTHERS[name](str(embeddings._checkpoint.folder), question_set.documents)
    rankings = {
        question.id: list(dict.fromkeys(ask(question.text, _DEPTH)))[:10] for question in question_set.questions
    }
    row = {
        "set": question_set.name,
        "system": name,
        "documents": len(question_set.documents),
        "questions": len(question_set.questions),
        **_figures("dense", question_set.questions, rankings),
    }
    row.update({key: "" for mode in MODES[1:] for key in (f"{mode} hit@1", f"{mode} nDCG@10")})
    row.update({f"{mode} told apart": "" for mode in MODES if mode != "lexical"})
    row["seconds"] = round(time.perf_counter() - started, 1)
    return row


def _sets(folders: Sequence[Path], korquad: Path | None, most: int) -> Iterator[QuestionSet]:
    if korquad is not None:
        yield _some(_korquad(korquad), most)
    for folder in folders:
        documents = []
        for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            documents.append((str(row["_id"]), str(row.get("title") or ""), str(row["text"])))
        yield _some(QuestionSet(folder.name, documents, load_questions(folder)), most)


def _some(question_set: QuestionSet, most: int) -> QuestionSet:
    if most and len(question_set.questions) > most:
        chosen = np.random.default_rng(0).choice(len(question_set.questions), most, replace=False)
        question_set.questions = [question_set.questions[int(index)] for index in sorted(chosen)]
    return question_set


def _korquad(file: Path) -> QuestionSet:
    ids: dict[str, str] = {}
    questions = []
    for article in json.loads(file.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            key = ids.setdefault(paragraph["context"], f"p{len(ids)}")
            questions += [
                EvaluationQuestion(asked["id"], asked["question"], frozenset({key}), "ko") for asked in paragraph["qas"]
            ]
    return QuestionSet("korquad", [(key, "", text) for text, key in ids.items()], questions)


def _speed(place: Path, embeddings: Any, folders: list[Path], korquad: Path | None, chunks: int) -> None:
    """Warm queries in each mode beside embedding the question alone, in turn."""
    from rag_pipeline.retrieval import Searcher, SearchOptions

    documents: list[tuple[str, str, str]] = []
    questions: list[str] = []
    for question_set in _sets(folders, korquad, 100):
        documents += [(f"{question_set.name}/{key}", title, text) for key, title, text in question_set.documents]
        questions += [question.text for question in question_set.questions]
    while len(documents) < chunks:  # halves of passages are passages too
        for key, title, text in documents[: chunks - len(documents)]:
            documents.append((f"{key}/half-{len(documents)}", title, text[len(text) // 2 :] or text))
    store, collection = _index(place, embeddings, QuestionSet("speed", documents[:chunks], []))
    systems: dict[str, Searcher] = {mode: Searcher(collection, embeddings, SearchOptions(mode=mode)) for mode in MODES}
    times: dict[str, list[float]] = {name: [] for name in ("embedding alone", *MODES)}
    for number, question in enumerate(questions):
        for name, seconds in times.items():
            started = time.perf_counter()
            if name == "embedding alone":
                embeddings.embed_query(question)
            else:
                systems[name].search(question, 4)
            if number >= 10:
                seconds.append(time.perf_counter() - started)
    base = statistics.median(times["embedding alone"])
    rows = [
        {
            "query": name,
            "p50 ms": statistics.median(seconds) * 1000,
            "p95 ms": float(np.percentile(seconds, 95)) * 1000,
            "p50, times the embedding": statistics.median(seconds) / base,
        }
        for name, seconds in times.items()
    ]
    print_table(f"{collection.count:,} chunks, {len(questions)} questions", rows)
    write_result("retrieval_speed", {"machine": machine(), "chunks": collection.count, "rows": rows})
    store.close()


if __name__ == "__main__":
    main()
