"""``query``: ask a collection."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rag_pipeline.cli.options import CollectionOption, ConfigOption, JsonOption
from rag_pipeline.cli.output import make_console, note, print_error, print_json
from rag_pipeline.errors import RagPipelineError, UsageError

if TYPE_CHECKING:
    from rag_pipeline.retrieval import Passage, Searcher


def command(
    question: Annotated[
        str | None,
        typer.Argument(
            metavar="QUESTION", help="The question.  [default: standard input if piped, else a prompt on the terminal]"
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option("-k", "--top-k", metavar="N", help="How many passages.  [default: retrieval.top_k]"),
    ] = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Show the passages that best fit a question.

    They are ranked by the inner product of question and passage, highest first.
    """
    from rag_pipeline.config import load_settings

    if question is None and not sys.stdin.isatty():
        question = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    if question is not None:
        # Before anything is loaded: an empty question is refused at once.
        from rag_pipeline.retrieval.questions import check_question

        question = check_question(question)
    if top_k is not None and top_k < 1:
        raise UsageError(f"-k must be 1 or more, found {top_k}")
    settings = load_settings(config)
    from rag_pipeline.retrieval import open_searcher

    searcher = open_searcher(settings, collection)
    k = top_k or settings.retrieval.top_k
    if question is None:
        return _interact(searcher, k, as_json)
    _answer(searcher, question, k, as_json)
    return 0


def _answer(searcher: Searcher, question: str, k: int, as_json: bool) -> None:
    passages = searcher.search(question, k)
    if as_json:
        print_json(
            {
                "question": question,
                "collection": searcher.collection,
                "mode": searcher.mode,
                "passages": [passage.as_dict() for passage in passages],
                "answer": None,
            }
        )
    else:
        show_passages(question, passages)


def show_passages(question: str, passages: list[Passage]) -> None:
    """Print passages as a table: rank, score, and title, section, source and text."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = make_console()
    table = Table(
        box=box.SIMPLE_HEAD,
        show_lines=False,
        title=Text(question),
        title_justify="left",
        title_style="bold",
        expand=True,
    )
    table.add_column("#", justify="right", width=3)
    table.add_column("score", justify="right", width=7)
    table.add_column("passage", ratio=1)
    for position, passage in enumerate(passages):
        place = Text(passage.title or passage.source, style="bold")
        if passage.section:
            place.append(f" › {passage.section}", style="cyan")
        text = Text.assemble(place, "\n", (passage.source, "dim"), "\n", passage.body)
        if position + 1 < len(passages):
            text.append("\n")
        table.add_row(str(passage.rank), f"{passage.score:.4f}", text)
    console.print(table)


def _interact(searcher: Searcher, k: int, as_json: bool) -> int:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # line editing and history in input()
    note(f"Asking collection {searcher.collection}. An empty line ends.")
    while True:
        try:
            question = input("question> ")
        except EOFError:
            note("")
            return 0
        if not question.strip():
            return 0
        try:
            _answer(searcher, question, k, as_json)
        except RagPipelineError as error:
            print_error(str(error))
