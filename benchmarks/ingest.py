"""A whole ingest of 500 mixed files beside embedding their chunks alone; and the memory that a large folder takes.

The folder holds Markdown, text, HTML, PDF, DOCX, PPTX, XLSX, CSV, JSON, JSONL, EPUB, EML, HWP and HWPX in equal parts,
made of the sentences of the ship documents, about two pages each. Both sides use the same loaded bundled model; the
whole ingest reads, cuts, embeds and writes. With --memory, 20,000 text files (400 MB) go through an embedding that
takes no time, in a process of its own whose peak memory is read from the system.

    python benchmarks/ingest.py [--files 500] [--rounds 2] [--memory]
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

from benchmarks.common import korean_passages, machine, print_table, write_result
from tests import formats


def main() -> None:
    """Time both sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--memory", action="store_true", help="measure memory on 20,000 documents instead")
    parser.add_argument("--memory-worker", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_worker:
        _memory_worker(Path(options.memory_worker))
    elif options.memory:
        _memory()
    else:
        _speed(options.files, options.rounds)


def _speed(files: int, rounds: int) -> None:
    from rag_pipeline import IngestTarget, ingest, load_settings, make_embeddings
    from rag_pipeline.documents import chunk_document, read_document, scan_folder
    from rag_pipeline.embeddings import DocumentText

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "docs"
        _write_mixed(folder, files)
        (Path(place) / "config.yaml").write_text("")
        settings = load_settings(Path(place) / "config.yaml")
        embeddings = make_embeddings(settings, "bundled")
        embeddings.load()
        texts = [
            DocumentText(chunk.text, chunk.head, chunk.body, chunk.tokens)
            for file in scan_folder(folder).files
            for chunk in chunk_document(read_document(file.path.name, file.path.read_bytes()), embeddings)
        ]
        embeddings.embed_documents([text.text for text in texts[:64]])
        seconds: dict[str, list[float]] = {"embedding alone": [], "whole ingest": []}
        for number in range(rounds):
            started = time.perf_counter()
            for _ in embeddings.embed_stream(texts):
                pass
            seconds["embedding alone"].append(time.perf_counter() - started)
            started = time.perf_counter()
            target = IngestTarget(f"round-{number}", [folder], "bundled")
            report = ingest(settings, target, embeddings=embeddings)
            assert (report.new, report.failures) == (files, []), report.failures[:3]
            seconds["whole ingest"].append(time.perf_counter() - started)
    base = statistics.median(seconds["embedding alone"])
    tokens = sum(text.tokens for text in texts)
    rows = [
        {
            "side": side,
            "median s": round(statistics.median(times), 1),
            "tokens/s": round(tokens / statistics.median(times)),
            "x embedding": round(statistics.median(times) / base, 3),
        }
        for side, times in seconds.items()
    ]
    print_table(f"{files} mixed files, {len(texts)} chunks, {tokens:,} tokens", rows)
    write_result(
        "ingest", {"machine": machine(), "files": files, "chunks": len(texts), "rows": rows, "seconds": seconds}
    )


def _write_mixed(folder: Path, count: int) -> None:
    folder.mkdir()
    passages = korean_passages(None)
    kinds = sorted(formats.FORMATS.items())
    for number in range(count):
        suffix, make = kinds[number % len(kinds)]
        body = " ".join(passages[(number * 5 + step) % len(passages)] for step in range(5))
        (folder / f"{number:04}{suffix}").write_bytes(make(f"문서 {number}. {body}"))


def _memory() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "docs"
        folder.mkdir()
        passages = [passage for passage in korean_passages(None) if len(passage) > 300]
        written = 0
        for number in range(20_000):
            text = f"문서 {number}"
            step = 0
            while len(text.encode()) < 20_000:
                text += f"\n\n{number}.{step} " + passages[(number + step) % len(passages)]
                step += 1
            written += (folder / f"{number:05}.txt").write_text(text, "utf-8")
        size = sum(file.stat().st_size for file in folder.iterdir())
        worker = subprocess.run(
            [sys.executable, __file__, "--memory-worker", place], check=True, capture_output=True, text=True
        )
        found: dict[str, Any] = json.loads(worker.stdout.splitlines()[-1])
    rows = [{"documents": 20_000, "MB of text": round(size / 1e6), **found}]
    print_table("Memory of an ingest", rows)
    write_result("ingest_memory", {"machine": machine(), "rows": rows})


def _memory_worker(place: Path) -> None:
    import resource

    import numpy as np

    from rag_pipeline import IngestTarget, ingest, load_settings
    from rag_pipeline.testing import HashEmbeddings

    class Quick(HashEmbeddings):
        """Vectors that take no time, of the length of the bundled model's."""

        def count_document_tokens(self, texts: Any) -> list[int]:
            return [len(text) // 2 + 1 for text in texts]

        def embed_documents(self, texts: list[str]) -> Any:
            made = np.random.default_rng(len(texts)).standard_normal((len(texts), 384)).astype(np.float32)
            return made / np.linalg.norm(made, axis=1, keepdims=True)

    (place / "config.yaml").write_text("")
    settings = load_settings(place / "config.yaml")
    started = time.perf_counter()
    target = IngestTarget("large", [place / "docs"], "quick")
    report = ingest(settings, target, embeddings=Quick(dimension=384, max_tokens=512))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.perf_counter() - started
    print(json.dumps({"chunks": report.chunks_total, "seconds": round(seconds), "peak MiB": round(peak)}))


if __name__ == "__main__":
    main()
