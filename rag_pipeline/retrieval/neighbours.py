"""Passages with the chunks before and after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rag_pipeline.passages import Passage
from rag_pipeline.store import Collection
from rag_pipeline.store.records import ChunkOrigin, FileVersion, chunk_id
from rag_pipeline.text import split_title_path


def joined(collection: Collection, passages: list[Passage], width: int) -> list[Passage]:
    """Join each passage with up to ``width`` neighbours on each side.

    Passages whose neighbours meet become one, in the place of the better one. A passage of no file, written by
    something else, stays as it is.
    """
    spans: list[tuple[Passage, set[int]]] = []
    for passage in passages:
        origin = ChunkOrigin.of(passage.metadata)
        if origin is None:
            spans.append((passage, set()))
            continue
        around = set(range(max(0, origin.index - width), min(origin.count, origin.index + width + 1)))
        meeting = [span for span in spans if span[1] & around and _version(span[0]) == origin.version]
        if not meeting:
            spans.append((passage, around))
            continue
        # One that lies between two others makes one of all three.
        best = meeting[0][1]
        best.update(around, *(covered for _, covered in meeting[1:]))
        spans = [span for span in spans if not any(span is other for other in meeting[1:])]
    wanted = {
        chunk_id(version, index)
        for passage, covered in spans
        if (version := _version(passage)) is not None
        for index in covered
    }
    rows = collection.rows_of(sorted(wanted))
    return [_joined(passage, covered, rows) for passage, covered in spans]


def surrounded(
    collection: Collection, passage: Passage, before: int, after: int
) -> tuple[Passage, str | None, str | None]:
    """A passage with so many chunks of its file before and after it, and the ids of those that come next on each side.

    Returns:
        The passage, the id of the chunk before all that, of the one after it; None: there is none.
    """
    origin = ChunkOrigin.of(passage.metadata)
    if origin is None:
        return passage, None, None
    first, last = max(0, origin.index - before), min(origin.count - 1, origin.index + after)
    ids = [chunk_id(origin.version, index) for index in range(first, last + 1)]
    previous = chunk_id(origin.version, first - 1) if first > 0 else None
    following = chunk_id(origin.version, last + 1) if last + 1 < origin.count else None
    return _joined(passage, range(first, last + 1), collection.rows_of(ids)), previous, following


def _joined(passage: Passage, covered: Iterable[int], rows: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Passage:
    version = _version(passage)
    if version is None:
        return passage
    found = [rows[key] for index in sorted(covered) if (key := chunk_id(version, index)) in rows]
    if len(found) < 2:
        return passage
    texts: list[str] = []
    last_head = ""
    for text, metadata in found:
        head, body = split_title_path(text, str(metadata.get("title", "")))
        # A head that the chunk before had too is not said again.
        texts.append(body if head == last_head else text)
        last_head = head
    return replace(passage, text="\n\n".join(texts))


def _version(passage: Passage) -> FileVersion | None:
    origin = ChunkOrigin.of(passage.metadata)
    return None if origin is None else origin.version
