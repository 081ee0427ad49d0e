"""The lexical index beside SQLite's FTS5, both holding the same terms of as many chunks as wanted.

Chunks are made of the analysed sentences of the passages, recombined, 3 to 15 of them, so vocabulary and
frequencies are real. The first query runs in a process of its own and includes opening the index, the import of its
engine and the loading of the analyser: what a command line pays beyond the model. Warm queries are those of one
process. FTS5 gets the same terms, its own bm25() with the same weights, and a table of ids.

    python benchmarks/lexical_index.py [--chunks 200000] [--korquad FILE]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.common import korean_passages, machine, print_table, write_result
from rag_pipeline.lexical import Terms, analyze
from rag_pipeline.lexical.index import LexicalIndex

_WARM = 200
_TOP = 200
_REMOVED = 1000
QUESTIONS = [
    "최대 흘수가 12.04 m인 컨테이너선은 무엇인가?",
    "Which container ship has a maximum draft of 12.04 m?",
    "파나마 운하는 언제 개통되었나?",
    "석탄과 곡물을 나르는 배는?",
]


def main() -> None:
    """Build both, then ask both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=200_000)
    parser.add_argument("--korquad", type=Path)
    parser.add_argument("--first-query", nargs=2, metavar=("ENGINE", "PLACE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first_query:
        _first_query(*options.first_query)
        return
    sentences = analyze([s for text in korean_passages(options.korquad) for s in text.split(". ") if s])
    with tempfile.TemporaryDirectory() as place:
        engines = {"tantivy": (Path(place) / "tantivy", _build_tantivy), "FTS5": (Path(place) / "fts.db", _build_fts5)}
        rows = []
        for name, (path, build) in engines.items():
            started = time.perf_counter()
            build(path, _chunks(sentences, options.chunks))
            building = time.perf_counter() - started
            size = sum(file.stat().st_size for file in path.parent.rglob("*") if path in (file, *file.parents))
            command = [sys.executable, __file__, "--first-query", name, str(path)]
            first = [json.loads(subprocess.check_output(command)) for _ in range(3)]
            ask = _asker(name, path)
            warm = []
            for number in range(_WARM):
                terms = analyze([QUESTIONS[number % len(QUESTIONS)] + f" {number}"])[0]
                started = time.perf_counter()
                ask(terms)
                warm.append(time.perf_counter() - started)
            started = time.perf_counter()
            _remove(name, path)
            rows.append(
                {
                    "engine": name,
                    "build s": building,
                    "MB": size / 1e6,
                    "first query s": statistics.median(first),
                    "warm p50 ms": statistics.median(warm) * 1000,
                    "warm p95 ms": float(np.percentile(warm, 95)) * 1000,
                    f"remove {_REMOVED:,} s": time.perf_counter() - started,
                }
            )
    print_table(f"{options.chunks:,} chunks", rows)
    write_result("lexical_index", {"machine": machine(), "chunks": options.chunks, "rows": rows})


def _chunks(sentences: list[Terms], count: int) -> Iterator[tuple[str, Terms]]:
    generator = np.random.default_rng(0)
    for number in range(count):
        chosen = [sentences[int(i)] for i in generator.integers(0, len(sentences), generator.integers(3, 16))]
        words, compounds, pairs = (
            [term for one in chosen for term in getattr(one, kind)] for kind in ("words", "compounds", "pairs")
        )
        yield f"{number:032x}", Terms(words, compounds, pairs)


def _build_tantivy(path: Path, chunks: Iterator[tuple[str, Terms]]) -> None:
    with LexicalIndex(path).writer() as writer:
        for chunk_id, terms in chunks:
            writer.add_terms({chunk_id: terms})
        writer.commit()


def _build_fts5(path: Path, chunks: Iterator[tuple[str, Terms]]) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE ids (number INTEGER PRIMARY KEY, id TEXT UNIQUE)")
    database.execute(
        "CREATE VIRTUAL TABLE terms USING fts5"
        """(words, compounds, pairs, tokenize = "unicode61 remove_diacritics 0 tokenchars '+_./%@-'")"""
    )
    with database:
        for number, (chunk_id, terms) in enumerate(chunks):
            database.execute("INSERT INTO ids VALUES (?, ?)", (number, chunk_id))
            values = (number, " ".join(terms.words), " ".join(terms.compounds), " ".join(terms.pairs))
            database.execute("INSERT INTO terms (rowid, words, compounds, pairs) VALUES (?, ?, ?, ?)", values)
    database.execute("INSERT INTO terms (terms) VALUES ('optimize')")
    database.commit()
    database.close()


def _asker(engine: str, path: Path) -> Callable[[Terms], list[str]]:
    if engine == "tantivy":
        index = LexicalIndex(path)
        return lambda terms: list(index.search(index.ask(terms), _TOP))
    database = sqlite3.connect(path)

    def ask(terms: Terms) -> list[str]:
        parts = [
            f'{kind} : "{term}"'
            for kind in ("words", "compounds", "pairs")
            for term in dict.fromkeys(getattr(terms, kind))
        ]
        found = database.execute(
            "SELECT id FROM terms JOIN ids ON ids.number = terms.rowid WHERE terms MATCH ?"
            " ORDER BY bm25(terms, 1.0, 0.5, 0.3) LIMIT ?",
            (" OR ".join(parts), _TOP),
        )
        return [str(row[0]) for row in found]

    return ask


def _remove(engine: str, path: Path) -> None:
    ids = [f"{number:032x}" for number in range(0, _REMOVED * 10, 10)]
    if engine == "tantivy":
        with LexicalIndex(path).writer() as writer:
            writer.remove(ids)
            writer.commit()
        return
    database = sqlite3.connect(path)
    with database:
        for chunk_id in ids:
            (number,) = database.execute("SELECT number FROM ids WHERE id = ?", (chunk_id,)).fetchone()
            database.execute("DELETE FROM terms WHERE rowid = ?", (number,))
            database.execute("DELETE FROM ids WHERE number = ?", (number,))
    database.close()


def _first_query(engine: str, path: str) -> None:
    started = time.perf_counter()
    found = _asker(engine, Path(path))(analyze([QUESTIONS[0]])[0])
    assert found
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
