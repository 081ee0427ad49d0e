"""An answer on the terminal: its text as it comes, the sources it cites, what the check found."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rag_pipeline.cli.output import print_error, print_warning, result, shown
from rag_pipeline.errors import ServiceError
from rag_pipeline.messages import _

if TYPE_CHECKING:
    from rag_pipeline.answering import Answer

_QUOTE_WIDTH = 80


def show_answer_text(pieces: Iterable[str | Answer]) -> Answer:
    """Write the pieces of an answer as they come; return the whole one that comes last."""
    answer: Answer | None = None
    begun = False
    for piece in pieces:
        if isinstance(piece, str):
            if piece and not begun:
                result(_("Answer") + "\n", lines=True)
                begun = True
            sys.stdout.write(shown(piece, lines=True))
            sys.stdout.flush()
        else:
            answer = piece
    if begun:
        result("")
    assert answer is not None
    return answer


def show_sources(answer: Answer) -> None:
    """The passages that an answer cites, each with the line that is nearest to what cites it."""
    if not answer.citations:
        return
    result("\n" + _("Sources"), lines=True)
    for citation in answer.citations:
        section = f" › {citation.section}" if citation.section else ""
        section += f" ({citation.place})" if citation.place else ""
        quote = citation.quote if len(citation.quote) <= _QUOTE_WIDTH else citation.quote[:_QUOTE_WIDTH] + "…"
        result(f'  [{citation.number}] {citation.source}{section}: "{quote}"')


def report_failure(answer: Answer) -> int:
    """Say what is wrong with an answer, and return the exit code: 4 if there is none, or not all of it."""
    for problem in answer.problems:
        print_warning(_("check the answer: {problem}").format(problem=problem))
    if answer.failure_reason is None:
        return 0
    if answer.finish_reason == "MAX_TOKENS" and answer.text.strip():
        print_warning(answer.failure_reason)
        return 0
    print_error(answer.failure_reason)
    return ServiceError.exit_code
