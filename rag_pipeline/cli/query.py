"""``query``: ask a collection."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from rag_pipeline.cli.answers import report_trouble, show_answer_text, show_sources
from rag_pipeline.cli.options import CollectionOption, ConfigOption, JsonOption
from rag_pipeline.cli.output import make_console, note, print_error, print_json
from rag_pipeline.errors import RagPipelineError, UsageError

if TYPE_CHECKING:
    from rag_pipeline.answering import Answer
    from rag_pipeline.config import Settings
    from rag_pipeline.retrieval import Passage, Searcher
    from rag_pipeline.store.filters import Where


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
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Only passages whose metadata fit: type=bulk, type=bulk,container, year>=2020, type!=bulk; given"
            " several times, all must hold.",
        ),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare with every passage rather than ask the index.")
    ] = False,
    answer: Annotated[
        bool, typer.Option("--answer", help="Let the chat model of config.yaml answer from the passages.")
    ] = False,
    stream: Annotated[
        bool, typer.Option("--stream/--no-stream", help="Show the answer as it comes, or when it is whole.")
    ] = True,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Show the passages that best fit a question, and answer it if wanted.

    They are ranked by the inner product of question and passage, highest first. An answer cites them by their
    numbers, and is checked against them.
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
    from rag_pipeline.store.filters import parse_conditions

    condition = parse_conditions(where or [])
    searcher = open_searcher(settings, collection)
    k = top_k or settings.retrieval.top_k
    asking = _Asking(settings, searcher, k, condition, exact, answer, stream, as_json)
    if question is None:
        return _interact(asking)
    return asking.ask(question)


@dataclass(frozen=True)
class _Asking:
    """How questions are put and shown."""

    settings: Settings
    searcher: Searcher
    k: int
    where: Where | None
    exact: bool
    answer: bool
    stream: bool
    as_json: bool

    def ask(self, question: str) -> int:
        """Passages first: they are the user's, whatever becomes of the answer."""
        passages = self.searcher.search(question, self.k, where=self.where, exact=self.exact)
        if not self.as_json:
            if passages:
                show_passages(question, passages)
                sys.stdout.flush()
            else:
                note("no passage fits --where" if self.where else "the collection is empty")
        answer, error = self._answered(question, passages) if self.answer else (None, None)
        if self.as_json:
            print_json(
                {
                    "question": question,
                    "collection": self.searcher.collection,
                    "mode": self.searcher.mode,
                    "passages": [passage.as_dict() for passage in passages],
                    "answer": None if answer is None else answer.as_dict(),
                }
            )
        if error is not None:
            print_error(f"no answer: {error}")
            return error.exit_code
        return report_trouble(answer) if answer is not None else 0

    def _answered(self, question: str, passages: list[Passage]) -> tuple[Answer | None, RagPipelineError | None]:
        from rag_pipeline.answering import Answerer

        answerer = None
        try:
            answerer = Answerer.from_settings(self.settings)
            if self.as_json or not self.stream:
                answer = answerer.answer(question, passages)
                if not self.as_json:
                    show_answer_text([answer.text, answer])
            else:
                answer = show_answer_text(answerer.stream(question, passages))
        except RagPipelineError as error:
            return None, error
        finally:
            if answerer is not None:
                answerer.close()
        if not self.as_json:
            show_sources(answer)
        return answer, None


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
        text = Text.assemble(
            place, "\n", (", ".join(filter(None, (passage.source, passage.place))), "dim"), "\n", passage.body
        )
        if position + 1 < len(passages):
            text.append("\n")
        table.add_row(str(passage.rank), f"{passage.score:.4f}", text)
    console.print(table)


def _interact(asking: _Asking) -> int:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # line editing and history in input()
    note(f"Asking collection {asking.searcher.collection}. An empty line ends.")
    while True:
        try:
            question = input("question> ")
        except EOFError:
            note("")
            return 0
        if not question.strip():
            return 0
        try:
            asking.ask(question)
        except RagPipelineError as error:
            print_error(str(error))
