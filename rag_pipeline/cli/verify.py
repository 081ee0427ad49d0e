"""``verify``: whether collections are whole, and mending them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from rag_pipeline.cli.options import CollectionOption, ConfigOption, JsonOption
from rag_pipeline.cli.output import print_json, result

if TYPE_CHECKING:
    from rag_pipeline.store import Store
    from rag_pipeline.store.checking import Check


def command(
    collection: CollectionOption = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Remove what is broken, so that the next ingest makes it anew; rebuild the index."
        ),
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Check that collections are whole.

    Looks for half-written files, chunks stored twice or by something else, vectors that are broken or not of length
    one; compares the index with the exact ranking on a sample, and the lexical index with the chunks. With something
    off, the exit code is 1.
    """
    from rag_pipeline.assembly import open_store
    from rag_pipeline.config import load_settings
    from rag_pipeline.store.checking import check_collection

    store = open_store(load_settings(config))
    try:
        # What is mended must not be what an ingest is completing meanwhile.
        with store.writer() if repair and store.exists else contextlib.nullcontext():
            names = [collection] if collection else store.own_names()
            checks = {name: check_collection(store.get(name)) for name in names}
            off = {name: check for name, check in checks.items() if check.findings}
            mended = {name: _repair(store, name, check) for name, check in off.items()} if repair else {}
    finally:
        store.close()
    if as_json:
        print_json(
            {
                name: {
                    "chunks": check.chunks,
                    "of_no_file": check.foreign,
                    "recall": check.recall,
                    "findings": [finding.as_dict() for finding in check.findings],
                    "repaired": mended.get(name, []),
                }
                for name, check in checks.items()
            }
        )
    else:
        _show(checks, mended)
    return 1 if off else 0


def _repair(store: Store, name: str, check: Check) -> list[str]:
    """Mend one collection and say what was done."""
    done = []
    opened = store.get(name)
    ids = sorted({chunk_id for finding in check.findings for chunk_id in finding.ids})
    with opened.indexing():  # which brings the lexical index in step
        if ids:
            opened.delete(ids)
            done.append(f"removed {len(ids)} chunks; ingest its folder again to make them anew")
    if any(finding.kind == "lexical" for finding in check.findings):
        done.append("brought the lexical index in step with the chunks")
    fingerprint, embedding = opened.fingerprint, opened.embedding
    if any(finding.kind == "index" for finding in check.findings) and fingerprint and embedding:
        fresh = store.staging(name, fingerprint, embedding, anew=True)
        opened.copy_into(fresh)
        with fresh.indexing():
            pass
        store.replace(name, fresh)
        done.append("built the index anew from the stored vectors")
    return done


def _show(checks: dict[str, Check], mended: dict[str, list[str]]) -> None:
    if not checks:
        result("no collection yet")
    for name, check in checks.items():
        recall = "" if check.recall is None else f"; the index finds {check.recall:.1%} of the nearest 10"
        state = "whole" if not check.findings else f"{len(check.findings)} findings"
        foreign = f", {check.foreign} of them of no file" if check.foreign else ""
        result(f"{name}: {state}; {check.chunks} chunks{foreign}{recall}")
        for finding in check.findings:
            result(f"  {finding.kind}: {finding.detail}")
        for line in mended.get(name, []):
            result(f"  repaired: {line}")
