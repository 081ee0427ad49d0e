"""Conditions on the texts of chunks, in Chroma's form.

The form is that of Chroma's documentation on full-text search: ``{"$contains": "12.04 m"}``, ``{"$not_contains": …}``,
``{"$regex": …}``, ``{"$not_regex": …}``, joined by ``$and`` and ``$or``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rag_pipeline.errors import UsageError
from rag_pipeline.store.filters import JOINS, forms, joined, shown

WhereDocument = Mapping[str, Any]
_CONTAINS, _NOT_CONTAINS = "$contains", "$not_contains"
_PATTERNS = ("$regex", "$not_regex")
_OPERATORS = (_CONTAINS, _NOT_CONTAINS, *_PATTERNS)


def checked_document(where: Any) -> dict[str, Any] | None:
    """A filter of texts as Chroma takes it: several conditions side by side are joined by ``$and``.

    Korean letters in parts (NFD) mean the same whole letters (NFC), and are looked for in both forms.

    Raises:
        UsageError: it is no filter of texts, an operator is unknown, or what is looked for is no text.
    """
    if where is None:
        return None
    if not isinstance(where, Mapping):
        raise UsageError(
            f'where_document: a condition is wanted, such as {{"$contains": "12.04 m"}}; found {shown(where)}'
        )
    if not where:
        return None
    if len(where) > 1:
        return joined("$and", [_condition("$and", {sign: operand}) for sign, operand in where.items()])
    ((sign, operand),) = where.items()
    if sign in JOINS:
        if not isinstance(operand, list | tuple) or not operand:
            raise UsageError(f"where_document: {sign} needs a list of conditions, found {shown(operand)}")
        return joined(sign, [_condition(sign, one) for one in operand])
    if sign not in _OPERATORS:
        known = ", ".join([*_OPERATORS, *JOINS])
        raise UsageError(f"where_document: unknown operator {shown(sign)}; known: {known}. Metadata go with filter")
    if not isinstance(operand, str) or not operand:
        raise UsageError(f"where_document: {sign} looks for a text, found {shown(operand)}")
    if sign in _PATTERNS:
        _check_pattern(sign, operand)
        return {sign: operand}
    return joined("$or" if sign == _CONTAINS else "$and", [{sign: form} for form in forms(operand)])


def document_predicates(condition: WhereDocument) -> int:
    """How many comparisons a :func:`checked_document` filter makes."""
    ((sign, operand),) = condition.items()
    return sum(map(document_predicates, operand)) if sign in JOINS else 1


def _condition(join: str, given: Any) -> dict[str, Any]:
    condition = checked_document(given)
    if condition is None:
        raise UsageError(f"where_document: {join} holds an empty condition")
    return condition


def _check_pattern(sign: str, pattern: str) -> None:
    # Chroma's patterns are Rust's, which are nearly Python's; what neither reads is told before the store is asked.
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(f"where_document: {sign} {shown(pattern)} is no regular expression: {error}") from None
