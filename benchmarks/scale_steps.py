"""What the benchmark of scale measures, each step in a process of its own so that its memory is its own.

Run by ``benchmarks/scale.py``. A step prints one line of JSON.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.scale_corpus import Corpus, StaticEmbeddings

if TYPE_CHECKING:
    from rag_pipeline import IngestReport, Settings

MODES = ("dense", "lexical", "hybrid")
# Filters of hybrid questions, by what fits them.
FILTERS = ("all fit", "one file fits")
_COLLECTION = "scale"
_TOP = 10
_WARM = 10
_FILTERED = 30
# Inner products of equal vectors differ by rounding.
_TIE = 1e-5


def peak_mib() -> int:
    """The most memory this process has had."""
    status = Path("/proc/self/status")
    if status.is_file():
        # What the system's getrusage says begins with the memory of the process that started this one.
        [line] = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")]
        return round(int(line.split()[1]) / 1024)
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def ingest_step(place: Path) -> dict[str, Any]:
    """The whole ingest of a folder, and where its time goes."""
    from chromadb.api.models.Collection import Collection as ChromaCollection

    from rag_pipeline.lexical.writer import LexicalWriter

    seconds: dict[str, float] = {}
    with _timed(ChromaCollection, "upsert", seconds), _timed(LexicalWriter, "add", seconds):
        report, whole = _ingest(place)
    shares = {"embedding": report.embedding_seconds, "Chroma": seconds["upsert"], "lexical index": seconds["add"]}
    return {
        "chunks": report.chunks_total,
        "seconds": whole,
        "cpu seconds": time.process_time(),
        **{f"{name} s": spent for name, spent in shares.items()},
        "rest s": whole - sum(shares.values()),
        "peak MiB": peak_mib(),
        "disk MB": _disk_mb(place / "chroma_db"),
    }


def sync_step(place: Path) -> dict[str, Any]:
    """An ingest of a folder that is stored already, but for what was changed."""
    report, seconds = _ingest(place)
    return {
        "updated files": report.updated,
        "chunks written": report.chunks_written,
        "seconds": seconds,
        "peak MiB": peak_mib(),
    }


def open_step(place: Path, question: str) -> dict[str, Any]:
    """The store is opened and asked once, in each mode; what is imported and loaded for any question comes before."""
    from rag_pipeline import open_searcher
    from rag_pipeline.lexical.analysis import load

    settings, embeddings = _settings(place), StaticEmbeddings(place / "table.npz")
    load()
    found = {}
    with _stop_watch() as lap:
        searcher = open_searcher(settings, _COLLECTION, embeddings=embeddings, mode="dense")
        found["open ms"] = lap() * 1000
        searcher.search(question, _TOP)
        found["first dense ms"] = lap() * 1000
        searcher.changed(mode="hybrid").search(question, _TOP)
        found["first hybrid ms"] = lap() * 1000
    searcher.close()
    return found


def ask_step(place: Path, questions: list[str]) -> dict[str, Any]:
    """Warm questions in each mode, some with a filter; then the exact ranking, whose memory is not counted."""
    from rag_pipeline import open_searcher

    embeddings = StaticEmbeddings(place / "table.npz")
    searcher = open_searcher(_settings(place), _COLLECTION, embeddings=embeddings, mode="dense")
    searchers = {mode: searcher.changed(mode=mode) for mode in MODES}
    times: dict[str, list[float]] = {mode: [] for mode in MODES}
    found: list[list[str]] = []
    for question in questions[:_WARM]:
        for one in searchers.values():
            one.search(question, _TOP)
    for question in questions:
        for mode, one in searchers.items():
            started = time.perf_counter()
            passages = one.search(question, _TOP)
            times[mode].append(time.perf_counter() - started)
            if mode == "dense":
                found.append([passage.id for passage in passages])
    source = searchers["dense"].search(questions[0], 1)[0].source
    for name, where in zip(FILTERS, ({"folder": "docs"}, {"source": source}), strict=True):
        filtered = times[name] = []
        for question in questions[:_FILTERED]:
            started = time.perf_counter()
            searchers["hybrid"].search(question, _TOP, where=where)
            filtered.append(time.perf_counter() - started)
    peak = peak_mib()
    embedding = []
    for question in questions:
        started = time.perf_counter()
        embeddings.embed_query(question)
        embedding.append(time.perf_counter() - started)
    ids, vectors = searcher._collection.vectors()
    searcher.close()
    return {
        **{f"{mode} p50 ms": _percentile(times[mode], 50) for mode in MODES},
        **{f"{mode} p95 ms": _percentile(times[mode], 95) for mode in MODES},
        **{f"{name} p50 ms": _percentile(times[name], 50) for name in FILTERS},
        "embedding p50 ms": _percentile(embedding, 50),
        "recall@10": _recall(embeddings, questions, found, ids, vectors),
        "peak MiB": peak,
    }


def stock_step(place: Path, questions: list[str], corpus: Corpus, chunks: int) -> dict[str, Any]:
    """LangChain's Chroma with its defaults, as a user writes it."""
    from chromadb.api.models.Collection import Collection as ChromaCollection
    from langchain_chroma import Chroma

    embeddings = StaticEmbeddings(place / "table.npz")
    texts = [
        f"{title} {number} > {section.heading}\n\n{section.body}"
        for number, (title, sections) in enumerate(corpus.files(chunks))
        for section in sections
    ]
    folder = str(place / "stock")
    shares: dict[str, float] = {}
    with _timed(ChromaCollection, "upsert", shares), _timed(StaticEmbeddings, "embed_documents", shares):
        started = time.perf_counter()
        store = Chroma("stock", embeddings, persist_directory=folder)
        most = store._client.get_max_batch_size()
        for start in range(0, len(texts), most):
            store.add_texts(texts[start : start + most])
        seconds = time.perf_counter() - started
    times, found = [], []
    for question in [*questions[:_WARM], *questions]:
        started = time.perf_counter()
        documents = store.similarity_search(question, k=_TOP)
        times.append(time.perf_counter() - started)
        found.append([document.id or "" for document in documents])
    peak = peak_mib()
    ids: list[str] = []
    pages = []
    while page := store.get(limit=most, offset=len(ids), include=["embeddings"]):
        if not page["ids"]:
            break
        ids += page["ids"]
        pages.append(np.asarray(page["embeddings"], dtype=np.float32))
    return {
        "chunks": len(ids),
        "seconds": seconds,
        "embedding s": shares["embed_documents"],
        "Chroma s": shares["upsert"],
        "dense p50 ms": _percentile(times[_WARM:], 50),
        "dense p95 ms": _percentile(times[_WARM:], 95),
        "recall@10": _recall(embeddings, questions, found[_WARM:], ids, np.concatenate(pages)),
        "peak MiB": peak,
        "disk MB": _disk_mb(place / "stock"),
    }


def _ingest(place: Path) -> tuple[IngestReport, float]:
    from rag_pipeline import IngestTarget, ingest
    from rag_pipeline.embeddings.wrapped import as_pipeline_embeddings

    embeddings = as_pipeline_embeddings(StaticEmbeddings(place / "table.npz"))
    target = IngestTarget(_COLLECTION, [place / "docs"], embeddings.identity.model)
    started = time.perf_counter()
    report = ingest(_settings(place), target, embeddings=embeddings)
    seconds = time.perf_counter() - started
    assert not report.failures, report.failures[:3]
    return report, seconds


def _settings(place: Path) -> Settings:
    from rag_pipeline import load_settings

    return load_settings(place / "config.yaml")


@contextlib.contextmanager
def _timed(owner: type, method: str, seconds: dict[str, float]) -> Iterator[None]:
    """Add up the time that a method takes."""
    plain = getattr(owner, method)
    seconds[method] = 0.0

    def timed(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return plain(*arguments, **named)
        finally:
            seconds[method] += time.perf_counter() - started

    setattr(owner, method, timed)
    try:
        yield
    finally:
        setattr(owner, method, plain)


@contextlib.contextmanager
def _stop_watch() -> Iterator[Callable[[], float]]:
    """Gives a function that tells the seconds since it was last asked."""
    last = [time.perf_counter()]

    def lap() -> float:
        last.append(time.perf_counter())
        return last[-1] - last[-2]

    yield lap


def _percentile(seconds: list[float], share: int) -> float:
    return float(np.percentile(seconds, share)) * 1000


def _recall(
    embeddings: StaticEmbeddings,
    questions: list[str],
    found: list[list[str]],
    ids: list[str],
    vectors: npt.NDArray[np.float32],
) -> float:
    """Share of the ten nearest that were found; a tie with the tenth counts as one."""
    places = {chunk_id: place for place, chunk_id in enumerate(ids)}
    hits = 0
    for question, got in zip(questions, found, strict=True):
        scores = vectors @ np.asarray(embeddings.embed_query(question), dtype=np.float32)
        least = np.partition(scores, -_TOP)[-_TOP]
        hits += sum(scores[places[chunk_id]] >= least - _TIE for chunk_id in got[:_TOP])
    return hits / (_TOP * len(questions))


def _disk_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def say(found: dict[str, Any]) -> None:
    """The result, for the process that started this one."""
    print(json.dumps(found), flush=True)
