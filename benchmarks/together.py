"""Questions that come together: our retriever beside a stock LangChain one, on one event loop.

Both are LangChain retrievers over the six ship documents with the same checkpoint, asked by `ainvoke`: one question
after another, and all at once. *Stock* is `Chroma(...).as_retriever()` over `HuggingFaceEmbeddings` with defaults.
Ours in hybrid mode, its default, and in dense mode, which is what the stock one does.

    python benchmarks/together.py [--questions 200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.common import machine, print_table, write_result

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Time them turn about."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    questions = [f"최대 흘수가 {number / 10} m인 배는 무엇이고 무엇을 나르는가?" for number in range(options.questions)]
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_measure(Path(folder), questions, options.rounds))
    print_table(f"{len(questions)} questions, one event loop", rows)
    write_result("together", {"machine": machine(), "questions": len(questions), "rows": rows})


async def _measure(folder: Path, questions: list[str], rounds: int) -> list[dict[str, Any]]:
    from langchain_chroma import Chroma
    from langchain_huggingface import HuggingFaceEmbeddings

    from rag_pipeline import Pipeline
    from rag_pipeline.embeddings.bundled.embeddings import unpack_bundled_checkpoint

    (folder / "config.yaml").write_text("", "utf-8")
    pipeline = Pipeline(folder / "config.yaml", collection="ships")
    pipeline.ingest(ROOT / "documents" / "ships")
    stock = Chroma("stock", HuggingFaceEmbeddings(model_name=str(unpack_bundled_checkpoint())))
    stock.add_texts([document.page_content for document in pipeline.vector_store().similarity_search("배", 30)])
    retrievers: dict[str, Any] = {
        "stock": stock.as_retriever(search_kwargs={"k": 4}),
        "ours, dense": pipeline.retriever(k=4, mode="dense"),
        "ours, hybrid": pipeline.retriever(k=4),
    }
    seconds: dict[tuple[str, str], list[float]] = {}
    for turn in range(rounds + 1):  # the first loads the models and does not count
        for name, retriever in retrievers.items():
            for how in ("one by one", "all at once"):
                started = time.perf_counter()
                if how == "one by one":
                    for question in questions:
                        await retriever.ainvoke(question)
                else:
                    await asyncio.gather(*(retriever.ainvoke(question) for question in questions))
                if turn:
                    seconds.setdefault((name, how), []).append(time.perf_counter() - started)
    pipeline.close()
    rows = []
    for (name, how), times in seconds.items():
        median, base = statistics.median(times), statistics.median(seconds["stock", how])
        rows.append(
            {
                "retriever": name,
                "asked": how,
                "questions/s": round(len(questions) / median, 1),
                "beside stock": round(base / median, 2),
            }
        )
    return rows


if __name__ == "__main__":
    main()
