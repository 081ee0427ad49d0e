"""JSON and JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.encodings import decode
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

_TITLES = ("title", "name", "subject", "heading", "제목", "이름")
_TEXTS = ("text", "content", "body", "contents", "본문", "내용")


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read one record, a list of records, or a record a line; each record is a section under its title."""
    text = clean(decode(content))
    title = stem_of(name)
    if PurePath(name).suffix.lower() == ".json":
        parsed = _parse(text, "")
        if isinstance(parsed, Mapping):
            heading, body = _record(parsed, options)
            return Document(heading or title, (Section((), body),))
        records = list(enumerate(parsed, start=1)) if isinstance(parsed, list) else [(1, parsed)]
    else:
        records = [
            (number, _parse(line, f" in line {number}"))
            for number, line in enumerate(text.split("\n"), start=1)
            if line.strip()
        ]
    return Document(title, tuple(_sections(records, options)))


def _sections(records: list[tuple[int, Any]], options: ReadingOptions) -> Iterator[Section]:
    for number, record in records:
        heading, body = _record(record, options)
        yield Section((heading,) if heading else (), body, {"rows": f"{number}-{number}"})


def _record(record: Any, options: ReadingOptions) -> tuple[str, str]:
    """Title and text of a record."""
    if not isinstance(record, Mapping):
        return "", record if isinstance(record, str) else _outline(record)
    title_field = _field(record, options.json_title, _TITLES)
    text_field = _field(record, options.json_text, _TEXTS)
    if options.json_text is not None and text_field is None:
        raise DocumentError(f"a record has no field {options.json_text!r} (reading.json_text)")
    title = " ".join(str(record[title_field]).split()) if title_field else ""
    if text_field is not None:
        value = record[text_field]
        return title, value if isinstance(value, str) else _outline(value)
    return title, _outline({name: value for name, value in record.items() if name != title_field})


def _field(record: Mapping[str, Any], asked: str | None, usual: tuple[str, ...]) -> str | None:
    if asked is not None:
        return asked if asked in record else None
    return next((name for name in usual if isinstance(record.get(name), str) and record[name].strip()), None)


def _outline(value: Any, depth: int = 0) -> str:
    """Nested values as indented ``key: value`` lines."""
    indent = "  " * depth
    if isinstance(value, Mapping):
        lines = []
        for key, inner in value.items():
            nested = isinstance(inner, Mapping | list) and inner
            lines.append(f"{indent}{key}:\n{_outline(inner, depth + 1)}" if nested else f"{indent}{key}: {_one(inner)}")
        return "\n".join(lines)
    if isinstance(value, list):
        return "\n".join(
            _outline(inner, depth) if isinstance(inner, Mapping | list) else f"{indent}- {_one(inner)}"
            for inner in value
        )
    return f"{indent}{_one(value)}"


def _one(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(f"not valid JSON{where}: {error.msg} at column {error.colno}") from None
