"""Requests per second of the server, beside plain FastAPI over stock LangChain, at 1, 16 and 64 clients.

Both servers are processes of their own over collections of the same six documents, made with the same checkpoint, and
both run while either is asked; the rounds are taken turn about. Ours is asked in two ways: as it is (dense and lexical
together, each passage with its source) and by vectors alone, which is what the other does. Clients ask one question
after another, each a different one, and a client that is told to come back (429) does so; that is counted too. The
stock server is benchmarks/stock_server.py.

    python benchmarks/serve.py [--seconds 8] [--rounds 2] [--clients 1 16 64]
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import itertools
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.common import korean_passages, machine, print_table, write_result

ROOT = Path(__file__).parent.parent
_READY_SECONDS = 300
_K = 4
_DEFAULT_CONCURRENCY = 16


def main() -> None:
    """Start both servers, ask them turn about."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    options = parser.parse_args()
    from rag_pipeline.embeddings.bundled.embeddings import unpack_bundled_checkpoint

    model = str(unpack_bundled_checkpoint())
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        # As many places as clients: what is compared is the work, and not how soon each turns clients away.
        environment = {
            **os.environ,
            "RAG_PIPELINE_STORE__PATH": f"{folder}/ours",
            "RAG_PIPELINE_SERVE__CONCURRENCY": str(max(_DEFAULT_CONCURRENCY, *options.clients)),
        }
        subprocess.run([sys.executable, str(ROOT / "ingest.py")], check=True, env=environment, cwd=ROOT)
        ports = [_free_port() for _ in range(2)]
        ours = [sys.executable, "-m", "rag_pipeline", "serve", "--port", str(ports[0])]
        stock = [sys.executable, str(ROOT / "benchmarks" / "stock_server.py"), model, f"{folder}/stock", str(ports[1])]
        our_server = running.enter_context(_served(ours, environment, ports[0], "/readyz"))
        stock_server = running.enter_context(_served(stock, dict(os.environ), ports[1], "/openapi.json"))
        sides = {
            "stock": (f"http://127.0.0.1:{ports[1]}/search", {}, stock_server),
            "ours": (f"http://127.0.0.1:{ports[0]}/api/v1/search", {}, our_server),
            "ours, dense": (f"http://127.0.0.1:{ports[0]}/api/v1/search", {"mode": "dense"}, our_server),
        }
        measured: dict[tuple[str, int], list[Any]] = {
            (name, clients): [] for clients in options.clients for name in sides
        }
        for name, (url, fields, process) in sides.items():
            asyncio.run(_ask(url, fields, 4, 2.0, process))
            print(f"{name} is warm", file=sys.stderr)
        for _, clients in itertools.product(range(options.rounds), options.clients):
            for name, (url, fields, process) in sides.items():
                measured[name, clients].append(asyncio.run(_ask(url, fields, clients, options.seconds, process)))
    rows = [_row(name, clients, runs, measured["stock", clients]) for (name, clients), runs in measured.items()]
    print(f"load of the machine: {', '.join(f'{one:.1f}' for one in os.getloadavg())}")
    print_table(f"Searches over HTTP, {options.rounds} rounds of {options.seconds:g} s", rows)
    write_result("serve", {"machine": machine(), "rows": rows})


async def _ask(url: str, fields: dict[str, Any], clients: int, seconds: float, process: psutil.Process) -> Any:
    """What so many clients got in so many seconds: seconds of each answer, refusals, time in all, CPU time."""
    times: list[float] = []
    refused = 0
    begun = 0.0
    before = sum(process.cpu_times()[:2])

    async def client(number: int, http: httpx.AsyncClient) -> None:
        nonlocal refused
        questions = _questions(number)
        while time.perf_counter() - begun < seconds:
            asked = time.perf_counter()
            reply = await http.post(url, json={"question": next(questions), "k": _K, **fields})
            if reply.status_code == 429:
                refused += 1
                await asyncio.sleep(0.05)
                continue
            reply.raise_for_status()
            times.append(time.perf_counter() - asked)

    # One for all of them: each would otherwise read certificates first, which takes longer than an answer.
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(trust_env=False, timeout=120, limits=limits) as shared:
        begun = time.perf_counter()
        await asyncio.gather(*(client(number, shared) for number in range(clients)))
    took = time.perf_counter() - begun
    return {
        "times": times,
        "refused": refused,
        "seconds": took,
        "cpu": sum(process.cpu_times()[:2]) - before,
    }


def _row(name: str, clients: int, runs: list[Any], stock: list[Any]) -> dict[str, Any]:
    def per_second(those: list[Any]) -> float:
        return float(sum(len(run["times"]) for run in those) / sum(run["seconds"] for run in those))

    def cpu(those: list[Any]) -> float:
        return float(sum(run["cpu"] for run in those) / sum(len(run["times"]) for run in those))

    times = sorted(itertools.chain.from_iterable(run["times"] for run in runs))
    return {
        "server": name,
        "clients": clients,
        "requests/s": round(per_second(runs), 1),
        "x stock": round(per_second(runs) / per_second(stock), 2),
        "p50 ms": round(statistics.median(times) * 1000, 1),
        "p95 ms": round(times[int(len(times) * 0.95)] * 1000, 1),
        "CPU ms a request": round(cpu(runs) * 1000, 1),
        "of stock's CPU": round(cpu(runs) / cpu(stock), 2),
        "refused": sum(run["refused"] for run in runs),
    }


def _questions(seed: int) -> Iterator[str]:
    """Questions of a dozen words without end, each another."""
    chance = random.Random(seed)
    while True:
        yield " ".join(chance.choices(_words(), k=chance.randint(3, 12))) + "?"


@functools.cache
def _words() -> list[str]:
    return sorted({word for passage in korean_passages(None)[:200] for word in passage.split()})


@contextmanager
def _served(command: list[str], environment: dict[str, str], port: int, ready: str) -> Iterator[psutil.Process]:
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + _READY_SECONDS
            while not _answers(f"http://127.0.0.1:{port}{ready}"):
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"{command[1:]} does not answer")
                time.sleep(0.2)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
