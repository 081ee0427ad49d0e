"""One question on the ship documents: query.py, cold and by a server, beside the shortest stock LangChain script.

Both are whole processes, run turn about, over collections of the same six documents made with the same checkpoint;
`--help` is timed too. CPU is that of the process alone, without the server's. The stock script is
benchmarks/stock_query.py.

    python benchmarks/cold_query.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.common import machine, print_table, write_result

ROOT = Path(__file__).parent.parent
QUESTION = "최대 흘수가 12.04 m인 컨테이너선은 무엇인가?"


def main() -> None:
    """Prepare both stores, time both scripts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    from rag_pipeline.embeddings.bundled.embeddings import unpack_bundled_checkpoint

    model = str(unpack_bundled_checkpoint())
    stock = str(ROOT / "benchmarks" / "stock_query.py")
    with tempfile.TemporaryDirectory() as folder:
        store, stock_store = f"{folder}/ours", f"{folder}/stock"
        environment = {**os.environ, "RAG_PIPELINE_STORE__PATH": store}
        subprocess.run([sys.executable, str(ROOT / "ingest.py")], check=True, env=environment, cwd=ROOT)
        subprocess.run([sys.executable, stock, "ingest", model, stock_store], check=True, cwd=ROOT)
        commands = {
            "stock script": [sys.executable, stock, "query", model, stock_store, QUESTION],
            "query.py": [sys.executable, str(ROOT / "query.py"), "--no-server", QUESTION],
            "query.py, warm": [sys.executable, str(ROOT / "query.py"), QUESTION],
            "query.py --help": [sys.executable, str(ROOT / "query.py"), "--help"],
        }
        serve = [sys.executable, "-m", "rag_pipeline", "serve"]
        subprocess.run([*serve, "--daemon", "--port", "0"], check=True, env=environment, cwd=ROOT)
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        cpu: dict[str, list[float]] = {name: [] for name in commands}
        try:
            for command in commands.values():
                _time(command, environment)  # the first run fills the disk cache
            for _ in range(options.rounds):
                for name, command in commands.items():
                    wall, used = _time(command, environment)
                    seconds[name].append(wall)
                    cpu[name].append(used)
        finally:
            subprocess.run([*serve, "--stop"], check=True, env=environment, cwd=ROOT)
    base = statistics.median(seconds["stock script"])
    rows = [
        {
            "command": name,
            "median s": round(statistics.median(times), 2),
            "best s": round(min(times), 2),
            "CPU s": round(statistics.median(cpu[name]), 2),
            "x stock": round(statistics.median(times) / base, 2),
        }
        for name, times in seconds.items()
    ]
    print_table(f"One question, {options.rounds} rounds", rows)
    write_result("cold_query", {"machine": machine(), "rows": rows, "seconds": seconds, "cpu": cpu})


def _time(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds on the clock, and of CPU."""
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
    wall, after = time.perf_counter() - started, os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


if __name__ == "__main__":
    main()
