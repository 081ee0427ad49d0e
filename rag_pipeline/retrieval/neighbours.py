"""Passages with the chunks before and after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rag_pipeline.passages import Passage, parted
from rag_pipeline.store import Collection
from rag_pipeline.store.records import FileKey, FileVersion, chunk_id


def joined(collection: Collection, passages: list[Passage], width: int) -> list[Passage]:
    """Join each passage with up to ``width`` neighbours on each side.

    Passages whose neighbours meet become one, in the place of the better one. A passage of no file, written by
    something else, stays as it is.
    """
    spans: list[tuple[Passage, set[int]]] = []
    for passage in passages:
        place = _place(passage.metadata)
        if place is None:
            spans.append((passage, set()))
            continue
        version, index, count = place
        around = set(range(max(0, index - width), min(count, index + width + 1)))
        meeting = [span for span in spans if _file(span[0]) == version and span[1] & around]
        if not meeting:
            spans.append((passage, around))
            continue
        # One that lies between two others makes one of all three.
        best = meeting[0][1]
        best.update(around, *(covered for _, covered in meeting[1:]))
        spans = [span for span in spans if not any(span is other for other in meeting[1:])]
    wanted = {
        chunk_id(place[0], index)
        for passage, covered in spans
        if (place := _place(passage.metadata)) is not None
        for index in covered
    }
    rows = collection.rows_of(sorted(wanted))
    return [_joined(passage, covered, rows) for passage, covered in spans]


def _joined(passage: Passage, covered: Iterable[int], rows: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Passage:
    place = _place(passage.metadata)
    if place is None:
        return passage
    found = [rows[key] for index in sorted(covered) if (key := chunk_id(place[0], index)) in rows]
    if len(found) < 2:
        return passage
    texts: list[str] = []
    last_head = ""
    for text, metadata in found:
        head, body = parted(text, str(metadata.get("title", "")))
        # A head that the chunk before had too is not said again.
        texts.append(body if head == last_head else text)
        last_head = head
    return replace(passage, text="\n\n".join(texts))


def _file(passage: Passage) -> FileVersion | None:
    place = _place(passage.metadata)
    return None if place is None else place[0]


def _place(metadata: Mapping[str, Any]) -> tuple[FileVersion, int, int] | None:
    try:
        key = FileKey(str(metadata["folder"]), str(metadata["source"]))
        version = FileVersion(key, str(metadata["file_sha256"]))
        return version, int(metadata["chunk_index"]), int(metadata["chunk_count"])
    except (KeyError, ValueError):
        return None
