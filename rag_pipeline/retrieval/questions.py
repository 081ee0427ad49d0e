"""What counts as a question, and as a number of passages."""

from __future__ import annotations

from typing import Any

from rag_pipeline.errors import UsageError
from rag_pipeline.text import clean


def check_question(question: Any) -> str:
    """The question as clean text, like documents, without white space around it.

    Raises:
        UsageError: nothing is left, or it is no text.
    """
    if not isinstance(question, str):
        raise UsageError(f"a question is a text, found {question!r}")
    # As documents are: a terminal of another encoding leaves lone surrogates, a copied line what nobody sees.
    normal = clean(question).strip()
    if not normal:
        raise UsageError("the question is empty; ask in words, such as those that are to be found")
    return normal


def check_k(k: Any, name: str = "k") -> int:
    """A number of passages.

    Raises:
        UsageError: it is no whole number, or less than 1.
    """
    # Whole numbers of numpy are not of Python's class.
    if isinstance(k, bool) or not hasattr(k, "__index__") or int(k) < 1:
        raise UsageError(f"{name} must be a whole number, 1 or more, found {k!r}")
    return int(k)
