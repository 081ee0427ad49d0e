"""``status``: what the store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import human_size, make_console, note, print_json, print_warning, result
from rag_pipeline.cli.serve import find_server

if TYPE_CHECKING:
    from rag_pipeline.store.overview import Overview


def command(as_json: JsonOption = False, config: ConfigOption = None) -> int:
    """List the collections of the store.

    For each: embedding, model, dimension, documents, chunks, and the size of its index on disk.
    """
    from rag_pipeline.assembly import open_store
    from rag_pipeline.config import load_settings

    settings = load_settings(config)
    store = open_store(settings)
    try:
        overviews, others = store.overviews()
        rows = [_row(overview) for overview in overviews]
        damages = [str(row[kind]) for row in rows for kind in ("damage", "lexical_damage") if row[kind]]
        total = store.disk_size() if store.exists else 0
    finally:
        store.close()
    running = find_server(settings)
    for damage in damages:
        print_warning(damage)
    if as_json:
        server = None if running is None else {"url": running.url, "pid": running.pid, "ready": running.ready}
        print_json({"store": store.address, "bytes": total, "collections": rows, "others": others, "server": server})
        return 0
    if others:
        note(f"collections of something else, of another space than inner product: {', '.join(others)}; see adopt")
    if running is not None:
        how = "answers" if running.ready else "is getting ready"
        other = "" if running.fits else ", started with other code or another configuration: query does without it"
        note(f"a server {how} at {running.url} (process {running.pid}){other}")
    if not rows:
        result(f"{store.address}: no collection yet; run rag-pipeline ingest first")
        return 0
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("collection", "embedding", "model"):
        table.add_column(heading, overflow="fold")
    for heading in ("dimension", "documents", "chunks", "lexical", "index"):
        table.add_column(heading, justify="right")
    for row in rows:
        index = row["index_bytes"]
        table.add_row(
            str(row["collection"]),
            str(row["embedding"] or "?"),
            str(row["model"] or "?"),
            str(row["dimension"] or "?"),
            f"{row['documents']:,}",
            f"{row['chunks']:,}",
            _lexical(row),
            human_size(index if isinstance(index, int) else None),
        )
    make_console().print(table)
    glosses = sum(overview.glosses for overview in overviews)
    if glosses:
        result(f"{glosses:,} terms are explained by another in brackets; questions find both")
    if total is None:
        result(f"{store.address}: {len(rows)} collection{'s' if len(rows) > 1 else ''}")
    else:
        result(f"{store.address}: {human_size(total)} on disk in all")
    return 0


def _row(overview: Overview) -> dict[str, object]:
    """One collection in plain values."""
    fingerprint = overview.fingerprint
    return {
        "collection": overview.name,
        "embedding": overview.embedding,
        "model": fingerprint.values.get("model") if fingerprint else None,
        "dimension": fingerprint.dimension if fingerprint else None,
        "documents": overview.documents,
        "chunks": overview.chunks,
        "lexical_chunks": overview.lexical_chunks,
        "glosses": overview.glosses,
        "index_bytes": overview.index_bytes,
        "damage": overview.damage,
        "lexical_damage": overview.lexical_damage,
    }


def _lexical(row: dict[str, object]) -> str:
    """Whether the lexical index is in step, by its number of chunks."""
    if row["lexical_chunks"] == row["chunks"]:
        return "in step"
    if row["lexical_damage"]:
        return "damaged"
    return f"{row['lexical_chunks']:,}" if row["lexical_chunks"] else "none yet"
