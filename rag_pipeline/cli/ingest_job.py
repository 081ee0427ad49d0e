"""What ``ingest`` does with its targets, once or each time a folder changes, and how it shows them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from rag_pipeline.cli.error_texts import translated
from rag_pipeline.cli.output import note, padded, print_error, print_json, print_warning, result
from rag_pipeline.cli.progress import show_progress
from rag_pipeline.errors import RagPipelineError
from rag_pipeline.messages import N_, _, ngettext

if TYPE_CHECKING:
    from rag_pipeline.config import Settings
    from rag_pipeline.ingestion import IngestReport
    from rag_pipeline.ingestion.targets import IngestTarget

_ACTIONS = {"add": N_("add"), "update": N_("update"), "rename": N_("rename"), "remove": N_("remove")}


class IngestJob:
    """What to do with each target, and how to show it.

    Args:
        settings: the configuration.
        rebuild: recreate collections.
        delete: remove what was deleted.
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
                print_error(f"{target.collection}: {translated(str(error))}")
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
        from rag_pipeline.ingestion.dry_run import dry_run
        from rag_pipeline.ingestion.run import ingest

        if self._dry_run:
            return dry_run(self.settings, target, rebuild=self._rebuild, delete=self._delete)
        report = IngestReport(target.collection, target.embedding or "")
        try:
            with show_progress(target.collection, quiet=self._as_json) as on_progress:
                ingest(
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
                note(_("stopped after {count} chunks, which are kept").format(count=report.chunks_written))
            raise
        return report

    def _confirm(self, removed: int, known: int) -> bool:
        if self._yes:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        return typer.confirm(
            _("{removed} of {known} documents are no longer in the folder. Remove them?").format(
                removed=removed, known=known
            ),
            err=True,
        )

    def _show(self, reports: list[IngestReport]) -> None:
        for report in reports:
            show_warnings(report)
            if self._as_json:
                print_json(report.as_dict())
                continue
            for change in report.plan:
                was = "  " + _("(was {name})").format(name=change.earlier) if change.earlier else ""
                result(f"{padded(_(_ACTIONS[change.action]), 7)} {change.source}{was}")
            result(report.summary())
            if report.chunks_written and report.collection != self.settings.default_collection and sys.stderr.isatty():
                note(_("ask it:") + f' rag-pipeline query "..." --collection {report.collection}')


def show_warnings(report: IngestReport) -> None:
    """What went wrong with single files, and what was passed over."""
    for suffix, count in sorted(report.skipped.items()):
        said = ngettext(
            "{count} file passed over: no reader for {suffix}",
            "{count} files passed over: no reader for {suffix}",
            count,
        )
        print_warning(said.format(count=count, suffix=suffix))
    for folder in report.gone_folders:
        print_warning(
            _(
                "collection {collection} still holds documents of {folder}, which is no longer there;"
                " --rebuild recreates it from the folders you name"
            ).format(collection=report.collection, folder=folder)
        )
    for warning in report.warnings:
        print_warning(f"{warning.source}: {translated(warning.text)}")
    for failure in report.failures:
        print_warning(f"{failure.source}: {translated(failure.reason)}")
