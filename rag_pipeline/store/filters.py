"""Conditions on the metadata of chunks, in Chroma's form and on the command line.

The form is that of Chroma's documentation on metadata filtering: ``{"type": "bulk"}``, ``{"year": {"$gte": 2020}}``,
``{"type": {"$in": [...]}}``, ``{"tags": {"$contains": "steel"}}`` for values that are lists, ``{"$and": [...]}``,
``{"$or": [...]}``.
"""

from __future__ import annotations

import contextlib
import math
import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rag_pipeline.errors import UsageError
from rag_pipeline.text import normalized

Where = Mapping[str, Any]
JOINS = ("$and", "$or")
_COMPARISONS = {"=": "$eq", "!=": "$ne", ">=": "$gte", "<=": "$lte", ">": "$gt", "<": "$lt"}
_COMPARED = {"$eq": operator.eq, "$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}
# Of values that are lists.
_HOLDING = frozenset({"$contains", "$not_contains"})
_OPERATORS = frozenset({*_COMPARISONS.values(), "$in", "$nin", *_HOLDING})
_ORDER = frozenset({"$gte", "$lte", "$gt", "$lt"})
_NEGATIVE = frozenset({"$ne", "$nin", "$not_contains"})
# Chroma's own name for the text of a chunk.
_TEXT_KEY = "#document"
# Chroma keeps whole numbers in 64 bits.
_TOO_LARGE = 1 << 63
_LONGEST = 80
_CONDITION = re.compile(r"\s*([^\s=!<>]+)\s*(!=|>=|<=|=|>|<)\s*(.*?)\s*", re.DOTALL)
_EXAMPLES = "type=bulk, type=bulk,container, year>=2020, type!=bulk"


def parse_conditions(conditions: Sequence[str]) -> Where | None:
    """Conditions as they are typed, all of which must hold; None if there are none.

    ``type=bulk,container`` is either of both. A number matches a value that is stored as a number or as text.

    Raises:
        UsageError: one cannot be understood.
    """
    parsed = [_parse(condition) for condition in conditions]
    if not parsed:
        return None
    return parsed[0] if len(parsed) == 1 else {"$and": parsed}


def checked(where: Any) -> dict[str, Any] | None:
    """A filter as Chroma takes it: several keys side by side are joined by ``$and``.

    Names pasted from a Mac hold Korean letters in parts (NFD); they mean the same whole letters (NFC), and are looked
    for in both forms.

    Raises:
        UsageError: it is no filter, an operator is unknown, or a value is none that metadata can have.
    """
    if where is None:
        return None
    if not isinstance(where, Mapping):
        raise UsageError(f'filter: keys and values are wanted, such as {{"type": "bulk"}}; found {shown(where)}')
    if not where:
        return None
    if len(where) > 1:
        return joined("$and", [_condition("$and", {key: value}) for key, value in where.items()])
    ((key, value),) = where.items()
    if not isinstance(key, str):
        raise UsageError(f"filter: a key is text, the name of a metadata field; found {shown(key)}")
    if key in JOINS:
        if not isinstance(value, list | tuple) or not value:
            raise UsageError(f"filter: {key} needs a list of conditions, found {shown(value)}")
        return joined(key, [_condition(key, one) for one in value])
    if key.startswith("$"):
        raise UsageError(f"filter: unknown operator {key!r}; known here: {', '.join(JOINS)}")
    if key == _TEXT_KEY:
        raise UsageError("filter: it is about metadata; where_document of the vector store is about the text")
    conditions = _compared(key, value)
    negative = isinstance(conditions[0], Mapping) and not _NEGATIVE.isdisjoint(conditions[0])
    pairs = [{form: condition} for form in forms(key) for condition in conditions]
    return joined("$and" if negative else "$or", pairs)


def joined(join: str, conditions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Conditions joined, each once; those that are joined in the same way already are taken apart."""
    parts = [part for one in conditions for part in one.get(join, [one])]
    # By what is written: 1, 1.0 and True are equal, and not the same to Chroma.
    single = list({repr(part): part for part in parts}.values())
    return single[0] if len(single) == 1 else {join: single}


def _condition(join: str, given: Any) -> dict[str, Any]:
    condition = checked(given)
    if condition is None:
        raise UsageError(f"filter: {join} holds an empty condition")
    return condition


def _compared(key: str, value: Any) -> list[Any]:
    """What a key is compared with, as Chroma takes it; one for each form of a text that is looked for in lists."""
    if isinstance(value, Mapping):
        if len(value) != 1 or not _OPERATORS.issuperset(value):
            found = ", ".join(sorted(str(one) for one in value)) or "none"
            raise UsageError(f"filter: {key} needs one operator of {', '.join(sorted(_OPERATORS))}; found {found}")
        ((sign, operand),) = value.items()
    else:
        sign, operand = "$eq", value
    if sign in ("$in", "$nin"):
        if not isinstance(operand, list | tuple) or not operand:
            raise UsageError(f"filter: {key} {sign} needs a list of values, found {shown(operand)}")
        return [{sign: _alike(key, [_value(key, one) for one in operand])}]
    operand = _value(key, operand)
    if sign in _HOLDING:
        return [{sign: form} for form in (forms(operand) if isinstance(operand, str) else [operand])]
    if sign in _ORDER and (isinstance(operand, str | bool)):
        raise UsageError(f"filter: {key} {sign} compares numbers, found {shown(operand)}")
    if isinstance(operand, str) and len(forms(operand)) > 1:
        return [{"$in" if sign == "$eq" else "$nin": forms(operand)}]
    return [{sign: operand} if isinstance(value, Mapping) else operand]


def _value(key: str, value: Any) -> str | bool | int | float:
    """A value that metadata can have."""
    if isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < _TOO_LARGE):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    advice = (
        "; one of several goes with {'$in': […]}, and what a list holds with {'$contains': …}"
        if isinstance(value, list | tuple | set)
        else ""
    )
    raise UsageError(f"filter: {key} is text, a number, true or false; found {shown(value)}{advice}")


def _alike(key: str, values: list[str | bool | int | float]) -> list[Any]:
    """Values of one type, which is what Chroma takes in a list."""
    if all(isinstance(one, str) for one in values):
        return list(dict.fromkeys(form for one in values for form in forms(str(one))))
    if all(isinstance(one, bool) for one in values) or all(type(one) is int for one in values):
        return values
    if any(isinstance(one, str | bool) for one in values):
        raise UsageError(f"filter: {key} is compared with values of several types, {shown(values)}; join two by '$or'")
    return [float(one) for one in values]


def forms(text: str) -> list[str]:
    """A text as whole letters (NFC), and as it is where that differs."""
    return list(dict.fromkeys([normalized("NFC", text), text]))


def shown(value: Any) -> str:
    """A value for an error, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def predicates(condition: Where) -> int:
    """How many comparisons a :func:`checked` filter makes."""
    ((key, value),) = condition.items()
    return sum(map(predicates, value)) if key in JOINS else 1


def fits(metadata: Mapping[str, Any], where: Where) -> bool:
    """Whether metadata fit a :func:`checked` filter, as Chroma 1.5.9 has it.

    Text is never like a number; a key that is not there differs from any value; and next to a stored whole number the
    fraction of what it is compared with is cut off. A list is like no value, and holds values of its own type alone.
    """
    ((key, value),) = where.items()
    if key == "$and":
        return all(fits(metadata, one) for one in value)
    if key == "$or":
        return any(fits(metadata, one) for one in value)
    ((sign, operand),) = value.items() if isinstance(value, Mapping) else [("$eq", value)]
    stored = metadata.get(key)
    if sign in ("$in", "$nin"):
        return any(_holds("$eq", stored, one) for one in operand) == (sign == "$in")
    if sign in _HOLDING:
        held = isinstance(stored, list) and any(type(one) is type(operand) and one == operand for one in stored)
        return held == (sign == "$contains")
    if sign == "$ne":
        return not _holds("$eq", stored, operand)
    return _holds(sign, stored, operand)


def _holds(sign: str, stored: Any, operand: Any) -> bool:
    if type(stored) is int and type(operand) is float:
        operand = int(operand)
    both_numbers = type(stored) in (int, float) and type(operand) in (int, float)
    return (both_numbers or type(stored) is type(operand)) and bool(_COMPARED[sign](stored, operand))


def _parse(condition: str) -> dict[str, Any]:
    match = _CONDITION.fullmatch(condition)
    if match is None or not match[3]:
        raise UsageError(f"--where {condition!r} cannot be understood; write it like {_EXAMPLES}")
    key, sign, text = match[1], match[2], match[3]
    if sign in ("=", "!="):
        values = [value for part in text.split(",") if part.strip() for value in _meanings(part.strip())]
        if not values:
            raise UsageError(f"--where {condition!r} names no value; write it like {_EXAMPLES}")
        if len(values) == 1:
            return {key: {_COMPARISONS[sign]: values[0]}}
        # Chroma wants a list of one type; values of another type are in a list of their own.
        among, join = ("$in", "$or") if sign == "=" else ("$nin", "$and")
        lists = [[value for value in values if type(value) is kind] for kind in (str, bool, int, float)]
        parts = [{key: {among: members}} for members in lists if members]
        return parts[0] if len(parts) == 1 else {join: parts}
    numbers = [value for value in _meanings(text) if isinstance(value, int | float) and not isinstance(value, bool)]
    if not numbers:
        raise UsageError(f"--where {condition!r}: {sign} compares numbers, found {text!r}")
    compared = [{key: {_COMPARISONS[sign]: number}} for number in numbers]
    return compared[0] if len(compared) == 1 else {"$or": compared}


def _meanings(text: str) -> list[str | bool | int | float]:
    """What a typed value may be stored as."""
    meanings: list[str | bool | int | float] = [text]
    if text.lower() in ("true", "false"):
        meanings.append(text.lower() == "true")
    for kind in (int, float):
        with contextlib.suppress(ValueError, UsageError):
            meanings.append(_value(text, kind(text)))
    return meanings
