"""Values of JSON: parsed without losing a digit or a field, and written as text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag_pipeline.errors import DocumentError

# Who speaks and what is said, as exports of conversations call it.
_SPEAKERS = ("role", "from", "speaker", "sender", "화자")
_SPEECHES = ("content", "value", "text", "message", "발화")
_BLANK = re.compile(r"\s*")
# Python makes no numbers of more digits than 4,300.
_LONGEST_INTEGER = 4000


@dataclass(frozen=True)
class Figure:
    """A number that reads back in another way than it was written, such as 1.10 or 1e400."""

    text: str
    value: float

    def __str__(self) -> str:
        return self.text


def parse(text: str, where: str = "") -> Any:
    """One value.

    Raises:
        DocumentError: it is none.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise DocumentError(_problem(error, where)) from None


def concatenated(text: str) -> list[Any]:
    """Values one after the other, most often a single one.

    Raises:
        DocumentError: something else is among them.
    """
    values: list[Any] = []
    place = _after_blanks(text, 0)
    while place < len(text) or not values:
        try:
            value, place = _DECODER.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise DocumentError(_problem(error, f" in line {error.lineno}" if error.lineno > 1 else "")) from None
        values.append(value)
        place = _after_blanks(text, place)
    return values


def outline(value: Any, depth: int = 0) -> str:
    """Nested values as indented ``key: value`` lines; a conversation as ``speaker: what is said``."""
    indent = "  " * depth
    if isinstance(value, Mapping):
        lines = []
        for key, inner in value.items():
            nested = isinstance(inner, Mapping | list) and inner
            lines.append(
                f"{indent}{key}:\n{outline(inner, depth + 1)}" if nested else f"{indent}{key}: {written(inner)}"
            )
        return "\n".join(lines)
    if isinstance(value, list):
        return "\n".join(_item(inner, depth) for inner in value)
    return f"{indent}{written(value)}"


def written(value: Any) -> str:
    """A value as it stands in the file, a text without its quotation marks."""
    if isinstance(value, str | Figure):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def speech_of(value: Mapping[str, Any]) -> tuple[str, str] | None:
    """The fields that say who speaks and what is said; None: it is no message."""
    speaker = next((name for name in _SPEAKERS if isinstance(value.get(name), str)), None)
    speech = next((name for name in _SPEECHES if isinstance(value.get(name), str | list)), None)
    return (speaker, speech) if speaker and speech else None


def _item(value: Any, depth: int) -> str:
    indent = "  " * depth
    if isinstance(value, Mapping) and value:
        fields = speech_of(value)
        if fields:
            speaker, speech = fields
            said = value[speech] if isinstance(value[speech], str) else _parts(value[speech])
            others = {key: inner for key, inner in value.items() if key not in fields}
            rest = f"\n{outline(others, depth + 1)}" if others else ""
            return f"{indent}{value[speaker]}: {said}{rest}"
        # As in YAML, so that one can see where an item ends.
        return f"{indent}- {outline(value, depth + 1).lstrip()}"
    if isinstance(value, list) and value:
        return f"{indent}- {outline(value, depth + 1).lstrip()}"
    return f"{indent}- {written(value)}"


def _parts(speech: Sequence[Any]) -> str:
    """What is said in several parts: the texts among them, and all else as it is."""
    return " ".join(
        part["text"]
        if isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)
        else written(part)
        for part in speech
    )


def _both(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A field that is given twice holds a list of both values."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        given: dict[str, list[Any]] = {}
        for key, value in pairs:
            given.setdefault(key, []).append(value)
        fields = {key: values if len(values) > 1 else values[0] for key, values in given.items()}
    return fields


def _number(text: str) -> float | Figure:
    value = float(text)
    return value if repr(value) == text else Figure(text, value)


def _integer(text: str) -> int | Figure:
    return int(text) if len(text) <= _LONGEST_INTEGER else Figure(text, float(text))


_DECODER = json.JSONDecoder(object_pairs_hook=_both, parse_float=_number, parse_int=_integer)


def _after_blanks(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return match.end() if match else place


def _problem(error: json.JSONDecodeError, where: str) -> str:
    return f"not valid JSON{where}: {error.msg} at column {error.colno}"
