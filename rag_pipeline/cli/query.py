"""``query``: ask a collection."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag_pipeline.cli.answers import report_failure, show_answer_text, show_sources
from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import note, print_error, print_json
from rag_pipeline.cli.passages import show_passages
from rag_pipeline.errors import RagPipelineError, UsageError

if TYPE_CHECKING:
    from rag_pipeline.answering import Answer
    from rag_pipeline.config import RerankSettings, Settings
    from rag_pipeline.retrieval import AnySearcher, Passage
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
    collections: Annotated[
        list[str] | None,
        typer.Option(
            "--collection",
            metavar="NAME",
            help="Collection to ask; several by commas, or by giving it several times."
            "  [default: default_collection of config.yaml]",
        ),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="dense|lexical|hybrid", help="By vectors, by words, or by both.  [default: as configured]"
        ),
    ] = None,
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
    rerank: Annotated[
        str | None,
        typer.Option(
            metavar="none|maxsim|cross_encoder", help="A second, slower look at the best.  [default: as configured]"
        ),
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Leave out passages that score below.")
    ] = None,
    diversity: Annotated[
        float | None,
        typer.Option(metavar="0..1", help="How much it counts that passages are unlike each other (MMR)."),
    ] = None,
    distinct: Annotated[
        bool | None,
        typer.Option("--distinct/--no-distinct", help="One passage of each document at most.", show_default=False),
    ] = None,
    context: Annotated[
        int | None, typer.Option(metavar="N", help="Join N neighbouring chunks on each side to a passage.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show where each passage's score comes from.")] = False,
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

    By default they are ranked by the inner product of question and passage and by the words they share. An answer
    cites them by their numbers, and is checked against them.
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
    from rag_pipeline.retrieval import open_searcher, open_searchers
    from rag_pipeline.store.filters import parse_conditions

    condition = parse_conditions(where or [])
    options: dict[str, Any] = {
        "mode": mode,
        "min_score": min_score,
        "diversity": diversity,
        "distinct": distinct,
        "context": context,
        "rerank": _rerank(settings, rerank),
    }
    names = [name.strip() for given in collections or [] for name in given.split(",") if name.strip()]
    searcher = open_searchers(settings, names, **options) if names else open_searcher(settings, **options)
    k = top_k or settings.retrieval.top_k
    with contextlib.closing(searcher):
        asking = _Asking(settings, searcher, k, condition, exact, explain, answer, stream, as_json)
        return _interact(asking) if question is None else asking.ask(question)


def _rerank(settings: Settings, method: str | None) -> RerankSettings | None:
    from typing import get_args

    from rag_pipeline.config import RerankMethod

    if method is None:
        return None
    method = method.replace("-", "_")
    if method not in get_args(RerankMethod):
        raise UsageError(f"unknown --rerank {method!r}; known: {', '.join(get_args(RerankMethod))}")
    return settings.retrieval.rerank.model_copy(update={"method": method})


@dataclass(frozen=True)
class _Asking:
    """How questions are put and shown."""

    settings: Settings
    searcher: AnySearcher
    k: int
    where: Where | None
    exact: bool
    explain: bool
    answer: bool
    stream: bool
    as_json: bool

    def ask(self, question: str) -> int:
        """Passages first: they are the user's, whatever becomes of the answer."""
        passages = self.searcher.search(question, self.k, where=self.where, exact=self.exact, explain=self.explain)
        if not self.as_json:
            if passages:
                show_passages(question, passages)
                sys.stdout.flush()
            else:
                note(self._nothing())
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
        return report_failure(answer) if answer is not None else 0

    def _nothing(self) -> str:
        if self.where:
            return "no passage fits --where"
        if self.searcher.mode == "lexical":
            return "no passage holds a word of the question"
        return "no passage scores high enough" if self.searcher.has_least_score else "the collection is empty"

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
