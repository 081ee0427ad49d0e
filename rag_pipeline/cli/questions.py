"""``questions``: a question set drafted by the chat model, or put together from verdicts of use."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from rag_pipeline.cli.options import ConfigOption
from rag_pipeline.cli.output import note, print_warning
from rag_pipeline.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rag_pipeline.config import Settings
    from rag_pipeline.evaluation.drafting import DraftedQuestion


def command(
    folder: Annotated[Path | None, typer.Argument(metavar="[FOLDER]", help="The documents.")] = None,
    from_feedback: Annotated[
        bool, typer.Option("--from-feedback", help="Put verdicts from use together instead; no model is asked.")
    ] = False,
    collection: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --from-feedback: only verdicts on this collection.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="JSONL file.  [default: standard output]")
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", min=1, help="Questions of each section and language.")] = 1,
    languages: Annotated[str, typer.Option(metavar="A,B,...", help="Languages to ask in.")] = "ko,en",
    sections: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="No more sections than these, spread over the folder.")
    ] = None,
    config: ConfigOption = None,
) -> int:
    """Draft a question set for `compare` and `train` from a folder, with the chat model of config.yaml; or from use.

    One request for each section. Read and edit what comes: a model's questions use the section's own words more than
    people's do, and some have other sections that answer them too. The texts are sent to the model's service.
    """
    from rag_pipeline.config import load_settings
    from rag_pipeline.evaluation.drafting import draft_questions

    codes = [code.strip() for code in languages.split(",") if code.strip()]
    if not codes:
        raise UsageError("--languages names none; for example ko,en")
    if output is not None and output.exists():
        raise UsageError(f"{output} is there already, and may hold edits of yours; name another file")
    settings = load_settings(config)
    if from_feedback:
        if folder is not None:
            raise UsageError("--from-feedback reads verdicts rather than documents; leave the folder out")
        return _from_feedback(settings, collection, output)
    if folder is None:
        raise UsageError("name the folder of the documents, or --from-feedback")
    drafted = draft_questions(
        settings, folder, count=count, languages=codes, most_sections=sections, on_problem=print_warning
    )
    _put(_rows(drafted), output)
    return 0


def _from_feedback(settings: Settings, collection: str | None, output: Path | None) -> int:
    from rag_pipeline.evaluation.feedback import feedback_file
    from rag_pipeline.evaluation.judged import judged_questions

    judged = judged_questions(feedback_file(settings), collection)
    _put(judged.rows(), output)
    for question, place in judged.disputed():
        print_warning(f"called right and wrong, and left out: {place} for {question!r}")
    note(
        f"{judged.lines} verdicts on {len(judged.questions)} questions; {judged.without_right} without a right passage"
    )
    return 0


def _put(rows: Iterable[dict[str, object]], output: Path | None) -> None:
    if output is None:
        _write(rows, sys.stdout)
        return
    try:
        with output.open("w", encoding="utf-8") as file:
            written = _write(rows, file)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror or error}") from None
    finally:
        if output.exists() and output.stat().st_size == 0:
            output.unlink()
    note(f"{written} questions in {output}; read and edit them, then:")
    note(f"  rag-pipeline compare --questions {output}")


def _rows(drafted: Iterable[DraftedQuestion]) -> Iterator[dict[str, object]]:
    return (question.as_dict(number) for number, question in enumerate(drafted, start=1))


def _write(rows: Iterable[dict[str, object]], file: TextIO) -> int:
    number = 0
    for row in rows:
        number += 1
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()  # what was paid for is kept if the next request fails
    return number
