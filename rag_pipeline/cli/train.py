"""``train``: a local model trained further on the user's own questions, and whether it helped."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import make_console, note, print_json, result

if TYPE_CHECKING:
    from rag_pipeline.training.progress import Progress
    from rag_pipeline.training.report import TrainingReport


def command(
    questions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSONL with question and relevant, or BEIR folder, as for compare."),
    ] = None,
    collection: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose passages answer.  [default: default_collection]")
    ] = None,
    embedding: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The embedding to train.  [default: the one the collection was made with]"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="The model.  [default: models/COLLECTION]")
    ] = None,
    from_documents: Annotated[
        bool, typer.Option("--from-documents", help="Train on headings and their sections; questions only judge.")
    ] = False,
    keep: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the questions held back to judge, from 300 questions on.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the split and of the training.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be trained and judged.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Train a collection's local model further on your own questions, and see whether it helped.

    The verdict is about questions whose passages the model was not trained on. Exit code 1 says that no gain can be
    shown; the folder is then named so. Cut off, the same command goes on where it was. Needs the extra train.
    """
    from rag_pipeline.config import load_settings
    from rag_pipeline.evaluation.questions import load_questions
    from rag_pipeline.training import TrainingOptions, train
    from rag_pipeline.training.run import preview

    settings = load_settings(config)
    options = TrainingOptions(keep, seed, from_documents)
    asked = load_questions(questions) if questions is not None else None
    name = collection or settings.default_collection
    place = output if output is not None else settings.resolve_path(Path("models") / name)
    if dry_run:
        plan = preview(settings, asked, output=place, collection=name, embedding=embedding, options=options)
        if as_json:
            print_json(plan.as_dict())
        else:
            for line in plan.lines():
                result(line)
        return 0
    progress = _make_progress()
    report = train(
        settings, asked, output=place, collection=name, embedding=embedding, options=options, on_progress=progress
    )
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report, place.name)
    return 0 if report.verdict.helps else 1


def _make_progress() -> Progress:
    from rag_pipeline.training.progress import Progress

    class Shown(Progress):
        """One line that is written over on a terminal; elsewhere a line now and then."""

        _last = 0.0

        def show(self, phase: str, done: int, total: int, said: str) -> None:
            now = time.monotonic()
            on_terminal = sys.stderr.isatty()
            ends = bool(total) and done == total
            if total and not ends and now - self._last < (0.2 if on_terminal else 10):
                return
            self._last = now
            line = phase + (f": {done} of {total}" if total else "") + (f", {said}" if said else "")
            if on_terminal and total:
                sys.stderr.write(f"\r\x1b[K{line}" + ("\n" if ends else ""))
                sys.stderr.flush()
            elif not total or not ends:
                note(line)

    return Shown()


def _show(report: TrainingReport, name: str) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("judged by", "mode", "metric"):
        table.add_column(heading)
    for heading in ("before", "after", "difference (95 % interval)"):
        table.add_column(heading, justify="right", no_wrap=True)
    chosen = report.verdict.chosen
    for where, by_mode in (("questions held back", chosen.held_back), ("other text", chosen.other_text)):
        for mode, metrics in by_mode.items():
            for metric, value in metrics.items():
                table.add_row(where, mode, metric, f"{value.before:.3f}", f"{value.after:.3f}", value.points())
    make_console().print(table)
    result(report.verdict.sentence)
    for said in report.verdict.notes():
        note(said)
    if report.doubtful:
        note(f"{len(report.doubtful)} labels look doubtful, as the model puts another passage far above; among them:")
        for question, _, _ in report.doubtful[:3]:
            note(f"  {question}")
    if not report.verdict.helps:
        note(f"the model is in {report.folder}; it is not recommended")
        return
    result(f"\nmodel: {report.folder} ({chosen.name} weights; the others in {report.other_folder})", lines=True)
    result("to use it, add to config.yaml:\n", lines=True)
    result(report.config_lines(name), lines=True)
    result("then ingest into a second collection, compare, and switch:", lines=True)
    other = f"{report.collection}-{name}" if name != report.collection else f"{name}-trained"
    result(f"  rag-pipeline ingest FOLDER --collection {other} --embedding {name}")
    result(f"  rag-pipeline compare --questions FILE --collections {report.collection},{other}")
    result(f"  rag-pipeline switch {report.collection} --to {other}")
