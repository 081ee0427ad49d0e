"""Tokens per second and peak memory of embedding: ours beside LangChain's HuggingFaceEmbeddings.

Same checkpoint (the bundled one), same texts, same run; each side in a process of its own, turn about. Ours at the
number format chosen for the machine and at float32; stock with its defaults.

    python benchmarks/embedding.py [--korquad KorQuAD_v1.0_dev.json] [--model FOLDER] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.common import korean_passages, machine, print_table, write_result

PASSAGES = 480
MEMORY_TEXTS = 1000
PROMPT = "passage: "


def main() -> None:
    """Run all sides and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--korquad", type=Path, help="KorQuAD 1.0 JSON; without it, texts made of the ship documents")
    parser.add_argument("--model", help="checkpoint folder; without it, the bundled model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", nargs=2, metavar=("SIDE", "TASK"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.model is None:
        from rag_pipeline.embeddings.bundled.embeddings import unpack_bundled_checkpoint

        options.model = str(unpack_bundled_checkpoint())
    if options.worker:
        print(json.dumps(_work(options.worker[0], options.worker[1], options)))
        return
    sides = ["stock", "ours auto", "ours float32"]
    rounds: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(options.rounds):
        for side in sides:
            rounds[side].append(_spawn(side, "speed", options))
    memory = {side: _spawn(side, "memory", options)["peak_mib"] for side in sides}
    stock = statistics.median(run["tokens_per_second"] for run in rounds["stock"])
    rows = []
    for side in sides:
        speed = statistics.median(run["tokens_per_second"] for run in rounds[side])
        last = rounds[side][-1]
        gflops = speed * last["gflop_per_token"]
        rows.append(
            {
                "side": side,
                "dtype": last["dtype"],
                "tokens/s": round(speed),
                "x stock": round(speed / stock, 2),
                "GFLOP/s": round(gflops),
                "machine peak": round(last["peak_gflops"]),
                "of peak": f"{gflops / last['peak_gflops']:.0%}",
                f"peak MiB, {MEMORY_TEXTS} texts": round(memory[side]),
            }
        )
    texts = rounds["stock"][0]
    print_table(f"{texts['texts']} Korean passages, {texts['tokens']:,} tokens, {options.rounds} rounds, medians", rows)
    write_result("embedding", {"machine": machine(), "rows": rows, "rounds": rounds})


def _spawn(side: str, task: str, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--worker", side, task, "--model", options.model]
    if options.korquad:
        command += ["--korquad", str(options.korquad)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _work(side: str, task: str, options: argparse.Namespace) -> dict[str, Any]:
    texts, lengths = _texts(options)
    if task == "memory":
        texts = (texts * (MEMORY_TEXTS // len(texts) + 1))[:MEMORY_TEXTS]
    embed, dtype = _make(side, options.model)
    embed(texts[:8])
    started = time.perf_counter()
    embed(texts)
    seconds = time.perf_counter() - started
    if task == "memory":
        return {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    tokens = sum(lengths)
    return {
        "texts": len(texts),
        "tokens": tokens,
        "tokens_per_second": tokens / seconds,
        "dtype": dtype,
        "gflop_per_token": _gflop(lengths, options.model) / tokens,
        "peak_gflops": _peak_gflops(dtype),
    }


def _texts(options: argparse.Namespace) -> tuple[list[str], list[int]]:
    """Passages of 100 to 500 tokens in random order, with their tokens as the model reads them."""
    from rag_pipeline.embeddings.local.tokenizing import CheckpointTokenizer

    passages = korean_passages(options.korquad)
    counts = CheckpointTokenizer(Path(options.model)).count([PROMPT + text for text in passages])
    fitting = [(text, count) for text, count in zip(passages, counts, strict=True) if 100 <= count <= 500]
    random.Random(0).shuffle(fitting)
    chosen = fitting[:PASSAGES]
    if len(chosen) < PASSAGES:
        sys.exit(f"error: only {len(chosen)} passages of 100 to 500 tokens; {PASSAGES} are needed")
    return [text for text, _ in chosen], [count for _, count in chosen]


def _make(side: str, model: str) -> tuple[Any, str]:
    if side == "stock":
        from langchain_huggingface import HuggingFaceEmbeddings

        stock = HuggingFaceEmbeddings(model_name=model)
        dtype = str(next(stock._client.parameters()).dtype).removeprefix("torch.")
        return lambda texts: stock.embed_documents([PROMPT + text for text in texts]), dtype
    from rag_pipeline.embeddings import TransformerEmbeddings

    ours = TransformerEmbeddings(model, document_prompt=PROMPT, dtype=side.removeprefix("ours "))
    ours.load()
    return ours.embed_documents, str(next(ours.model.parameters()).dtype).removeprefix("torch.")


def _gflop(lengths: list[int], model: str) -> float:
    """Multiply-adds of an encoder's matrix products, two operations each, padding not counted."""
    config = json.loads((Path(model) / "config.json").read_text(encoding="utf-8"))
    hidden, wide, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    per_token = 2 * (4 * hidden * hidden + 2 * hidden * wide)
    total: float = sum(layers * (n * per_token + 4 * n * n * hidden) for n in lengths) / 1e9
    return total


def _peak_gflops(dtype: str) -> float:
    """The best matrix product of torch on this machine in that format.

    Square ones of several sizes, by torch's own choice of library and by oneDNN with packed weights: on some
    processors the second is much faster in float32.
    """
    import torch

    from rag_pipeline.embeddings.local.packing import pack_linear_layers

    best = 0.0
    with torch.inference_mode():
        for size in (1024, 2048, 4096):
            plain = torch.nn.Sequential(torch.nn.Linear(size, size, bias=False).to(getattr(torch, dtype)))
            packed = torch.nn.Sequential(torch.nn.Linear(size, size, bias=False).to(getattr(torch, dtype)))
            pack_linear_layers(packed)
            inputs = torch.randn(size, size).to(getattr(torch, dtype))
            for product in (plain, packed):
                product(inputs)
                for _ in range(3):
                    started = time.perf_counter()
                    product(inputs)
                    best = max(best, 2 * size**3 / (time.perf_counter() - started) / 1e9)
    return best


if __name__ == "__main__":
    main()
