"""``query``: ask a collection."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag_pipeline.cli.answers import report_failure, show_answer_text, show_sources
from rag_pipeline.cli.error_texts import translated
from rag_pipeline.cli.options import ConfigOption, JsonOption
from rag_pipeline.cli.output import note, print_error, print_json
from rag_pipeline.cli.passages import note_doubt, show_passages
from rag_pipeline.cli.warm import Answers, Asked, WarmSearcher
from rag_pipeline.errors import RagPipelineError, ServiceError, UsageError
from rag_pipeline.messages import _

if TYPE_CHECKING:
    from rag_pipeline.answering import Answer
    from rag_pipeline.config import RerankSettings, Settings
    from rag_pipeline.passages import Passage
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
    min_confidence: Annotated[
        float | None,
        typer.Option(metavar="0..1", help="Leave out passages that are less likely to answer the question."),
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
    questions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Ask each line of a file, a question or an object with one under `question`; - is standard input."
            " Prints a JSON object a line.",
        ),
    ] = None,
    server: Annotated[
        bool,
        typer.Option(
            "--server/--no-server",
            help="Let `rag-pipeline serve` answer if it is running for this store, or do it here in any case.",
            show_default=False,
        ),
    ] = True,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> int:
    """Show the passages that best fit a question, and answer it if wanted.

    By default they are ranked by the inner product of question and passage and by the words they share. An answer
    cites them by their numbers, and is checked against them.
    """
    from rag_pipeline.config import load_settings

    if question is not None and questions is not None:
        raise UsageError("ask one question, or those of a file with --questions")
    if question is None and questions is None and not sys.stdin.isatty():
        question = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    if question is not None:
        # Before anything is loaded: an empty question is refused at once.
        from rag_pipeline.retrieval.questions import check_question

        question = check_question(question)
    if top_k is not None and top_k < 1:
        raise UsageError(f"-k must be 1 or more, found {top_k}")
    settings = load_settings(config)
    from rag_pipeline.store.filters import parse_conditions

    condition = parse_conditions(where or [])
    options: dict[str, Any] = {
        "mode": mode,
        "min_score": min_score,
        "min_confidence": min_confidence,
        "diversity": diversity,
        "distinct": distinct,
        "context": context,
        "rerank": _rerank(settings, rerank),
    }
    names = [name.strip() for given in collections or [] for name in given.split(",") if name.strip()]
    k = top_k or settings.retrieval.top_k
    lines = None if questions is None else _read_questions(questions)
    with contextlib.closing(_open(settings, names, options, answer, server)) as searcher:
        asking = _Asking(settings, searcher, k, condition, exact, explain, answer, stream, as_json)
        if lines is not None:
            return asking.ask_all(lines)
        return _interact(asking) if question is None else asking.ask(question)


def _open(settings: Settings, names: list[str], options: dict[str, Any], answer: bool, server: bool) -> Asked:
    """What is asked: the server of the store if it is running, else the collections themselves."""

    def cold() -> Asked:
        from rag_pipeline.retrieval import open_searcher, open_searchers

        return open_searchers(settings, names, **options) if names else open_searcher(settings, **options)

    if server:
        from rag_pipeline.server.client import NoServerError

        with contextlib.suppress(NoServerError):
            return WarmSearcher(settings, names, options, answer, cold)
    return cold()


def _read_questions(file: Path) -> Iterator[str]:
    """The questions of a file, one by one as they come.

    Raises:
        UsageError: it cannot be read, or a line of it cannot be understood.
    """
    from rag_pipeline.retrieval.questions import check_question

    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as reading:
            for number, raw in enumerate(reading, start=1):
                line = raw.decode("utf-8-sig", errors="replace").strip()
                if not line:
                    continue
                try:
                    said = json.loads(line) if line.startswith("{") else {"question": line}
                    yield check_question(said["question"])
                except (ValueError, KeyError, RecursionError):
                    raise UsageError(f"{file}, line {number}: no JSON object with a 'question'") from None
                except UsageError as error:
                    raise UsageError(f"{file}, line {number}: {error}") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None


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
    searcher: Asked
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
                note_doubt(passages)
            else:
                note(self._nothing())
        answer, error = self._answered(question, passages) if self.answer else (None, None)
        if self.as_json:
            print_json(self._found(question, passages, answer))
        if error is not None:
            print_error(_("no answer: {reason}").format(reason=translated(str(error))))
            return error.exit_code
        return report_failure(answer) if answer is not None else 0

    def ask_all(self, questions: Iterable[str]) -> int:
        """Each question and what was found, an object a line; a question that fails has an ``error`` in its place."""
        code = 0
        for question in questions:
            answer, error = None, None
            try:
                passages = self.searcher.search(
                    question, self.k, where=self.where, exact=self.exact, explain=self.explain
                )
            except RagPipelineError as failure:
                found, error = {"question": question}, failure
            else:
                answer, error = self._whole_answer(question, passages) if self.answer else (None, None)
                found = self._found(question, passages, answer)
            if error is not None:
                found["error"] = str(error)
            if answer is not None and answer.failure_reason is not None:
                code = code or ServiceError.exit_code
            print_json(found, lines=True)
            code = code or (0 if error is None else error.exit_code)
        return code

    def _found(self, question: str, passages: list[Passage], answer: Answer | None) -> dict[str, Any]:
        return {
            "question": question,
            "collection": self.searcher.collection,
            "mode": self.searcher.mode,
            "passages": [passage.as_dict() for passage in passages],
            "answer": None if answer is None else answer.as_dict(),
        }

    def _nothing(self) -> str:
        if self.where:
            return _("no passage fits --where")
        if self.searcher.mode == "lexical":
            return _("no passage holds a word of the question")
        return _("no passage scores high enough") if self.searcher.has_least_score else _("the collection is empty")

    def _answered(self, question: str, passages: list[Passage]) -> tuple[Answer | None, RagPipelineError | None]:
        if self.as_json:
            return self._whole_answer(question, passages)
        try:
            with contextlib.closing(self._answers()) as answers:
                if self.stream:
                    answer = show_answer_text(answers.stream(question, passages))
                else:
                    answer = answers.answer(question, passages)
                    show_answer_text([answer.text, answer])
        except RagPipelineError as error:
            return None, error
        show_sources(answer)
        return answer, None

    def _whole_answer(self, question: str, passages: list[Passage]) -> tuple[Answer | None, RagPipelineError | None]:
        try:
            with contextlib.closing(self._answers()) as answers:
                return answers.answer(question, passages), None
        except RagPipelineError as error:
            return None, error

    def _answers(self) -> Answers:
        def cold() -> Answers:
            from rag_pipeline.answering import Answerer

            return Answerer.from_settings(self.settings)

        return self.searcher.answers(cold) if isinstance(self.searcher, WarmSearcher) else cold()


def _interact(asking: _Asking) -> int:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # line editing and history in input()
    note(_("Asking collection {name}. An empty line ends.").format(name=asking.searcher.collection))
    while True:
        try:
            question = input(_("question> "))
        except EOFError:
            note("")
            return 0
        if not question.strip():
            return 0
        try:
            asking.ask(question)
        except RagPipelineError as error:
            print_error(str(error))
