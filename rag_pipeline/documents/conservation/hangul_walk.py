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
# Control characters that take eight code units; the others take one.
_EXTENDED = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23})
_PAGE_FURNITURE = frozenset({"header", "footer"})
_COMMENTS = frozenset({"hiddenComment", "memo", "memogroup"})


def hwpx(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Texts of the sections, the tails of tabs and line breaks included, without what was deleted."""
    left_out = (set() if options.page_headers else _PAGE_FURNITURE) | (set() if options.comments else _COMMENTS)
    with check_archive(content) as archive:
        for name in sorted(archive.namelist()):
            if re.fullmatch(r"Contents/section\d+\.xml", name):
                for text in parse_xml(archive.read(name)).iter("{*}t", "{*}script"):
                    if not left_out & {_local(above) for above in text.iterancestors()}:
                        yield "".join(_kept(text))


def hwp(content: bytes, _options: ReadingOptions) -> Iterator[str]:
    """Texts of all paragraph records; a document for distribution keeps them encrypted, and has no walk here."""
    import olefile

    with olefile.OleFileIO(io.BytesIO(content)) as file:
        header = file.openstream("FileHeader").read()
        packed = bool(header[36] & 1)
        for path in file.listdir():
            if path[0] == "BodyText":
                stream = file.openstream(path).read()
                yield from _records(zlib.decompress(stream, -15) if packed else stream)


def _records(stream: bytes) -> Iterator[str]:
    place = 0
    while place + 4 <= len(stream):
        (head,) = struct.unpack_from("<I", stream, place)
        place += 4
        size = head >> 20
        if size == 0xFFF:
            (size,) = struct.unpack_from("<I", stream, place)
            place += 4
        if head & 0x3FF == _PARA_TEXT:
            yield _characters(stream[place : place + size])
        place += size


def _characters(units: bytes) -> str:
    kept = bytearray()
    place = 0
    while place + 2 <= len(units):
        (code,) = struct.unpack_from("<H", units, place)
        if code >= 32:
            kept += units[place : place + 2]
        place += 16 if code in _EXTENDED else 2
    return kept.decode("utf-16-le", "ignore")


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
