"""The engine of Ray beside the local one: one folder, the bundled model, a store of its own for each run.

*seconds* is the whole ingest, *embedding* the time in which at least one model was at work: what Ray takes to begin,
and its workers to load the model, is in the first and not in the second.

    python benchmarks/ray_engine.py [--files 200] [--workers 1 2]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.common import machine, print_table, write_result

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Ingest the same folder with each engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _make_documents(place / "docs", options.files)
        for workers in [0, *options.workers]:
            rows.append(_measure(place, workers))
    base = rows[0]
    for row in rows:
        row["beside local"] = round(base["seconds"] / row["seconds"], 2)
        row["embedding beside local"] = round(base["embedding s"] / row["embedding s"], 2)
    print_table(f"{options.files} files, bundled model", rows)
    write_result("ray_engine", {"machine": machine(), "files": options.files, "rows": rows})


def _make_documents(folder: Path, count: int) -> None:
    """The ship documents over and over, each copy with a number in every section, so that no text comes twice."""
    folder.mkdir()
    ships = sorted((ROOT / "documents" / "ships").glob("*.md"))
    for number in range(count):
        text = ships[number % len(ships)].read_text("utf-8")
        numbered = text.replace("\n\n", f"\n\n({number}) ")
        (folder / f"{number:05}.md").write_text(numbered.replace(f"({number}) #", "#"), "utf-8")


def _measure(place: Path, workers: int) -> dict[str, Any]:
    from rag_pipeline.config import load_settings
    from rag_pipeline.ingestion.run import IngestTarget, ingest

    config = place / f"{workers}.yaml"
    config.write_text(f"store: {{path: store-{workers}}}", "utf-8")
    settings = load_settings(config)
    if workers:
        settings = settings.with_engine(kind="ray", workers=workers)
    started = time.perf_counter()
    report = ingest(settings, IngestTarget("docs", [place / "docs"], "bundled"))
    return {
        "engine": f"ray, {workers} workers of 1 CPU" if workers else "local",
        "chunks": report.chunks_written,
        "seconds": round(time.perf_counter() - started, 1),
        "embedding s": round(report.embedding_seconds, 1),
        "tokens/s": round(report.tokens_per_second),
    }


if __name__ == "__main__":
    main()
