"""``ingest``: bring folders of documents into a collection."""

from __future__ import annotations

import re
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag_pipeline.cli.options import CollectionOption, ConfigOption, JsonOption
from rag_pipeline.cli.output import make_console, note, print_json, print_warning, result
from rag_pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag_pipeline.config import Settings
    from rag_pipeline.ingestion import IngestReport, Progress
    from rag_pipeline.ingestion.run import IngestTarget


def command(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER", help="Folders of documents.  [default: the collection's own in config.yaml]"),
    ] = None,
    collection: CollectionOption = None,
    embedding: Annotated[
        str | None,
        typer.Option(
            "--embedding",
            metavar="NAME",
            help="Embedding to use, by its name in config.yaml.  [default: the collection's own]",
        ),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Make the collection anew; the old one stays until the new is whole."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Bring folders of documents into a collection.

    Only new and changed files are embedded, and what was removed from a folder is removed from the collection.
    """
    from rag_pipeline.config import load_settings
    from rag_pipeline.ingestion import IngestReport
    from rag_pipeline.ingestion import run as ingestion

    settings = load_settings(config)
    target = choose_target(settings, folders or [], collection, embedding)
    if dry_run:
        report = ingestion.dry_run(settings, target, rebuild=rebuild)
    else:
        report = IngestReport(target.collection, target.embedding)
        try:
            with _progress(as_json) as on_progress:
                ingestion.ingest(settings, target, rebuild=rebuild, report=report, on_progress=on_progress)
        except BaseException:
            if report.chunks_written:
                note(f"stopped after {report.chunks_written} chunks, which are kept")
            raise
    _show(report, as_json, settings)
    return 1 if report.failures else 0


def choose_target(
    settings: Settings, folders: list[Path], collection: str | None, embedding: str | None
) -> IngestTarget:
    """Fill in what the command line leaves open from the configuration.

    Raises:
        UsageError: no folder is named for the collection, or no name can be made for it.
        ConfigurationError: the embedding is unknown.
    """
    from rag_pipeline.ingestion.run import IngestTarget

    if collection is None:
        collection = _collection_for(settings, folders) if folders else settings.default_collection
    _check_name(collection)
    configured = settings.collections.get(collection)
    if not folders:
        if configured is None:
            known = ", ".join(sorted(settings.collections)) or "none"
            raise UsageError(
                f"no folder given, and config.yaml names none for collection {collection!r}"
                f" (collections there: {known}); name a folder: ingest.py FOLDER"
            )
        folders = [settings.resolve_path(configured.folder)]
    name = embedding or (configured.embedding if configured else None) or _embedding_in_store(settings, collection)
    settings.embedding(name)
    return IngestTarget(collection, folders, name)


def _collection_for(settings: Settings, folders: list[Path]) -> str:
    """The configured collection of a folder, or one named after it."""
    first = folders[0].expanduser().resolve()
    for name, configured in settings.collections.items():
        if settings.resolve_path(configured.folder).resolve() == first:
            return name
    return first.name


def _check_name(name: str) -> None:
    from rag_pipeline.config import COLLECTION_NAME
    from rag_pipeline.store.store import RETIRED, STAGING

    if not re.match(COLLECTION_NAME, name) or name.endswith((STAGING, RETIRED)):
        raise UsageError(
            f"{name!r} cannot name a collection (3 to 492 of a-z, A-Z, 0-9, '.', '_', '-', beginning and ending"
            " in a letter or digit); choose a name with --collection"
        )


def _embedding_in_store(settings: Settings, collection: str) -> str:
    """A collection that is not in the configuration goes on with the embedding it was made with."""
    from rag_pipeline.assembly import open_store

    store = open_store(settings)
    try:
        stored = store.get(collection).embedding if collection in store.names() else None
    finally:
        store.close()
    return stored or "bundled"


def _show(report: IngestReport, as_json: bool, settings: Settings) -> None:
    for suffix, count in sorted(report.skipped.items()):
        print_warning(f"{count} file{'s' if count > 1 else ''} passed over: no reader for {suffix}")
    for folder in report.gone_folders:
        print_warning(
            f"collection {report.collection} still holds documents of {folder}, which is no longer there;"
            " --rebuild makes it anew from the folders you name"
        )
    for failure in report.failures:
        print_warning(f"{failure.source}: {failure.reason}")
    if as_json:
        print_json(report.as_dict())
        return
    result(report.summary())
    if report.chunks_written and report.collection != settings.default_collection and sys.stderr.isatty():
        note(f'Ask it: python query.py "…" --collection {report.collection}')


def _progress(quiet: bool) -> AbstractContextManager[Callable[[Progress], None] | None]:
    """A bar on a terminal, and nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        return nullcontext(None)
    return _Bar()


class _Bar(AbstractContextManager[Any]):
    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("files  {task.fields[rate]}"),
            TimeElapsedColumn(),
            console=make_console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("ingesting", total=None, rate="")

    def __enter__(self) -> Callable[[Progress], None]:
        self._bar.start()
        return self._update

    def __exit__(self, *_exception: object) -> None:
        self._bar.stop()

    def _update(self, progress: Progress) -> None:
        rate = progress.tokens / progress.embedding_seconds if progress.embedding_seconds else 0
        self._bar.update(self._task, total=progress.files, completed=progress.files_done, rate=f"{rate:,.0f} tokens/s")
