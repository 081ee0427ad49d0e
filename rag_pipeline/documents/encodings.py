"""Bytes of a text file become text, and Korean stays Korean."""

from __future__ import annotations

import codecs

from rag_pipeline.errors import DocumentError
from rag_pipeline.text import hangul_count

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Tried when a text is neither UTF-8 nor Korean. With every code page allowed, one accent too many is Baltic.
_OTHERS = ["cp1252", "cp932", "gb18030", "big5"]
_CONTROL = frozenset(range(32)) - {9, 10, 12, 13, 27}
_HANGUL_SHARE = 0.5
_CONTROL_SHARE = 0.02


def decode(content: bytes) -> str:
    """Decode UTF-8, UTF-16 and UTF-32 with a mark, cp949 (which holds EUC-KR), or what charset-normalizer finds.

    Raises:
        DocumentError: the bytes are not text, or of no encoding that can be told.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                raise DocumentError(f"not valid {encoding.removesuffix('-sig').upper()} after its mark") from None
    control = sum(byte in _CONTROL for byte in content[:65_536])
    if b"\0" in content or control > _CONTROL_SHARE * min(len(content), 65_536):
        raise DocumentError("binary, not text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = content.decode("cp949")
    except UnicodeDecodeError:
        pass
    else:
        if _reads_as_korean(text):
            return text
    from charset_normalizer import from_bytes

    best = from_bytes(content, cp_isolation=_OTHERS).best()
    if best is None:
        raise DocumentError("of no text encoding that can be told; save it as UTF-8")
    return str(best)


def _reads_as_korean(text: str) -> bool:
    """Western bytes often decode as cp949 too, but then into rare hanja, not into Hangul."""
    foreign = [character for character in text if ord(character) > 127]
    return bool(foreign) and hangul_count("".join(foreign)) >= _HANGUL_SHARE * len(foreign)
