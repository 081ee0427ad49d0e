"""``compare``: which embedding and which mode finds the right passages."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import human_size, make_console, note, print_json, result

if TYPE_CHECKING:
    from rag_pipeline.evaluation import Comparison
    from rag_pipeline.evaluation.answers import Share

_SHOWN_DIFFERING = 20


def command(
    questions: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="JSONL with question and relevant (source or source#section), or BEIR folder."
        ),
    ],
    collections: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Collections to compare.  [default: default_collection of config.yaml]"),
    ] = None,
    modes: Annotated[str, typer.Option(metavar="A,B,...", help="Retrieval modes to compare.")] = "dense,lexical,hybrid",
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only the questions of this split, such as dev or test.")
    ] = None,
    answers: Annotated[
        bool,
        typer.Option(
            "--answers",
            help="Have the chat model of config.yaml answer each question from what each collection and mode finds, and"
            " count what the check says: one request for each.",
        ),
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with all of it, to be mailed.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a plot: .png or .svg.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Compare collections and retrieval modes on your own questions.

    Ingest the folder once with each embedding (rag-pipeline ingest FOLDER --embedding A --embedding B), then compare.
    The best is marked; an interval that reaches 0 means that the questions cannot tell the two apart.
    """
    from rag_pipeline.config import load_settings
    from rag_pipeline.evaluation import compare, load_questions

    settings = load_settings(config)
    asked = load_questions(questions, split)
    for path, endings in ((report, (".html", ".htm")), (plot, (".png", ".svg"))):
        if path is not None:
            _check_target(path, endings)
    names = _list(collections) or [settings.default_collection]
    with contextlib.ExitStack() as open_models:
        answerer = None
        if answers:
            from rag_pipeline.answering import Answerer

            answerer = open_models.enter_context(contextlib.closing(Answerer.from_settings(settings)))
        comparison = compare(settings, asked, names, _list(modes), _Progress(), answerer)
    if as_json:
        print_json(comparison.as_dict())
    else:
        _show(comparison)
    if plot is not None:
        from rag_pipeline.evaluation.plotting import plot_comparison, save

        save(plot_comparison(comparison), plot)
        note(f"plot: {plot}")
    if report is not None:
        from rag_pipeline.evaluation.pages import comparison_page, write_page

        write_page(comparison_page(comparison), report)
        note(f"report: {report}")
    return 0


def _list(value: str | None) -> list[str]:
    return [part.strip() for part in (value or "").split(",") if part.strip()]


def _check_target(path: Path, endings: tuple[str, ...]) -> None:
    """Before minutes of asking, not after them."""
    from rag_pipeline.errors import UsageError

    if path.suffix.lower() not in endings:
        raise UsageError(f"{path} must end in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise UsageError(f"folder {path.parent} not found")


class _Progress:
    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, name: str, done: int, count: int) -> None:
        now = time.monotonic()
        if done == count or now - self._last > (0.2 if sys.stderr.isatty() else 10):
            self._last = now
            if sys.stderr.isatty():
                sys.stderr.write(f"\r\x1b[K{name}: {done} of {count} questions" + ("\n" if done == count else ""))
                sys.stderr.flush()
            elif done < count:
                note(f"{name}: {done} of {count} questions")


def _show_costs(comparison: Comparison) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("collection", "mode", "model"):
        table.add_column(heading, overflow="fold")
    for heading in ("query p50", "p95", "chunks", "index", "cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in comparison.contestants:
        table.add_row(
            one.collection,
            one.mode,
            one.model,
            f"{one.percentile(50):.1f} ms",
            f"{one.percentile(95):.1f} ms",
            f"{one.chunks:,}",
            human_size(one.index_bytes),
            "?" if one.cost is None else f"{one.cost:.4g}",
        )
    make_console().print(table)


def _show_answers(comparison: Comparison) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    scores = [(one.name, one.answers) for one in comparison.contestants if one.answers is not None]
    title = f"answers by {scores[0][1].model}, by the check of answers"
    table = Table(box=box.SIMPLE_HEAD, title=Text(title), title_justify="left")
    table.add_column("collection and mode", overflow="fold")
    for heading in ("grounded", "cites the right passage", "declines, found", "declines, no answer", "failed"):
        table.add_column(heading, justify="right")
    for name, one in scores:
        shares = (one.grounded, one.right_passage, one.declined_though_found, one.declined, one.failed)
        table.add_row(name, *(_share(share) for share in shares))
    make_console().print(table)
    for name, one in scores:
        if one.failure:
            note(f"{name}: {one.failed.count} failed, the first since: {one.failure}")


def _share(share: Share) -> str:
    if not share.total:
        return "–"
    low, high = share.interval
    return f"{share.count} of {share.total} ({low:.2f} to {high:.2f})"


def _show(comparison: Comparison) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from rag_pipeline.evaluation.scoring import METRICS

    answerable = sum(question.answerable for question in comparison.questions)
    console = make_console()
    table = Table(
        box=box.SIMPLE_HEAD,
        title=Text(f"{len(comparison.questions)} questions, {answerable} of which the documents answer"),
        title_justify="left",
    )
    table.add_column("collection", overflow="fold")
    table.add_column("mode")
    for heading in (*METRICS, "behind the best"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in comparison.contestants:
        best = one is comparison.best
        mean, low, high = comparison.behind(one)
        table.add_row(
            one.collection,
            one.mode,
            *(f"{one.mean(metric):.3f}" for metric in METRICS),
            "best" if best else f"{mean:.3f} ({low:.3f} to {high:.3f})",
            style="bold green" if best else "",
        )
    console.print(table)
    _show_costs(comparison)
    if len(comparison.languages) > 1:
        table = Table(box=box.SIMPLE_HEAD, title=Text("by language of the question"), title_justify="left")
        table.add_column("collection and mode", overflow="fold")
        for language, ids in comparison.languages.items():
            table.add_column(f"{language} ({len(ids)}): hit@1", justify="right")
            table.add_column("nDCG@10", justify="right")
        for one in comparison.contestants:
            values = [f"{one.mean(m, ids):.3f}" for ids in comparison.languages.values() for m in ("hit@1", "nDCG@10")]
            table.add_row(one.name, *values)
        console.print(table)
    for one in comparison.contestants:
        if one.separation is not None:
            value = "confidence" if one.has_confidence else "best score"
            result(
                f"{one.name}: a question with an answer has the higher {value} than one without in"
                f" {one.separation:.0%} of pairs"
            )
    if any(one.answers is not None for one in comparison.contestants):
        _show_answers(comparison)
    differing = comparison.differing()
    if differing:
        result(f"\n{len(differing)} questions that some get right at rank 1 and others not:", lines=True)
    for question, right in differing[:_SHOWN_DIFFERING]:
        result(f"  {question.text}")
        result(f"    right: {', '.join(name for name, is_right in right.items() if is_right)}")
    if len(differing) > _SHOWN_DIFFERING:
        result(f"  and {len(differing) - _SHOWN_DIFFERING} more: see --report or --json")
