"""``check-reading``: whether every letter of a folder's files is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import note, print_json, print_warning, result

if TYPE_CHECKING:
    from rag_pipeline.documents.conservation import FileCheck

# Share of a file's letters that may be missing without its being named.
_TOLERATED = 0.005
_STRINGS_SHOWN = 5
_LONGEST_SHOWN = 100


def command(
    folders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER", help="Folders to read: paths or URLs.  [default: those of config.yaml's collections]"
        ),
    ] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Name every file, not only those that lose text.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Check that every letter of the files is read.

    Each file is read as an ingest reads it, and its letters and digits are compared with a plain walk of the file's own
    parts, less what is left out on purpose. Named are files that lose more than 0.5 %, with what they lose. Nothing is
    embedded or stored. With a file that loses so much, or cannot be read, the exit code is 1.
    """
    from rag_pipeline.config import load_settings
    from rag_pipeline.errors import UsageError
    from rag_pipeline.ingestion.reading_check import check_reading
    from rag_pipeline.locations import as_folder

    settings = load_settings(config)
    configured = [settings.resolve_folder(name) for entry in settings.collections.values() for name in entry.folder]
    named = [as_folder(name) for name in folders or []] or list(dict.fromkeys(configured))
    if not named:
        raise UsageError("no folder is named, and config.yaml names none")
    checks: dict[str, FileCheck] = {}
    failures: dict[str, str] = {}
    unchecked: list[str] = []
    for source, found in check_reading(settings, named):
        if isinstance(found, str):
            failures[source] = found
        elif found is None:
            unchecked.append(source)
        else:
            checks[source] = found
            if not as_json:
                _show(source, found, show_all)
    if as_json:
        listed = {source: check.as_dict() for source, check in checks.items()}
        print_json({"files": listed, "failures": failures, "not_checked": unchecked})
    else:
        for source, reason in failures.items():
            print_warning(f"{source}: {reason}")
        _summarize(checks, failures, unchecked)
    return 1 if failures or any(_loses(check) for check in checks.values()) else 0


def _loses(check: FileCheck) -> bool:
    return check.kept < 1 - _TOLERATED


def _show(source: str, check: FileCheck, show_all: bool) -> None:
    if not (_loses(check) or check.doubled or show_all):
        return
    result(f"{source}: {check.kept:.2%} of {check.letters:,} letters")
    for kind, strings in (("missing", check.missing if _loses(check) else ()), ("twice", check.doubled)):
        for string in strings[:_STRINGS_SHOWN]:
            shown = string if len(string) <= _LONGEST_SHOWN else string[:_LONGEST_SHOWN] + " …"
            result(f"  {kind}: {shown}")
        if len(strings) > _STRINGS_SHOWN:
            result(f"  {kind}: {len(strings) - _STRINGS_SHOWN} more")


def _summarize(checks: dict[str, FileCheck], failures: dict[str, str], unchecked: list[str]) -> None:
    letters = sum(check.letters for check in checks.values())
    kept = sum(check.letters * check.kept for check in checks.values())
    share = f", {kept / letters:.3%} of their letters read" if letters else ""
    losing = sum(_loses(check) for check in checks.values())
    result(f"{len(checks)} files checked{share}; {losing} lose more than {_TOLERATED:.1%}; {len(failures)} unreadable")
    if unchecked:
        kinds = ", ".join(sorted({Path(source).suffix.lower() for source in unchecked}))
        note(f"{len(unchecked)} files of formats that have nothing to compare with: {kinds}")
