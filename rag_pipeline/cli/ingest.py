"""``ingest``: bring folders of documents into collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.errors import UsageError
from rag_pipeline.locations import as_folder

if TYPE_CHECKING:
    pass


def command(
    folders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folders of documents: paths, or URLs such as s3://bucket/docs.  [default: the collection's own in"
            " config.yaml]",
        ),
    ] = None,
    collections: Annotated[
        list[str] | None,
        typer.Option(
            "--collection",
            metavar="NAME",
            help="Collection to bring them into; may be given several times.  [default: those of config.yaml that have"
            " this folder, or one named after it; without a folder, default_collection]",
        ),
    ] = None,
    embeddings: Annotated[
        list[str] | None,
        typer.Option(
            "--embedding",
            metavar="NAME",
            help="Embedding to use, by its name in config.yaml; given several times, each makes a collection of its"
            " own, NAME-EMBEDDING.  [default: the collection's own]",
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only files that match, as in .gitignore; may be given several times."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="No files that match; may be given several times. See also .ragignore."),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Recreate the collection; the old one stays until the new one is whole."),
    ] = False,
    no_delete: Annotated[
        bool, typer.Option("--no-delete", help="Keep documents that are no longer in the folder.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove more than half of a collection without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and bring in changes as they happen.")] = False,
    engine: Annotated[
        Literal["local", "ray"] | None,
        typer.Option(help="Who reads and embeds: this process, or Ray Data.  [default: engine.kind of config.yaml]"),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Ray cluster to work on, or auto on one of its machines.  [default: a Ray of its own on this machine]",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Models that Ray loads side by side.  [default: engine.workers]"),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Bring folders of documents into a collection.

    Only new and changed files are embedded, and what was removed from a folder is removed from the collection.
    """
    from rag_pipeline.config import load_settings
    from rag_pipeline.ingestion.targets import choose_targets

    settings = load_settings(config).with_engine(kind=engine, address=address, workers=workers)
    if settings.engine.kind != "ray" and (address or workers):
        raise UsageError("--address and --workers go with --engine ray")
    targets = choose_targets(
        settings,
        [as_folder(folder) for folder in folders or []],
        collections or [],
        embeddings or [],
        include or [],
        exclude or [],
    )
    if watch and (dry_run or rebuild):
        raise UsageError("--watch goes with neither --dry-run nor --rebuild")
    from rag_pipeline.cli.ingest_job import IngestJob

    job = IngestJob(settings, rebuild, not no_delete, yes, dry_run, as_json)
    if watch:
        from rag_pipeline.cli.watching import watch_targets

        return watch_targets(job, targets)
    return job.run(targets)
