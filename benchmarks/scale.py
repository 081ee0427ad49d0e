"""Scale on one machine: ingest, questions, memory, disk and sync at several sizes of a collection.

A folder of Markdown files goes through the real ingest, with an embedding of the caller's own that runs no model
(`scale_corpus.StaticEmbeddings`, 384 dimensions), so that what is measured is reading, cutting, Chroma and the lexical
index; questions go through the real Searcher. Recall is that of the dense mode's ten against the exact ranking. *Stock*
is LangChain's Chroma with its defaults, as a user writes it: texts are at hand already, `add_texts` in batches that
fit, `similarity_search`; it has no lexical index. A sync is a whole ingest of a folder that is stored already.

Each step runs in a process of its own. Memory is the most that process had, libraries and the table of the embedding
among it. Opening is timed after the imports, on files that the operating system still holds in memory.

    python benchmarks/scale.py [--sizes 10000,50000,200000] [--korquad FILE] [--set FOLDER]... [--skip-stock]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.common import machine, print_table, write_result
from benchmarks.scale_corpus import Corpus, StaticEmbeddings, write_files
from benchmarks.scale_steps import FILTERS, MODES, ask_step, ingest_step, open_step, say, stock_step, sync_step

_CHANGED = 100
_OPENINGS = 3
_MOST_GROWTH = 3.0
_LEAST_RECALL = 0.99


def main() -> None:
    """Measure each size, then print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,50000,200000", help="chunks, smallest first")
    parser.add_argument("--stock-size", type=int, default=50_000)
    parser.add_argument("--skip-stock", action="store_true")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--korquad", type=Path, metavar="FILE")
    parser.add_argument("--set", dest="sets", action="append", type=Path, default=[], metavar="FOLDER")
    parser.add_argument(
        "--place", type=Path, help="an empty folder to work in, which is kept; without, a temporary one"
    )
    parser.add_argument("--step", nargs=2, metavar=("STEP", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        say(_step(options, *options.step))
        return
    started = time.perf_counter()
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        place = options.place or Path(temporary)
        place.mkdir(exist_ok=True)
        corpus = Corpus(options.korquad, options.sets)
        StaticEmbeddings.prepare(place / "table.npz", corpus)
        sides: dict[str, dict[str, Any]] = {}
        for size in sizes:
            sides[f"{size:,}"] = _measure(place / str(size), place / "table.npz", corpus, size)
        if not options.skip_stock:
            sides[f"stock {options.stock_size:,}"] = {"stock": _run("stock", place, options.stock_size)}
    _print(sides)
    growth = _growth(sides, sizes)
    print(f"the whole took {(time.perf_counter() - started) / 60:.1f} minutes")
    write_result("scale", {"machine": machine(), "questions": options.questions, "sides": sides, "growth": growth})


def _measure(place: Path, table: Path, corpus: Corpus, chunks: int) -> dict[str, Any]:
    place.mkdir()
    (place / "config.yaml").write_text("", encoding="utf-8")
    (place / "table.npz").hardlink_to(table)
    files = write_files(place / "docs", corpus, chunks)
    found: dict[str, Any] = {"files": len(files), "ingest": _run("ingest", place)}
    opened = [_run("open", place) for _ in range(_OPENINGS)]
    found["open"] = {name: statistics.median(one[name] for one in opened) for name in opened[0]}
    found["ask"] = _run("ask", place)
    found["sync of nothing"] = _run("sync", place)
    for file in files[:: max(1, len(files) // _CHANGED)][:_CHANGED]:
        with file.open("a", encoding="utf-8") as stream:
            stream.write("\n## 덧붙임 (Added)\n\n나중에 덧붙인 한 문장이다. A sentence that was added later.\n")
    found["sync of changes"] = _run("sync", place)
    found["ask after it"] = _run("ask", place)
    return found


def _run(step: str, place: Path, size: int = 0) -> dict[str, Any]:
    """One step in a process of its own, with the options of this one."""
    command = [sys.executable, __file__, *sys.argv[1:], "--step", step, str(place), "--stock-size", str(size)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    print(f"{place.name} {step}: {found}", flush=True)
    return found


def _step(options: argparse.Namespace, step: str, folder: str) -> dict[str, Any]:
    place = Path(folder)
    if step == "ingest":
        return ingest_step(place)
    if step == "sync":
        return sync_step(place)
    corpus = Corpus(options.korquad, options.sets)
    questions = corpus.ask(options.questions)
    if step == "open":
        return open_step(place, questions[0])
    if step == "ask":
        return ask_step(place, questions)
    return stock_step(place, questions, corpus, options.stock_size)


def _print(sides: dict[str, dict[str, Any]]) -> None:
    def row(side: str, found: dict[str, Any], *names: str) -> dict[str, Any]:
        return {"chunks": side, **{name: found.get(name, "-") for name in names}}

    ingests: list[dict[str, Any]] = []
    asks: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    syncs: list[dict[str, Any]] = []
    for side, found in sides.items():
        one = found.get("ingest") or found["stock"]
        one["chunks/s"] = round(one["chunks"] / one["seconds"])
        parts = ("embedding s", "Chroma s", "lexical index s", "rest s")
        ingests.append(row(side, one, "seconds", "chunks/s", *parts, "peak MiB", "disk MB"))
        asked = found.get("ask") or found["stock"]
        times = [f"{mode} {share} ms" for mode in MODES for share in ("p50", "p95")]
        asks.append(row(side, asked, *times, "recall@10", "peak MiB"))
        if "ask" in found:
            asks.append(row(f"{side}, synced", found["ask after it"], *times, "recall@10", "peak MiB"))
            more = {**found["open"], **asked}
            others.append(row(side, more, *found["open"], *(f"{name} p50 ms" for name in FILTERS)))
            for name in ("sync of nothing", "sync of changes"):
                syncs.append({"chunks": side, "what": name, **found[name]})
    print_table("Ingest", ingests)
    print_table("Questions, warm", asks)
    if others:
        print_table("Opened by a fresh process; hybrid questions with a filter, warm", others)
        print_table("Sync", syncs)


def _growth(sides: dict[str, dict[str, Any]], sizes: list[int]) -> dict[str, float]:
    first, last = (sides[f"{size:,}"]["ask"] for size in (sizes[0], sizes[-1]))
    growth = {mode: last[f"{mode} p50 ms"] / first[f"{mode} p50 ms"] for mode in MODES}
    for mode, times in growth.items():
        verdict = "within" if times <= _MOST_GROWTH else "ABOVE"
        print(f"{mode}: p50 at {sizes[-1]:,} is {times:.2f} times that at {sizes[0]:,}, {verdict} {_MOST_GROWTH:g}")
    least = min(sides[f"{size:,}"]["ask"]["recall@10"] for size in sizes)
    print(f"least recall@10: {least:.4f}, {'at least' if least >= _LEAST_RECALL else 'BELOW'} {_LEAST_RECALL}")
    return growth


if __name__ == "__main__":
    main()
