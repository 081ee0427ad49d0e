"""What counts as a question."""

from __future__ import annotations

import unicodedata

from rag_pipeline.errors import UsageError


def check_question(question: str) -> str:
    """The question in NFC, without white space around it.

    Raises:
        UsageError: nothing is left.
    """
    # A terminal of another encoding leaves lone surrogates, which no tokenizer takes.
    question = unicodedata.normalize("NFC", question.encode(errors="replace").decode()).strip()
    if not question:
        raise UsageError('the question is empty; ask one: query.py "QUESTION"')
    return question
