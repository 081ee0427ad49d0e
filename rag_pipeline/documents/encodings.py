"""Bytes of a text file become text, and Korean stays Korean."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from rag_pipeline.documents.common_letters import share_of_common
from rag_pipeline.errors import DocumentError

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the same bytes
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Encodings that are told by what they give, in the order in which equals win. cp949 holds EUC-KR.
_TOLD_BY_LETTERS = ("cp949", "gb18030", "euc_jp", "cp932", "big5hkscs", "cp1252")
# Alphabets of one byte a letter, told by charset-normalizer where nothing else fits.
_OTHERS = ["cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874", "cp1250", "cp1254", "cp1257", "cp1258"]
_WIDE = ("utf-16-le", "utf-16-be")
# What labels mean in practice (WHATWG Encoding Standard, "names and labels"): the superset that programs write.
_MEANT = {
    **dict.fromkeys(("euc-kr", "euckr", "ks_c_5601-1987", "ks_c_5601-1989", "ksc5601", "ksc_5601", "korean"), "cp949"),
    **dict.fromkeys(("windows-949", "x-windows-949", "ms949", "uhc", "x-euc-kr", "cseuckr", "iso-ir-149"), "cp949"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "ms932", "ms_kanji"), "cp932"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "gb_2312-80", "chinese", "cp936", "windows-936"), "gb18030"),
    **dict.fromkeys(("big5", "big5-hkscs", "cn-big5", "x-x-big5", "cp950"), "big5hkscs"),
    **dict.fromkeys(("x-euc-jp", "euc-jp"), "euc_jp"),
}
# Labels that programs write without having looked: any byte fits them.
_SAYS_NOTHING = frozenset({"ascii", "iso8859-1", "cp1252"})
_NAMES = {"utf-8": "UTF-8", "cp949": "Korean (cp949)", "cp932": "Shift_JIS", "euc_jp": "EUC-JP", "big5hkscs": "Big5"}
_ESCAPED = (b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_2")
_CONTROL = frozenset(range(32)) - {9, 10, 12, 13, 27}
_CONTROL_SHARE = 0.02
_SAMPLE = 65_536
_FEW = 200  # bytes: a longer text in Korean is no valid UTF-8
_LEAST_WIDE = 8  # bytes of UTF-16 without a mark and without zeros; fewer may be anything
# Of letters beyond ASCII: as many must be common ones for an encoding to be believed, and as many bytes may not fit.
_LEAST_COMMON = 0.15
_MOST_UNFIT = 0.1
_MOST_STRAY = 0.01  # of all bytes, where nothing but ASCII is told
_SURROGATES = re.compile("[\ud800-\udfff]+")
_CUT_LETTER = re.compile("[\udcc2-\udcf4][\udc80-\udcbf]{0,2}\\Z")
_KNOWN = re.compile("[\t\n\r -~가-힣ぁ-ヿ、-』·…“”‘’]")
_ALSO_KNOWN = re.compile("[\u00a1-\u052f\u4e00-\u9fff\uff01-\uff5e─-╿]")
_LONG_LETTERS = re.compile("[\u0800-\ud7ff\ue000-\U0010ffff]")  # of three bytes and more in UTF-8
_SHORT_LETTERS = re.compile("[\x80-\u07ff]")
_HIGH = re.compile(rb"[\x80-\xff]+")


@dataclass(frozen=True)
class Decoded:
    """A text, and what was to be said of its bytes."""

    text: str
    warnings: tuple[str, ...] = ()


def decode(content: bytes) -> str:
    """The text of :func:`decode_with_warnings`."""
    return decode_with_warnings(content).text


def decode_with_warnings(content: bytes, declared: str | None = None) -> Decoded:
    """Decode text of any usual encoding; a byte that does not fit costs that byte (U+FFFD), and is warned of.

    Read are UTF-8, UTF-16 and UTF-32, cp949, and by their commonest letters Shift_JIS, EUC-JP, GB18030, Big5 and
    cp1252. A declared encoding counts if the bytes do not speak against it.

    Args:
        content: the bytes.
        declared: what a page or a mail says of itself.

    Raises:
        DocumentError: the bytes are not text, or of no encoding that can be told.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            name = encoding.upper().removesuffix("-LE").removesuffix("-BE")
            return _tolerant(content[len(mark) :], encoding, name, f"not valid {name} after its mark")
    wide = _unmarked_utf16(content)
    if wide:
        return _tolerant(content, wide, "UTF-16", "binary, not text")
    control = sum(byte in _CONTROL for byte in content[:_SAMPLE])
    if b"\0" in content or control > _CONTROL_SHARE * min(len(content), _SAMPLE):
        raise DocumentError("binary, not text")
    codec = _codec(declared)
    if codec and codec not in _SAYS_NOTHING:
        said = _as_declared(content, codec)
        if said is not None:
            return said
    return _told(content)


def _told(content: bytes) -> Decoded:
    """The text of bytes that say nothing of themselves."""
    for escape, encoding in _ESCAPED:
        if escape in content and content.isascii():
            return _tolerant(content, encoding, encoding, "of no text encoding that can be told; save it as UTF-8")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return Decoded(content.decode("cp949") if _is_korean_by_chance_utf8(content, text) else text)
    if _is_damaged_utf8(content):
        text, unfit = _lenient(content, "utf-8")
        return Decoded(text, _said(unfit, "UTF-8"))
    ranked = _ranked(content)
    plausibility, best = ranked[0]
    unknown = "of no text encoding that can be told; save it as UTF-8"
    if plausibility >= _LEAST_COMMON:
        return _tolerant(content, best, _NAMES.get(best, best), unknown)
    text, unfit = _lenient(content, "utf-8")
    if unfit <= max(1, _MOST_STRAY * len(content)):
        return Decoded(text, _said(unfit, "UTF-8"))  # ASCII but for a few bytes
    from charset_normalizer import from_bytes

    found = from_bytes(_sample(content), cp_isolation=_OTHERS).best()
    if found is None:
        raise DocumentError(unknown)
    return _tolerant(content, found.encoding, found.encoding, unknown)


def _ranked(content: bytes) -> list[tuple[float, str]]:
    """Encodings by how well the text reads in them; of equals, the first of the list stays first."""
    sample = _sample(content)
    ranked = [(_plausibility(sample, encoding), encoding) for encoding in _TOLD_BY_LETTERS]
    if len(content) % 2 == 0 and len(content) >= _LEAST_WIDE:
        # Without zeros and a mark, UTF-16 is Hangul alone.
        wide = content[:_SAMPLE]
        ranked += [(share_of_common(wide.decode(name, "replace"), name) - 0.3, name) for name in _WIDE]
    return sorted(ranked, key=lambda entry: -entry[0])


def _codec(declared: str | None) -> str | None:
    """Python's codec for a label; None if it has none that makes text of bytes."""
    label = (declared or "").strip().strip("\"'").lower()
    try:
        name = codecs.lookup(_MEANT.get(label, label)).name
        b"aaaa".decode(name)  # refuses those that are no text encodings, such as base64
    except (LookupError, ValueError):
        return None
    return _MEANT.get(name, name)


def _as_declared(content: bytes, codec: str) -> Decoded | None:
    """The text as it is declared; None if the bytes speak against it."""
    try:
        text, unfit = _lenient(content, codec)
    except (UnicodeError, ValueError):
        return None
    if unfit > _MOST_UNFIT / 2 * _high(content):
        return None
    if codec != "utf-8" and not content.isascii() and _holds_long_utf8(content):
        return None
    return Decoded(text, _said(unfit, _NAMES.get(codec, codec)))


def _holds_long_utf8(content: bytes) -> bool:
    """Whether bytes are UTF-8 with letters of three bytes: no other encoding gives that by chance for long."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return any(character > "\u07ff" for character in text)


def _tolerant(content: bytes, encoding: str, name: str, refused: str) -> Decoded:
    """Decode what fits; what does not becomes U+FFFD, unless it is too much.

    Raises:
        DocumentError: with the reason ``refused``, if more does not fit than an accident explains.
    """
    text, unfit = _lenient(content, encoding)
    if unfit > max(1, _MOST_UNFIT * (len(content) if encoding.startswith("utf-16") else _high(content))):
        raise DocumentError(refused)
    return Decoded(text, _said(unfit, name))


def _said(unfit: int, name: str) -> tuple[str, ...]:
    if not unfit:
        return ()
    return (
        f"1 byte is no {name} and was replaced" if unfit == 1 else f"{unfit:,} bytes are no {name} and were replaced",
    )


def _high(content: bytes) -> int:
    return sum(map(len, _HIGH.findall(content)))


def _lenient(content: bytes, encoding: str) -> tuple[str, int]:
    """Text with U+FFFD for what does not fit, and how many bytes do not."""
    if encoding.startswith("utf-16") or encoding.startswith("utf-32"):
        # Their decoders know no escapes.
        text = content.decode(encoding, "replace")
        unit = 2 if encoding.startswith("utf-16") else 4
        broken = len(text) - len(content.decode(encoding, "ignore"))
        return text, broken * unit - (unit - len(content) % unit if broken and len(content) % unit else 0)
    # Bytes that do not fit come as lone surrogates (PEP 383), which no valid text holds: counted, then replaced.
    text = content.decode(encoding, "surrogateescape")
    unfit = sum(map(len, _SURROGATES.findall(text)))
    return (_SURROGATES.sub("\ufffd", text), unfit) if unfit else (text, 0)


def _is_damaged_utf8(content: bytes) -> bool:
    """Whether bytes are UTF-8 but for some: letters of three bytes hardly come about by chance, of two they do."""
    text = content.decode("utf-8", "surrogateescape")
    unfit = len(_SURROGATES.findall(text))
    without_end = len(_SURROGATES.findall(_CUT_LETTER.sub("", text)))
    long, short = len(_LONG_LETTERS.findall(text)), len(_SHORT_LETTERS.findall(text))
    return (long >= 1 and long >= 3 * without_end) or short >= 10 * unfit


def _is_korean_by_chance_utf8(content: bytes, text: str) -> bool:
    """Whether valid UTF-8 is a Korean word or two all the same, such as ``치호``, whose bytes are also ``ġȣ``."""
    if len(content) > _FEW:
        return False
    foreign = [character for character in text if character > "\x7f"]
    if any(character > "\u024f" for character in foreign):
        return False
    if all("\u00c0" <= character <= "\u00ff" for character in foreign):
        return False  # accents, or nothing
    try:
        korean = content.decode("euc_kr")
    except UnicodeDecodeError:
        return False
    return share_of_common(text, "cp1252") == 0 and all("가" <= letter <= "힣" for letter in korean if letter > "\x7f")


def _unmarked_utf16(content: bytes) -> str | None:
    """UTF-16 without a mark, where it holds zeros: read rightly it is Hangul, ASCII and other letters in use."""
    sample = content[: _SAMPLE - len(content[:_SAMPLE]) % 2]
    if b"\0" not in sample or len(sample) < 4:
        return None
    shares: dict[str, float] = {}
    for encoding in _WIDE:
        text = sample.decode(encoding, "replace")
        controls = sum(unicodedata.category(character) in ("Cc", "Cn", "Co") for character in text)
        controls -= sum(map(text.count, "\t\n\r\f"))
        known, others = len(_KNOWN.findall(text)) / len(text), len(_ALSO_KNOWN.findall(text)) / len(text)
        if controls <= 0.01 * len(text) and (known >= 0.7 or known + others >= 0.9):
            shares[encoding] = known
    return max(shares, key=shares.__getitem__, default=None)


def _sample(content: bytes) -> bytes:
    """The lines that tell: those with bytes beyond ASCII, as far as needed."""
    first = _HIGH.search(content)
    start = content.rfind(b"\n", 0, first.start()) + 1 if first else 0
    lines: list[bytes] = []
    size = 0
    for line in content[start : start + 50 * _SAMPLE].splitlines():
        if not line.isascii():
            lines.append(line)
            size += len(line)
            if size > _SAMPLE:
                break
    return b"\n".join(lines)[: 2 * _SAMPLE]


def _plausibility(sample: bytes, encoding: str) -> float:
    """How well a text reads in an encoding, from 0 to 1; what does not fit counts thrice."""
    text, unfit = _lenient(sample, encoding)
    return share_of_common(text, encoding) - 3 * max(0, unfit - 1) / max(_high(sample), 1) - 0.02 * bool(unfit)
