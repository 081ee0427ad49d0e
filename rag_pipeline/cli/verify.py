"""``verify``: whether collections are whole, and mending them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rag_pipeline.cli.options import CollectionOption, ConfigOption, JsonOption
from rag_pipeline.cli.output import print_json, print_warning, result
from rag_pipeline.messages import _

if TYPE_CHECKING:
    from rag_pipeline.store.checking import Check


def command(
    collection: CollectionOption = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Remove what is broken, so that the next ingest recreates it; rebuild the index."
        ),
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Check that collections are whole.

    Looks for half-written files, chunks stored twice or by something else, vectors that are broken or not of length
    one; compares the index with the exact ranking on a sample, and the lexical index with the chunks. With something
    off, the exit code is 1. While someone writes, what may be on its way is told, and is not counted as off.
    """
    from rag_pipeline.assembly import open_store
    from rag_pipeline.config import load_settings
    from rag_pipeline.store.repair import verify_collections

    store = open_store(load_settings(config))
    try:
        checks = verify_collections(store, [collection] if collection else None, repair=repair)
    finally:
        store.close()
    if any(check.being_written for check in checks.values()):
        print_warning(
            _("someone is writing to the store: what is not whole yet may be on its way; verify again when it is done")
        )
    if as_json:
        print_json(
            {
                name: {
                    "chunks": check.chunks,
                    "of_no_file": check.foreign,
                    "recall": check.recall,
                    "findings": [finding.as_dict() for finding in check.findings],
                    "being_written": check.being_written,
                    "unsettled": [finding.as_dict() for finding in check.unsettled],
                    "repaired": check.repaired,
                }
                for name, check in checks.items()
            }
        )
    else:
        _show(checks)
    return 1 if any(check.findings for check in checks.values()) else 0


def _show(checks: dict[str, Check]) -> None:
    if not checks:
        result(_("no collection yet"))
    for name, check in checks.items():
        said = f"{name}: {_state(check)}; " + _("{count} chunks").format(count=check.chunks)
        if check.foreign:
            said += _(", {count} of them of no file").format(count=check.foreign)
        if check.recall is not None:
            said += _("; the index finds {share:.1%} of the nearest 10").format(share=check.recall)
        result(said)
        for finding in check.findings:
            result(f"  {finding.kind}: {finding.detail}")
        for finding in check.unsettled:
            result("  " + _("not whole yet: {detail}").format(detail=finding.detail))
        for line in check.repaired:
            result("  " + _("repaired: {detail}").format(detail=line))


def _state(check: Check) -> str:
    if check.findings:
        return _("{count} findings").format(count=len(check.findings))
    return _("being written") if check.unsettled else _("whole")
