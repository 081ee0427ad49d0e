"""HWP 5 as a container: a compound file whose streams are packed, and some locked, and hold records."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag_pipeline.errors import DocumentError

if TYPE_CHECKING:
    import olefile

_SIGNATURE = b"HWP Document File"
_PACKED, _PASSWORD, _DISTRIBUTED, _DRM, _CERTIFICATE, _CERTIFICATE_DRM = (1 << bit for bit in (0, 1, 2, 4, 8, 10))
_SECTION = re.compile(r"Section(\d+)", re.IGNORECASE)
_SUMMARY = "\x05HwpSummaryInformation"
_TITLE, _WIDE_TEXT = 2, 31  # of a property set (MS-OLEPS): PIDSI_TITLE, VT_LPWSTR
# Text packs to a tenth, records of tables to a fiftieth.
_RATIO = 200
_SMALL = 20_000_000
_LARGEST = 1_000_000_000
_DISTRIBUTION_DATA = 0x10 + 12
_LONG = 0xFFF


@dataclass(slots=True)
class Record:
    """A record, and those that stand one level below it."""

    tag: int
    payload: bytes
    children: list[Record] = field(default_factory=list)

    def number(self, offset: int, form: str = "<H") -> int:
        """A number in the payload; 0 where it is too short."""
        if offset + struct.calcsize(form) > len(self.payload):
            return 0
        return int(struct.unpack_from(form, self.payload, offset)[0])

    def letter(self, offset: int) -> str:
        """A letter in the payload; empty where it is too short, or has none there."""
        return self.payload[offset : offset + 2].decode("utf-16-le", "replace").strip("\0")

    def string(self, offset: int) -> tuple[str, int]:
        """A text behind its length, and where what follows it begins."""
        start = offset + 2
        end = start + 2 * self.number(offset)
        return self.payload[start:end].decode("utf-16-le", "replace"), end


class HwpFile:
    """An opened HWP 5 file.

    Raises:
        DocumentError: it is locked, no HWP 5 file, or damaged.
    """

    def __init__(self, content: bytes) -> None:
        import olefile

        self._size = len(content)
        self._taken = self._unpacked = 0
        try:
            self._file: olefile.OleFileIO = olefile.OleFileIO(io.BytesIO(content))
        except Exception as error:
            raise DocumentError(f"is damaged ({error})") from None
        header = self._raw("FileHeader")
        if not header.startswith(_SIGNATURE) or len(header) < 40:
            raise DocumentError("is damaged, or no HWP file")
        version, self._flags = struct.unpack_from("<II", header, 32)
        if version >> 24 != 5:
            raise DocumentError(f"is of the format HWP {version >> 24}, which is not read; save it again in Hangul")
        if self._flags & _PASSWORD:
            raise DocumentError("is locked with a password; save it without one")
        if self._flags & (_DRM | _CERTIFICATE | _CERTIFICATE_DRM):
            raise DocumentError("is locked by rights management (DRM); save it without")

    def __enter__(self) -> HwpFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def title(self) -> str:
        """The title in its summary, a property set; empty if it has none."""
        if not self._file.exists(_SUMMARY):
            return ""
        summary = Record(-1, self._raw(_SUMMARY))
        begin = summary.number(44, "<I")
        for place in range(begin + 8, begin + 8 + 8 * min(summary.number(begin + 4, "<I"), 100), 8):
            value = begin + summary.number(place + 4, "<I")
            if summary.number(place, "<I") == _TITLE and summary.number(value, "<I") == _WIDE_TEXT:
                text = summary.payload[value + 8 : value + 8 + 2 * summary.number(value + 4, "<I")]
                return text.decode("utf-16-le", "replace").rstrip("\0")
        return ""

    def document_info(self) -> list[Record]:
        """What the document defines."""
        if not self._file.exists("DocInfo"):
            return []
        return _records(self._unpack(self._raw("DocInfo"), "DocInfo"), "DocInfo")

    def sections(self) -> Iterator[list[Record]]:
        """The paragraphs of each section, in order."""
        distributed = bool(self._flags & _DISTRIBUTED)
        storage = "ViewText" if distributed else "BodyText"
        names = {
            int(match[1]): "/".join(path)
            for path in self._file.listdir()
            if len(path) == 2 and path[0] == storage and (match := _SECTION.fullmatch(path[1]))
        }
        if not names:
            raise DocumentError(f"is damaged: it has no {storage}")
        for _, name in sorted(names.items()):
            content = self._raw(name)
            if distributed:
                content = _released(content)
            yield _records(self._unpack(content, name), name)

    def _raw(self, name: str) -> bytes:
        try:
            self._taken += self._file.get_size(name)
            if self._taken > self._size:  # streams that lie upon each other, or end nowhere
                raise DocumentError(f"is damaged: its streams are longer than the file ({name})")
            with self._file.openstream(name) as stream:
                return bytes(stream.read())
        except OSError as error:
            raise DocumentError(f"is damaged, or no HWP file ({error})") from None

    def _unpack(self, content: bytes, name: str) -> bytes:
        if not self._flags & _PACKED:
            return content
        most = min(max(_RATIO * self._size, _SMALL), _LARGEST) - self._unpacked
        packed = zlib.decompressobj(-15)
        try:
            unpacked = packed.decompress(content, max(most, 1))
            is_whole = packed.eof
        except zlib.error:
            is_whole = False
        else:
            if packed.unconsumed_tail:
                raise DocumentError(f"would unpack to more than {most / 1e6:,.0f} MB: a zip bomb")
        if not is_whole:
            how = "is locked for distribution in a way that is not read" if self._flags & _DISTRIBUTED else "is damaged"
            raise DocumentError(f"{how}: {name} cannot be unpacked; save it again in Hangul")
        self._unpacked += len(unpacked)
        return unpacked


def _records(content: bytes, name: str) -> list[Record]:
    """Records as a tree by their levels, of any depth."""
    top = Record(-1, b"")
    above: list[tuple[int, Record]] = [(-1, top)]
    place, size = 0, len(content)
    while place + 4 <= size:
        (head,) = struct.unpack_from("<I", content, place)
        place += 4
        length = head >> 20
        if length == _LONG and place + 4 <= size:
            (length,) = struct.unpack_from("<I", content, place)
            place += 4
        if place + length > size:
            raise DocumentError(f"is damaged: {name} ends within a record")
        record = Record(head & 0x3FF, content[place : place + length])
        place += length
        level = head >> 10 & 0x3FF
        while above[-1][0] >= level:
            above.pop()
        above[-1][1].children.append(record)
        above.append((level, record))
    return top.children


def _released(content: bytes) -> bytes:
    """A stream without the lock for distribution (배포용 문서).

    Hancom's "HWP Document File Formats, distribution documents" describes it: a record of 256 bytes, in which the key
    lies behind random bytes of a known start, and then AES-128 in ECB mode.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    head, data = content[:4], content[4:260]
    if len(data) < 256 or struct.unpack("<I", head)[0] & 0x3FF != _DISTRIBUTION_DATA:
        raise DocumentError("is locked for distribution in a way that is not read; save it as an ordinary document")
    (seed,) = struct.unpack_from("<I", data)
    begin = 4 + (seed & 0xF)
    noise = distribution_noise(seed)
    key = bytes(byte ^ noise[begin + index] for index, byte in enumerate(data[begin : begin + 16]))
    locked = content[260:]
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305 - the format's own
    return decryptor.update(locked[: len(locked) // 16 * 16]) + decryptor.finalize()


def distribution_noise(seed: int) -> bytes:
    """The 256 bytes that hide the key: of rand() in Microsoft's C library, a byte and how often it stands."""

    def rand() -> int:
        nonlocal seed
        seed = (seed * 214013 + 2531011) & 0xFFFFFFFF
        return seed >> 16 & 0x7FFF

    noise = b""
    while len(noise) < 256:
        byte = rand() & 0xFF
        noise += bytes([byte]) * ((rand() & 0xF) + 1)
    return noise[:256]
