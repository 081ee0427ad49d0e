"""The stream DocInfo of HWP 5: what it defines for paragraphs and letters, each by its place among its kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rag_pipeline.documents.readers.hangul.numbering import KINDS, MOST_LEVELS, ListLevel, NumberedList
from rag_pipeline.documents.readers.hangul.records import Record
from rag_pipeline.documents.readers.hangul.styles import BULLET, NUMBER, OUTLINE, ParagraphShape, Styles

_BEGIN = 0x10
_LETTERS, _NUMBERING, _BULLET, _PARAGRAPH, _STYLE, _CHANGE = (_BEGIN + tag for tag in (5, 7, 8, 9, 10, 80))
_KINDS = ("", OUTLINE, NUMBER, BULLET)
_HEAD = 12  # the looks of a number or bullet


def kind_of_number(code: int) -> str:
    """The kind of a number by its code."""
    return KINDS[code] if code < len(KINDS) else "DIGIT"


def read_styles(info: list[Record]) -> tuple[Styles, bool]:
    """What a document defines, and whether it keeps track of changes."""
    records = list(_all(info))

    def of(tag: int) -> Iterator[Record]:
        return (record for record in records if record.tag == tag)

    # Lists and bullets are counted from 1, where 0 is none; the others from 0.
    styles = Styles(
        {index: _shape(record) for index, record in enumerate(of(_PARAGRAPH))},
        {index: _name(record) for index, record in enumerate(of(_STYLE))},
        {index: _list(record) for index, record in enumerate(of(_NUMBERING), 1)},
        {index: record.letter(_HEAD) for index, record in enumerate(of(_BULLET), 1)},
        frozenset(index for index, record in enumerate(of(_LETTERS)) if record.number(46, "<I") & 2),
    )
    return styles, any(True for _ in of(_CHANGE))


def _all(records: Iterable[Record]) -> Iterator[Record]:
    waiting = list(records)[::-1]
    while waiting:
        record = waiting.pop()
        yield record
        waiting += record.children[::-1]


def _shape(record: Record) -> ParagraphShape:
    properties = record.number(0, "<I")
    return ParagraphShape(_KINDS[properties >> 23 & 3], properties >> 25 & 7, record.number(30))


def _name(record: Record) -> str:
    local, end = record.string(0)
    return local or record.string(end)[0]


def _list(record: Record) -> NumberedList:
    heads: list[tuple[str, str]] = []
    place = 0
    for _ in range(7):
        kind = kind_of_number(record.number(place, "<I") >> 5 & 0xF)
        text, place = record.string(place + _HEAD)
        heads.append((text, kind))
    place += 2
    # Older versions have no beginnings of their own for levels.
    has_starts = place + 28 <= len(record.payload)
    starts = [record.number(place + 4 * index, "<I") if has_starts else 1 for index in range(7)]
    place += 28
    while len(heads) < MOST_LEVELS and place + _HEAD + 2 <= len(record.payload):
        kind = kind_of_number(record.number(place, "<I") >> 5 & 0xF)
        text, place = record.string(place + _HEAD)
        heads.append((text, kind))
    starts += [1] * (MOST_LEVELS - len(starts))
    return NumberedList(tuple(ListLevel(text, kind, start) for (text, kind), start in zip(heads, starts, strict=False)))
