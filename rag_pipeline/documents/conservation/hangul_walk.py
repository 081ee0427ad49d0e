"""HWPX and HWP 5: the text of every paragraph ("HWP Document File Formats 5.0", Hancom; OWPML, KS X 6101)."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rag_pipeline.documents.readers.archive import check_archive, parse_xml
from rag_pipeline.documents.readers.base import ReadingOptions

if TYPE_CHECKING:
    from lxml.etree import _Element

_PARA_TEXT = 67
_CONTROL = 71
# Properties of a file: packed streams; a document for distribution.
_PACKED = 1
_DISTRIBUTION = 4
# Control characters that take eight code units; the others take one.
_EXTENDED = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23})
_PAGE_FURNITURE = frozenset({"header", "footer"})
_COMMENTS = frozenset({"hiddenComment", "memo", "memogroup"})


def hwpx(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Texts of the sections, the tails of tabs and line breaks included, without what was deleted."""
    left_out = set() if options.page_headers else set(_PAGE_FURNITURE)
    left_out |= set() if options.comments else _COMMENTS
    with check_archive(content) as archive:
        for name in sorted(archive.namelist()):
            if re.fullmatch(r"Contents/section\d+\.xml", name):
                for text in parse_xml(archive.read(name)).iter("{*}t", "{*}script"):
                    if not any(_is_left_out(above, left_out) for above in text.iterancestors()):
                        yield "".join(_kept(text))


def hwp(content: bytes, options: ReadingOptions) -> list[str] | None:
    """Texts of all paragraph records; None for a document for distribution, which keeps them encrypted."""
    import olefile

    left_out = (set() if options.page_headers else {b"head", b"foot"}) | (set() if options.comments else {b"tcmt"})
    with olefile.OleFileIO(io.BytesIO(content)) as file:
        (properties,) = struct.unpack_from("<I", file.openstream("FileHeader").read(), 36)
        if properties & _DISTRIBUTION:
            return None
        streams = [file.openstream(path).read() for path in file.listdir() if path[0] == "BodyText"]
    unpacked = [zlib.decompress(stream, -15) if properties & _PACKED else stream for stream in streams]
    return [text for stream in unpacked for text in _records(stream, left_out)]


def _records(stream: bytes, left_out: set[bytes]) -> Iterator[str]:
    place = 0
    above: int | None = None  # the level of a control whose paragraphs are left out
    while place + 4 <= len(stream):
        (head,) = struct.unpack_from("<I", stream, place)
        place += 4
        tag, level, size = head & 0x3FF, head >> 10 & 0x3FF, head >> 20
        if size == 0xFFF:
            (size,) = struct.unpack_from("<I", stream, place)
            place += 4
        record = stream[place : place + size]
        place += size
        if above is not None and level <= above:
            above = None
        if above is None and tag == _CONTROL and record[3::-1] in left_out:
            above = level
        if above is None and tag == _PARA_TEXT:
            yield _characters(record)


def _characters(units: bytes) -> str:
    kept = bytearray()
    place = 0
    while place + 2 <= len(units):
        (code,) = struct.unpack_from("<H", units, place)
        if code >= 32:
            kept += units[place : place + 2]
        place += 16 if code in _EXTENDED else 2
    return kept.decode("utf-16-le", "ignore")


def _is_left_out(element: _Element, kinds: set[str]) -> bool:
    kind = _local(element)
    if kind == "fieldBegin":
        return element.get("type") == "MEMO" and "memo" in kinds
    # Of the versions of a part, one for newer programs and one for others, one is read.
    return kind in kinds or (kind == "default" and _local(element.getparent()) == "switch")


def _kept(text: _Element) -> Iterator[str]:
    """Text and tails, without what stands between the marks of a deletion."""
    deleted = False
    yield text.text or ""
    for inner in text:
        kind = _local(inner)
        deleted = kind == "deleteBegin" or (deleted and kind != "deleteEnd")
        if not deleted:
            yield inner.tail or ""


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
