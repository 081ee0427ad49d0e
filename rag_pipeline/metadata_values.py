"""What the metadata of a chunk may hold: flat keys, and values that a store takes and filters by."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

from rag_pipeline.text import clean

MetadataValue = str | int | float | bool
# Stores keep whole numbers in 64 bits.
_LARGEST_INTEGER = 2**63 - 1
# Chroma's own key, for texts.
_RESERVED_KEY = "chroma:document"
# Chroma 1.5 keeps names that begin so to itself, and refuses the whole batch with such a key in it.
_RESERVED_BEGINNINGS = ("$", "#")
_MOST_OF_ROW = 4000
MOST_KEYS = 256
"""Keys that one source of metadata may give. Chroma 1.5 takes a row of 6,000 in, and reads that collection no more."""


def storable_metadata(content: Mapping[Any, Any]) -> dict[str, MetadataValue]:
    """What a store takes of keys and values: clean text, finite numbers, true, false.

    Dates become text, lists are joined, whole numbers beyond 64 bits become text. What is nested, empty, infinite or no
    number at all is left out, and so are keys that no store takes and those beyond :data:`MOST_KEYS`.
    """
    flat: dict[str, MetadataValue] = {}
    for key, value in content.items():
        name, plain = _words(key), _storable(value)
        if plain is not None and plain != "" and not key_problem(name):
            flat[name] = plain
        if len(flat) == MOST_KEYS:
            break
    return flat


def row_problem(metadata: Mapping[Any, Any]) -> str:
    """Why so many metadata cannot be kept with one text; empty if they can."""
    if len(metadata) > _MOST_OF_ROW:
        return f"a text has {len(metadata):,} metadata, more than the {_MOST_OF_ROW:,} that a store takes"
    return ""


def key_problem(name: object) -> str:
    """Why something cannot be a key of metadata; empty if it can."""
    if not isinstance(name, str) or not is_unicode(name) or name == _RESERVED_KEY:
        return f"a key of metadata is text, found {name!r:.100}"
    if not name or name.startswith(_RESERVED_BEGINNINGS):
        return f"a key of metadata is not empty and does not begin with '$' or '#', found {name!r:.100}"
    return ""


def value_problem(name: str, value: object) -> str:
    """Why something cannot be a value of metadata, as it is; empty if it can.

    A list holds values of one type, as Chroma takes it.
    """
    if not isinstance(value, list):
        return _scalar_problem(name, value)
    if not value:
        return f"metadata {name!r} is an empty list, which no store keeps; leave it out"
    if len({type(one) for one in value}) > 1:
        return f"metadata {name!r} must be a list of values of one type, found {value!r:.100}"
    return next(filter(None, (_scalar_problem(name, one) for one in value)), "")


def _scalar_problem(name: str, value: object) -> str:
    if isinstance(value, int) and not _fits(value):
        return f"metadata {name!r} is a whole number of more than 64 bits; give it as text"
    storable = is_unicode(value) if isinstance(value, str) else isinstance(value, int | float) and math.isfinite(value)
    wanted = "a string, a number, a truth value or a list of one of these"
    return "" if storable else f"metadata {name!r} must be {wanted}, found {value!r:.100}"


def is_unicode(text: str) -> bool:
    """Whether a text can be stored: half of a surrogate pair is no character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fits(value: int) -> bool:
    return -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER


def _storable(value: Any) -> MetadataValue | None:
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value if not isinstance(item, dict | list))
    if isinstance(value, datetime.date):  # a time of day on it too
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if _fits(value) else _words(value)
    return clean(value) if isinstance(value, str) else None


def _words(value: Any) -> str:
    """Anything as clean text."""
    try:
        return clean(str(value))
    except ValueError:  # Python writes no more than some thousand digits, unless they are hexadecimal
        return hex(value) if isinstance(value, int) else ""
