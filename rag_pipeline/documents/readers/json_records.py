"""JSON and JSON Lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.encodings import decode_with_warnings
from rag_pipeline.documents.metadata import RESERVED
from rag_pipeline.documents.readers import notebook
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.json_values import Figure, concatenated, outline, parse, speech_of, written
from rag_pipeline.documents.readers.markup import read_markup
from rag_pipeline.documents.readers.rows import Row, line_sections, row_sections
from rag_pipeline.errors import DocumentError
from rag_pipeline.metadata_values import MetadataValue, key_problem
from rag_pipeline.text import clean

_TITLES = ("title", "name", "subject", "heading", "제목", "이름")
_TEXTS = ("text", "content", "body", "contents", "본문", "내용")
# What has a text and one of these was written by somebody, whose name it tells.
_PEOPLES_NAMES = frozenset({"name", "이름"})
_OF_WRITING = frozenset(
    {"date", "created", "created_at", "createdAt", "updated_at", "timestamp", "time", "author", "attendees", "email"}
    | {"날짜", "작성일", "작성일시", "일시", "등록일", "참석자"}
)
# Names of lists that say nothing of what is in them.
_WRAPPERS = frozenset(
    {"data", "items", "item", "results", "result", "records", "rows", "list", "entries", "values", "features"}
    | {"documents", "docs"}
)
_DEEPEST_WRAPPER = 3
# Metadata of a record are to filter by; Chroma Cloud takes 32 in all, names of 36 bytes. The text holds every field.
_MOST_FIELDS = 16
_LONGEST_NAME = 36
_LONGEST_VALUE = 200
_MOST_NAMED = 5


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read one record, a list of records, or a record a line; each record is a section under its title.

    Lists of records are found within objects, too. A record's text is its text field and, below it, the other fields as
    ``name: value`` (the text field alone, where ``reading.json_text`` names one); plain fields are metadata as well.
    Messages of a conversation stand together, and lists of lists are tables. A field that is given twice keeps both
    values, numbers stay as they are written, and what a notebook holds is read as one.

    Raises:
        DocumentError: it is not JSON, most lines are not, or a record lacks the field that ``reading.json_text`` names.
    """
    decoded = decode_with_warnings(content)
    made = _document(name, clean(decoded.text), options)
    return replace(made, warnings=(*decoded.warnings, *made.warnings))


def _document(name: str, text: str, options: ReadingOptions) -> Document:
    if PurePath(name).suffix.lower() in (".jsonl", ".ndjson"):
        records, warnings = _lines(text)
        return Document(stem_of(name), tuple(_sections(records, options)), warnings=tuple(warnings))
    values = concatenated(text)
    if len(values) != 1:
        return Document(stem_of(name), tuple(_sections(list(enumerate(values, start=1)), options)))
    (value,) = values
    if notebook.is_notebook(value):
        return notebook.document(value, stem_of(name))
    if isinstance(value, Mapping):
        return _object(value, stem_of(name), options)
    records = list(enumerate(value, start=1)) if isinstance(value, list) else [(1, value)]
    return Document(stem_of(name), tuple(_sections(records, options)))


def _lines(text: str) -> tuple[list[tuple[int, Any]], list[str]]:
    """Records by line, and what to say of lines that hold none."""
    records: list[tuple[int, Any]] = []
    bad: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.append((number, parse(line, f" in line {number}")))
            except DocumentError as error:
                bad.append((number, str(error)))
    if len(bad) >= max(len(records), 1):
        try:  # records that go over several lines
            return list(enumerate(concatenated(text), start=1)), []
        except DocumentError:
            raise DocumentError(bad[0][1]) from None
    more = ", …" if len(bad) > _MOST_NAMED else ""
    numbers = ", ".join(str(number) for number, _ in bad[:_MOST_NAMED])
    said = f"{len(bad)} line{'s' if len(bad) > 1 else ''} left out: not valid JSON (line {numbers}{more})"
    return records, [said] if bad else []


def _object(value: Mapping[str, Any], stem: str, options: ReadingOptions) -> Document:
    lists = _lists_of_records(value, options)
    if not lists:
        heading, body, metadata = _record(value, options)
        return Document(heading or stem, (Section((), body),), metadata)
    around = _without(value, [path for path, _ in lists])
    if around.get("type") == "FeatureCollection":
        del around["type"]  # what GeoJSON calls itself
    heading, body, metadata = _record(around, options) if around else ("", "", {})
    sections = [Section((), body)]
    for path, records in lists:
        named = tuple(part for part in path if part.lower() not in _WRAPPERS)
        for section in _sections(list(enumerate(records, start=1)), options):
            sections.append(Section((*named, *section.headings), section.text, section.place))
    return Document(heading or stem, tuple(sections), metadata)


def _lists_of_records(value: Mapping[str, Any], options: ReadingOptions) -> list[tuple[tuple[str, ...], list[Any]]]:
    """Lists of records, or of rows, that an object holds, by their paths; none where the object is a record itself."""
    if _text_field(value, options) is not None:
        return []
    found: list[tuple[tuple[str, ...], list[Any]]] = []
    waiting: deque[tuple[tuple[str, ...], Any]] = deque([((), value)])
    while waiting:
        path, inner = waiting.popleft()
        if isinstance(inner, list) and inner and (_are(inner, Mapping) or _are(inner, list)):
            found.append((path, inner))
        elif isinstance(inner, Mapping) and len(path) < _DEEPEST_WRAPPER:
            waiting += [((*path, key), below) for key, below in inner.items() if isinstance(below, Mapping | list)]
    # A list of lists of figures is a shape on a map, or a matrix; rows of a table hold words.
    return [(path, records) for path, records in found if _are(records, Mapping) or _is_table(records)]


def _without(value: Mapping[str, Any], paths: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """An object without what stands at some paths, and without what is empty then."""
    below: dict[str, list[tuple[str, ...]]] = {}
    for path in paths:
        below.setdefault(path[0], []).append(path[1:])
    left: dict[str, Any] = {}
    for key, inner in value.items():
        if key not in below:
            left[key] = inner
        elif () not in below[key] and (rest := _without(inner, below[key])):
            left[key] = rest
    return left


def _sections(records: list[tuple[int, Any]], options: ReadingOptions) -> Iterator[Section]:
    values = [record for _, record in records]
    if _is_table(values):
        rows: list[Row] = [(number, [written(cell) for cell in row]) for number, row in records]
        yield from row_sections(rows)
    elif all(not isinstance(value, Mapping | list) and len(str(value)) <= _LONGEST_VALUE for value in values):
        yield from line_sections((number, written(value)) for number, value in records)
    elif options.json_text is None and _is_conversation(values):
        yield from line_sections((number, outline([record])) for number, record in records)
    else:
        for number, record in records:
            heading, body, metadata = _record(record, options)
            place = {**metadata, "rows": f"{number}-{number}"}
            yield Section((heading,) if heading else (), body, place)


def _is_table(values: Sequence[Any]) -> bool:
    """Whether values are rows of a table, words among them."""
    if len(values) < 2 or not _are(values, list):
        return False
    cells = [cell for row in values for cell in row]
    return any(isinstance(cell, str) for cell in cells) and not any(isinstance(cell, list | Mapping) for cell in cells)


def _is_conversation(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, Mapping) and speech_of(value) is not None for value in values)


def _are(values: Sequence[Any], kind: type) -> bool:
    return all(isinstance(value, kind) for value in values)


def _record(record: Any, options: ReadingOptions) -> tuple[str, str, dict[str, MetadataValue]]:
    """Title, text and metadata of a record."""
    if not isinstance(record, Mapping):
        return "", read_markup(record) if isinstance(record, str) else outline(record), {}
    properties = record.get("properties")
    if record.get("type") == "Feature" and isinstance(properties, Mapping):
        # GeoJSON: what is known of a place comes first.
        record = {**properties, **{key: value for key, value in record.items() if key not in ("type", "properties")}}
    text_field = _text_field(record, options)
    title_field = _title_field(record, options, text_field)
    if options.json_text is not None and text_field is None:
        raise DocumentError(f"a record has no field {options.json_text!r} (reading.json_text)")
    title = " ".join(written(record[title_field]).split()) if title_field else ""
    others = {key: value for key, value in record.items() if key not in (title_field, text_field)}
    metadata = _metadata(others)
    if text_field is None:
        return title, outline(others), metadata
    value = record[text_field]
    text = read_markup(value) if isinstance(value, str) else outline(value)
    if options.json_text is None and others:
        text = f"{text}\n\n{outline(others)}"
    return title, text, metadata


def _text_field(record: Mapping[str, Any], options: ReadingOptions) -> str | None:
    return _field(record, options.json_text, _TEXTS)


def _title_field(record: Mapping[str, Any], options: ReadingOptions, text_field: str | None) -> str | None:
    field = _field(record, options.json_title, _TITLES)
    is_writer = field in _PEOPLES_NAMES and text_field is not None and not _OF_WRITING.isdisjoint(record)
    return None if is_writer and options.json_title is None else field


def _field(record: Mapping[str, Any], asked: str | None, usual: tuple[str, ...]) -> str | None:
    if asked is not None:
        return asked if asked in record else None
    return next((name for name in usual if isinstance(record.get(name), str) and record[name].strip()), None)


def _metadata(fields: Mapping[str, Any]) -> dict[str, MetadataValue]:
    """Plain fields to filter by, as far as any store takes them."""
    found: dict[str, MetadataValue] = {}
    for key, value in fields.items():
        plain = value.value if isinstance(value, Figure) else value
        fits = isinstance(plain, str | int | float) and len(str(value)) <= _LONGEST_VALUE
        if (
            fits
            and len(key.encode()) <= _LONGEST_NAME
            and key not in RESERVED
            and key != "title"
            and not key_problem(key)
        ):
            found[key] = plain
        if len(found) == _MOST_FIELDS:
            break
    return found
