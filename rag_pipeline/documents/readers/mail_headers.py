"""Headers of a mail as their writer meant them (RFC 2047, RFC 2231), and as programs write them against the rules."""

from __future__ import annotations

import binascii
import re
import textwrap
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from rag_pipeline.documents.encodings import decode_with_warnings
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

# Encoded words whose parts belong together: a letter may be cut between them.
_BETWEEN = re.compile(r"(\?=)\s+(?==\?[^?\s]+\?[bqBQ]\?)")
# Characters of a header that are decoded at a time: the time grows with the square of it.
_LONGEST = 20_000
_ENCODED = re.compile(r"=\?[^?\s]+\?[bqBQ]\?[^?]*\?=")


def header(message: Message, name: str) -> str:
    """A header in one line; empty if there is none. Of several, the first."""
    raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), None)
    return words(str(raw)) if raw is not None else ""


def words(raw: str) -> str:
    """The text of a header as it stands in the file: encoded words, or bytes of any encoding."""
    line = " ".join(text_of(as_bytes(raw)).split())
    if not _ENCODED.search(line):
        return clean(line)
    try:
        text = " ".join(map(_decoded, textwrap.wrap(line, _LONGEST) if len(line) > _LONGEST else [line]))
    except (binascii.Error, ValueError):
        return clean(line)
    return clean(" ".join(text.split()))


def _decoded(line: str) -> str:
    parts = decode_header(_BETWEEN.sub(r"\1", line))
    return "".join(text_of(part, charset) if isinstance(part, bytes) else part for part, charset in parts)


def file_name(part: Message) -> str:
    """The name of an attachment; empty if it has none."""
    for field, key in (("content-disposition", "filename"), ("content-type", "name")):
        raw = next((value for name, value in part.raw_items() if name.lower() == field), None)
        if raw is None:
            continue
        decoded = Message()  # the parser looks for parameters in letters, not in bytes
        line = " ".join(text_of(as_bytes(str(raw))).split())
        decoded[field] = words(line) if line.startswith("=?") else line  # some programs encode all of it
        value = decoded.get_param(key, None, field)
        if isinstance(value, tuple):
            charset, _, encoded = value
            return clean(" ".join(text_of(as_bytes(encoded), charset).split()))
        if value:
            name = words(str(value))
            # Some write it percent-encoded, as in the address of a page.
            return words(unquote_to_bytes(name).decode("utf-8", "replace")) if "%" in name and " " not in name else name
    return ""


def date_of(line: str) -> str:
    """A date as ISO 8601, with its offset; the line itself if it is no date (RFC 5322, 3.3)."""
    try:
        return parsedate_to_datetime(line).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return line


def text_of(content: bytes, charset: str | None = None) -> str:
    """Bytes of a header as text."""
    try:
        return decode_with_warnings(content, charset).text
    except DocumentError:
        return content.decode("utf-8", "replace")


def as_bytes(raw: str) -> bytes:
    """The bytes that the parser has put into a text; see ``message_from_bytes``."""
    try:
        return raw.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        try:
            return raw.encode("latin-1")
        except UnicodeEncodeError:
            return raw.encode("utf-8", "surrogateescape")
