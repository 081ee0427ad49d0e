"""What counts as a question."""

from __future__ import annotations

import unicodedata

from rag_pipeline.errors import UsageError


def check_question(question: str) -> str:
    """The question in NFC, without white space around it.

    Raises:
        UsageError: nothing is left.
    """
    question = unicodedata.normalize("NFC", question).strip()
    if not question:
        raise UsageError('the question is empty; ask one: query.py "QUESTION"')
    return question
