"""Small HWP 5 files: a compound file of packed streams of records (Hancom's "HWP Document File Formats 5.0").

What stands in a document is a function from its level to the bytes of its records, so that it may stand in anything.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.formats import deflated

Node = Callable[[int], bytes]
PACKED, PASSWORD, DISTRIBUTED, DRM = 1, 2, 4, 16
KEY = bytes(range(65, 81))
_SECTOR, _END, _FREE, _FAT = 512, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_KINDS = {"": 0, "outline": 1, "number": 2, "bullet": 3}


def record(tag: int, level: int, payload: bytes = b"") -> bytes:
    """A record; its tag as the published format counts them, from HWPTAG_BEGIN."""
    short = min(len(payload), 0xFFF)
    head = struct.pack("<I", tag + 0x10 | level << 10 | short << 20)
    return head + (struct.pack("<I", len(payload)) if short == 0xFFF else b"") + payload


def string(words: str) -> bytes:
    encoded = words.encode("utf-16-le")
    return struct.pack("<H", len(encoded) // 2) + encoded


@dataclass(frozen=True)
class Control:
    """What stands in a paragraph for eight letters."""

    name: str
    code: int
    payload: bytes = b""
    inner: tuple[Node, ...] = ()

    @property
    def units(self) -> bytes:
        return struct.pack("<H4s8xH", self.code, self.name.encode()[::-1], self.code)

    def records(self, level: int) -> bytes:
        below = b"".join(node(level + 1) for node in self.inner)
        return record(55, level, self.name.encode()[::-1] + self.payload) + below


def inline(code: int, junk: bytes = b"\xa0\x0f") -> bytes:
    """A control without a record, such as a tab (9), with its own numbers in it."""
    return struct.pack("<H", code) + junk.ljust(12, b"\1") + struct.pack("<H", code)


def paragraph(
    *pieces: str | bytes | Control, shape: int = 0, style: int = 0, letters: tuple[tuple[int, int], ...] = ((0, 0),)
) -> Node:
    """A paragraph.

    Args:
        pieces: text, letters as bytes, and controls.
        shape: of the paragraph.
        style: of the paragraph.
        letters: where shapes of letters begin, and which.
    """

    def made(level: int) -> bytes:
        units = b"".join(
            piece.units
            if isinstance(piece, Control)
            else piece.encode("utf-16-le")
            if isinstance(piece, str)
            else piece
            for piece in pieces
        )
        controls = [piece for piece in pieces if isinstance(piece, Control)]
        count = len(units) // 2 + 1
        return (
            record(50, level, struct.pack("<IIHBBHHHI", count, 0, shape, style, 0, len(letters), 0, 0, 0))
            + (record(51, level + 1, units + b"\r\0") if units else b"")
            + record(52, level + 1, b"".join(struct.pack("<II", *pair) for pair in letters))
            + b"".join(control.records(level + 1) for control in controls)
        )

    return made


def listing(*paragraphs: Node | str, more: bytes = b"") -> Node:
    """A list of paragraphs behind its header."""
    nodes = [paragraph(entry) if isinstance(entry, str) else entry for entry in paragraphs]

    def made(level: int) -> bytes:
        return record(56, level, struct.pack("<iI", len(nodes), 0) + more) + b"".join(node(level) for node in nodes)

    return made


def leaf(tag: int, payload: bytes = b"", *inner: Node) -> Node:
    """A record of its own, and what stands below it."""
    return lambda level: record(tag, level, payload) + b"".join(node(level + 1) for node in inner)


def note(name: str, *paragraphs: Node | str) -> Control:
    """``fn`` or ``en``; also ``head``, ``foot`` and ``tcmt``."""
    code = {"head": 16, "foot": 16, "tcmt": 15}.get(name, 17)
    return Control(name.ljust(4), code, b"\0" * 8, (listing(*paragraphs),))


def automatic_number(kind: int, number: int, form: int = 0) -> Control:
    return Control("atno", 18, struct.pack("<IHHHH", kind | form << 4, number, 0, 0, 0))


def cell(row: int, column: int, *paragraphs: Node | str, down: int = 1, across: int = 1) -> Node:
    return listing(*paragraphs, more=struct.pack("<HHHH18x", column, row, across, down))


def table(rows: int, columns: int, *cells: Node, caption: str = "", below: bool = False) -> Control:
    """A table, in the line."""
    above = (listing(caption, more=struct.pack("<I", 3 if below else 2)),) if caption else ()
    sizes = struct.pack("<IHH", 0, rows, columns) + b"\0" * (12 + 2 * rows)
    return Control("tbl ", 11, _common(in_line=True), (*above, leaf(61, sizes), *cells))


def box(*paragraphs: Node | str, in_line: bool = False) -> Control:
    """A rectangle with text in it."""
    return Control("gso ", 11, _common(in_line=in_line), (leaf(60, b"cer$cer$", listing(*paragraphs), leaf(63)),))


def _common(*, in_line: bool) -> bytes:
    return struct.pack("<I", int(in_line)) + b"\0" * 38


def equation(script: str) -> Control:
    return Control("eqed", 11, _common(in_line=True), (leaf(72, struct.pack("<I", 0) + string(script)),))


def section_properties(outline: int, *inner: Node) -> Control:
    return Control("secd", 2, struct.pack("<IHHHIH", 0, 0, 0, 0, 8000, outline).ljust(30, b"\0"), inner)


def paragraph_shape(kind: str = "", level: int = 0, of: int = 0) -> bytes:
    return record(9, 1, struct.pack("<I24xHH22x", _KINDS[kind] << 23 | level << 25, 0, of))


def style(name: str) -> bytes:
    return record(10, 1, string(name) + string("") + b"\0" * 10)


def letter_shape(*, bold: bool = False) -> bytes:
    return record(5, 1, b"\0" * 46 + struct.pack("<I22x", bold << 1))


def numbering(*levels: tuple[str, int]) -> bytes:
    """Each level's text, and the code of its kind."""
    filled = [*levels, *[("", 0)] * (7 - len(levels))]
    heads = b"".join(struct.pack("<IHHI", code << 5, 0, 50, 0xFFFFFFFF) + string(words) for words, code in filled)
    return record(7, 1, heads + struct.pack("<H7I", 1, *[1] * 7))


def bullet(sign: str) -> bytes:
    return record(8, 1, b"\0" * 12 + sign.encode("utf-16-le") + b"\0" * 12)


def summary(title: str) -> bytes:
    """A property set with a title in it (MS-OLEPS)."""
    words = (title + "\0").encode("utf-16-le")
    values = struct.pack("<II", 31, len(words) // 2) + words
    properties = struct.pack("<IIII", 16 + len(values), 1, 2, 16) + values
    return struct.pack("<HHI16sI16sI", 0xFFFE, 0, 0, b"", 1, b"", 48) + properties


def locked(content: bytes, seed: int = 0x12345) -> bytes:
    """A stream as documents for distribution keep it: behind a record that hides the key, in AES-128."""
    state, noise = seed, []
    while len(noise) < 256:
        drawn = []
        for _ in range(2):
            state = (state * 214013 + 2531011) % 2**32
            drawn.append(state // 65536 % 32768)
        noise += [drawn[0] % 256] * (drawn[1] % 16 + 1)
    plain = bytearray(256)
    plain[4 + seed % 16 : 4 + seed % 16 + 16] = KEY
    data = struct.pack("<I", seed) + bytes(a ^ b for a, b in zip(plain[4:], noise[4:256], strict=True))
    encryptor = Cipher(algorithms.AES(KEY), modes.ECB()).encryptor()
    return record(12, 0, data) + encryptor.update(content + b"\0" * (-len(content) % 16)) + encryptor.finalize()


def hwp(
    *paragraphs: Node | str,
    info: bytes = b"",
    flags: int = PACKED,
    version: int = 0x05010001,
    title: str = "",
    streams: dict[str, bytes] | None = None,
) -> bytes:
    """A file of one section.

    Args:
        paragraphs: those of its text.
        info: the records of its DocInfo.
        flags: of its header.
        version: of its format.
        title: in its summary.
        streams: put beside these, or in their place.
    """
    nodes = [paragraph(entry) if isinstance(entry, str) else entry for entry in paragraphs]
    body = b"".join(node(0) for node in nodes)
    packed = deflated if flags & PACKED else bytes
    parts = {
        "FileHeader": b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", version, flags),
        "DocInfo": packed(record(0, 0, b"\0" * 26) + info),
        "\x05HwpSummaryInformation": summary(title),
        "BodyText/Section0": packed(body),
    }
    if flags & DISTRIBUTED:
        parts["BodyText/Section0"] = packed(paragraph("이 문서는 상위 버전의 배포용 문서입니다.")(0))
        parts["ViewText/Section0"] = locked(packed(body))
    return compound({**parts, **(streams or {})})


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file (MS-CFB, version 3); short streams are filled up, so that all lie in ordinary sectors."""
    data, fat, starts = b"", [], {}
    for name, content in streams.items():
        starts[name] = len(fat)
        filled = content.ljust(4096, b"\0")
        count = -(-len(filled) // _SECTOR)
        fat += [*range(len(fat) + 1, len(fat) + count), _END]
        data += filled.ljust(count * _SECTOR, b"\0")
        streams[name] = filled
    folders: dict[str, list[str]] = {"": []}
    for name in streams:
        folder, _, _ = name.rpartition("/")
        if folder and folder not in folders:
            folders[folder] = []
            folders[""].append(folder)
        folders[folder].append(name)
    order = ["", *(name for names in folders.values() for name in names)]
    places = {name: place for place, name in enumerate(order)}

    def entry(name: str) -> bytes:
        siblings = next((names for names in folders.values() if name in names), [name])
        after = siblings[siblings.index(name) + 1 :]
        right = places[after[0]] if after else _FREE
        below = places[folders[name][0]] if name in folders else _FREE
        encoded = (name.rpartition("/")[2] or "Root Entry").encode("utf-16-le") + b"\0\0"
        kind = 5 if not name else 1 if name in folders else 2
        return struct.pack(
            "<64sHBBIII16sIQQIQ",
            encoded, len(encoded), kind, 1, _FREE, right, below, b"", 0, 0, 0, starts.get(name, _END),
            len(streams.get(name, b"")),
        )  # fmt: skip

    directory = b"".join(map(entry, order))
    directory_start = len(fat)
    count = -(-len(directory) // _SECTOR)
    fat += [*range(len(fat) + 1, len(fat) + count), _END]
    data += directory.ljust(count * _SECTOR, b"\0")
    fat_start, count = len(fat), 1
    while (len(fat) + count) * 4 > count * _SECTOR:
        count += 1
    fat += [_FAT] * count
    data += struct.pack(f"<{len(fat)}I", *fat).ljust(count * _SECTOR, b"\xff")
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, count, directory_start, 0, 4096,
        _END, 0, _END, 0, fat_start,
    )  # fmt: skip
    more = b"".join(struct.pack("<I", fat_start + index) for index in range(1, count))
    return (header + more).ljust(_SECTOR, b"\xff") + data
