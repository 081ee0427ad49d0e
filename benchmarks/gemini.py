"""Embedding through Gemini's API: GeminiEmbeddings beside LangChain's GoogleGenerativeAIEmbeddings.

Both talk to one server on loopback, in a process of its own, that answers each request after a fixed time with vectors
made beforehand, so that what is measured is the client. The limit is what batch size and concurrency allow: the number
of rounds of requests, times the server's time. LangChain's class sends one batch after another; its own limit is given
beside it.

    python benchmarks/gemini.py [--texts 5000] [--latency 0.2] [--concurrency 4] [--dimension 1536] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.common import korean_passages, machine, print_table, write_result

_BATCH = 100


def main() -> None:
    """Time both sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=5000)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--dimension", type=int, default=1536)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve(options.latency, options.dimension)
        return
    passages = korean_passages(None)
    texts = [passages[index % len(passages)] for index in range(options.texts)]
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", "--latency", str(options.latency), "--dimension", str(options.dimension)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        os.environ.update({"GOOGLE_GEMINI_BASE_URL": server.stdout.readline().strip(), "GOOGLE_API_KEY": "loopback"})
        os.environ.pop("GOOGLE_GENAI_USE_VERTEXAI", None)
        _compare(options, texts)
    finally:
        server.terminate()
        server.wait()


def _compare(options: argparse.Namespace, texts: list[str]) -> None:
    from langchain_google_genai import GoogleGenerativeAIEmbeddings

    from rag_pipeline import GeminiEmbeddings

    requests = math.ceil(len(texts) / _BATCH)
    sides = {
        "GoogleGenerativeAIEmbeddings": (
            GoogleGenerativeAIEmbeddings(model="gemini-embedding-2", output_dimensionality=options.dimension),
            requests * options.latency,
        ),
        "GeminiEmbeddings": (
            GeminiEmbeddings(dimension=options.dimension, concurrency=options.concurrency),
            math.ceil(requests / options.concurrency) * options.latency,
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for embeddings, _ in sides.values():
        embeddings.embed_documents(texts[:_BATCH])  # imports and connections
    for _ in range(options.rounds):
        for name, (embeddings, _) in sides.items():
            started = time.perf_counter()
            assert len(embeddings.embed_documents(texts)) == len(texts)
            seconds[name].append(time.perf_counter() - started)
    base = statistics.median(seconds["GoogleGenerativeAIEmbeddings"])
    rows = [
        {
            "side": name,
            "median s": round(statistics.median(seconds[name]), 2),
            "limit s": round(limit, 2),
            "of its limit": round(statistics.median(seconds[name]) / limit, 2),
            "times faster": round(base / statistics.median(seconds[name]), 2),
        }
        for name, (_, limit) in sides.items()
    ]
    print_table(f"{len(texts)} texts, {options.latency} s a request, {options.dimension} dimensions", rows)
    write_result("gemini", {"machine": machine(), "options": vars(options), "rows": rows, "seconds": seconds})


def _serve(latency: float, dimension: int) -> None:
    vector = json.dumps({"values": [round(math.sin(place + 1) / 30, 7) for place in range(dimension)]})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def log_message(self, *_arguments: object) -> None:
            """Nothing."""

        def do_POST(self) -> None:
            started = time.monotonic()
            body = self.rfile.read(int(self.headers["content-length"]))
            count = body.count(b'"content"')
            reply = ('{"embeddings":[' + ",".join([vector] * count) + "]}").encode()
            time.sleep(max(0.0, latency - (time.monotonic() - started)))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
