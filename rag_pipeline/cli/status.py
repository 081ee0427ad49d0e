"""``status``: what the store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import human_size, make_console, note, print_json, print_warning, result
from rag_pipeline.cli.serve import find_server
from rag_pipeline.messages import N_, _, ngettext

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
        said = _("collections of something else, of another space than inner product: {names}; see adopt")
        note(said.format(names=", ".join(others)))
    if running is not None:
        said = (
            _("a server answers at {url} (process {pid})")
            if running.ready
            else _("a server is getting ready at {url} (process {pid})")
        ).format(url=running.url, pid=running.pid)
        other = "" if running.fits else _(", started with other code or another configuration: query does without it")
        note(said + other)
    if not rows:
        result(_("{store}: no collection yet; run rag-pipeline ingest first").format(store=store.address))
        return 0
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in (N_("collection"), N_("embedding"), N_("model")):
        table.add_column(_(heading), overflow="fold")
    for heading in (N_("dimension"), N_("documents"), N_("chunks"), N_("lexical"), N_("index")):
        table.add_column(_(heading), justify="right")
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
        said = _("{count:,} terms are explained by another in brackets; questions find both")
        result(said.format(count=glosses))
    if total is None:
        said = ngettext("{store}: {count} collection", "{store}: {count} collections", len(rows))
        result(said.format(store=store.address, count=len(rows)))
    else:
        result(_("{store}: {size} on disk in all").format(store=store.address, size=human_size(total)))
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
        return _("in step")
    if row["lexical_damage"]:
        return _("damaged")
    return f"{row['lexical_chunks']:,}" if row["lexical_chunks"] else _("none yet")
