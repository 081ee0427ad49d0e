"""``ingest``: bring folders of documents into collections."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import note, print_error, print_json, print_warning, result
from rag_pipeline.cli.progress import show_progress
from rag_pipeline.errors import RagPipelineError, UsageError
from rag_pipeline.places import as_folder

if TYPE_CHECKING:
    from rag_pipeline.config import Settings
    from rag_pipeline.ingestion import IngestReport
    from rag_pipeline.ingestion.run import IngestTarget


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
        typer.Option("--rebuild", help="Make the collection anew; the old one stays until the new is whole."),
    ] = False,
    no_delete: Annotated[
        bool, typer.Option("--no-delete", help="Keep documents that are gone from the folder.")
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
    job = Job(settings, rebuild, not no_delete, yes, dry_run, as_json)
    if watch:
        from rag_pipeline.cli.watching import watch_targets

        return watch_targets(job, targets)
    return job.run(targets)


class Job:
    """What to do with each target, and how to show it.

    Args:
        settings: the configuration.
        rebuild: make collections anew.
        delete: remove what is gone.
        yes: do not ask before more than half of a collection is removed.
        dry_run: only say what would be done.
        as_json: print JSON.
    """

    def __init__(
        self, settings: Settings, rebuild: bool, delete: bool, yes: bool, dry_run: bool, as_json: bool
    ) -> None:
        self.settings = settings
        self._rebuild = rebuild
        self._delete = delete
        self._yes = yes
        self._dry_run = dry_run
        self._as_json = as_json

    def run(self, targets: list[IngestTarget]) -> int:
        """Bring in all targets; one that fails does not keep the others back."""
        if len(targets) == 1:
            report = self.ingest(targets[0])
            self._show([report])
            return 1 if report.failures else 0
        reports, worst = [], 0
        for target in targets:
            try:
                report = self.ingest(target)
            except RagPipelineError as error:
                print_error(f"{target.collection}: {error}")
                worst = max(worst, error.exit_code)
            else:
                reports.append(report)
                worst = max(worst, 1 if report.failures else 0)
                if not self._as_json:
                    self._show([report])
        if self._as_json:
            print_json({"collections": [report.as_dict() for report in reports]})
        return worst

    def ingest(self, target: IngestTarget) -> IngestReport:
        """Bring in one target and return what was done."""
        from rag_pipeline.ingestion import IngestReport
        from rag_pipeline.ingestion import run as ingestion

        if self._dry_run:
            return ingestion.dry_run(self.settings, target, rebuild=self._rebuild, delete=self._delete)
        report = IngestReport(target.collection, target.embedding)
        try:
            with show_progress(target.collection, quiet=self._as_json) as on_progress:
                ingestion.ingest(
                    self.settings,
                    target,
                    rebuild=self._rebuild,
                    delete=self._delete,
                    confirm_removal=self._confirm,
                    report=report,
                    on_progress=on_progress,
                )
        except BaseException:
            if report.chunks_written:
                note(f"stopped after {report.chunks_written} chunks, which are kept")
            raise
        return report

    def _confirm(self, removed: int, known: int) -> bool:
        if self._yes:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        return typer.confirm(f"{removed} of {known} documents are gone from the folder. Remove them?", err=True)

    def _show(self, reports: list[IngestReport]) -> None:
        for report in reports:
            show_warnings(report)
            if self._as_json:
                print_json(report.as_dict())
                continue
            for change in report.plan:
                result(f"{change.action:7} {change.source}" + (f"  (was {change.earlier})" if change.earlier else ""))
            result(report.summary())
            if report.chunks_written and report.collection != self.settings.default_collection and sys.stderr.isatty():
                note(f'ask it: query.py "..." --collection {report.collection}')


def show_warnings(report: IngestReport) -> None:
    """What went wrong with single files, and what was passed over."""
    for suffix, count in sorted(report.skipped.items()):
        print_warning(f"{count} file{'s' if count > 1 else ''} passed over: no reader for {suffix}")
    for folder in report.gone_folders:
        print_warning(
            f"collection {report.collection} still holds documents of {folder}, which is no longer there;"
            " --rebuild makes it anew from the folders you name"
        )
    for failure in report.failures:
        print_warning(f"{failure.source}: {failure.reason}")
