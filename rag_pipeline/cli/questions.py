"""``questions``: a question set drafted by the chat model."""

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
    from collections.abc import Iterable

    from rag_pipeline.evaluation.drafting import DraftedQuestion


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The documents.")],
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
    """Draft a question set for `compare` from a folder, with the chat model of config.yaml.

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
    drafted = draft_questions(
        settings, folder, count=count, languages=codes, most_sections=sections, on_problem=print_warning
    )
    if output is None:
        _write(drafted, sys.stdout)
        return 0
    try:
        with output.open("w", encoding="utf-8") as file:
            written = _write(drafted, file)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror or error}") from None
    finally:
        if output.exists() and output.stat().st_size == 0:
            output.unlink()
    note(f"{written} questions in {output}; read and edit them, then:")
    note(f"  rag-pipeline compare --questions {output}")
    return 0


def _write(drafted: Iterable[DraftedQuestion], file: TextIO) -> int:
    number = 0
    for question in drafted:
        number += 1
        file.write(json.dumps(question.as_dict(number), ensure_ascii=False) + "\n")
        file.flush()  # what was paid for is kept if the next request fails
    return number
