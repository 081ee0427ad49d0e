"""EML: a mail (RFC 5322, MIME: RFC 2045 to 2049)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.encodings import decode_with_warnings
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.html import decode_html, sections_of
from rag_pipeline.documents.readers.html_tree import parse
from rag_pipeline.documents.readers.html_writer import write
from rag_pipeline.documents.readers.mail_headers import date_of, file_name, header
from rag_pipeline.errors import DocumentError
from rag_pipeline.metadata_values import MetadataValue
from rag_pipeline.text import clean

_SHOWN = ("From", "To", "Cc", "Date")
_FORWARDED = "Forwarded message"
_ENCRYPTED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
_READ_AS_TEXT = frozenset({"message/delivery-status", "message/feedback-report", "message/global-delivery-status"})
_FOLDED = re.compile(r"\n[ \t]")
_ADDRESSES = re.compile(r"(?:https?://|www\.)\S+|[<\[(]?cid:\S+")
# Two parts that say the same differ by some words. Beyond that, the longer one says more.
_AS_MUCH = 0.9
_MUCH_MORE = 1.25
# Of the letters of either version, in words that the other has too: with fewer the two are not the same text.
_SAME_TEXT = 0.5
_STUB = 400
_PAGES = ("text/html", "application/xhtml+xml")
_TEXT_FILES = (".txt", ".text", ".md", ".csv", ".tsv", ".log", ".ics", ".vcf")


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read who wrote to whom and when, all texts in their order, forwarded mails, and attachments that are text.

    A forwarded mail is a section under its subject, with its own headers; a text that is attached is one under the
    file's name. Of two versions of the same text, plain and HTML, the richer is read. Other attachments are named only.
    """
    message = message_from_bytes(content)
    letter = _Letter(options)
    letter.read(message, ())
    metadata: dict[str, MetadataValue] = {
        key.lower(): date_of(value) if key == "Date" else value for key, value in headers_of(message)
    }
    title = header(message, "Subject") or stem_of(name)
    return Document(title, tuple(letter.sections), metadata, tuple(dict.fromkeys(letter.warnings)))


def headers_of(message: Message) -> list[tuple[str, str]]:
    """The headers that are shown, those that say something."""
    named = ((key, header(message, key)) for key in _SHOWN)
    return [(key, value) for key, value in named if value]


@dataclass
class _Letter:
    """What was read so far of a mail and of those in it."""

    options: ReadingOptions
    sections: list[Section] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def read(self, message: Message, above: tuple[str, ...]) -> None:
        """Read a mail below the headings of the one that it came in."""
        lines = [f"{key}: {value}" for key, value in headers_of(message)]
        texts: list[Section] = []
        files: list[Section] = []
        mails: list[Message] = []
        names: list[str] = []
        waiting = deque(_parts(message))
        while waiting:
            part = waiting.popleft()
            kind = part.get_content_type()
            name = file_name(part)
            is_file = bool(name) or part.get_content_disposition() == "attachment"
            if kind in _MESSAGES:
                mails += _inner(part)
            elif kind in _ENCRYPTED or kind == "multipart/encrypted":
                self.warnings.append("the text is encrypted and was not read")
            elif kind == "multipart/alternative" and part.is_multipart():
                chosen, others = self._richer(part)
                texts += chosen
                waiting.extendleft(reversed(others))
            elif not _is_text(kind, name):
                names += [name or "unnamed"] if is_file else []
            elif is_file or kind == "text/calendar":
                files += self._text(part, (*above, name or ("Calendar" if kind == "text/calendar" else "Attachment")))
            else:
                texts += self._text(part, ())
        begun = next((number for number, section in enumerate(texts) if section.headings), len(texts))
        body = ["\n".join(lines), *(section.text for section in texts[:begun])]
        if names:
            body.append(f"Attachments: {', '.join(names)}")
        self.sections.append(Section(above, "\n\n".join(text for text in body if text.strip())))
        self.sections += [Section((*above, *section.headings), section.text) for section in texts[begun:]]
        self.sections += files
        for mail in mails:
            self.read(mail, (*above, header(mail, "Subject") or _FORWARDED))

    def _richer(self, alternative: Message) -> tuple[list[Section], list[Message]]:
        """One version of a text that comes in several, and parts that are no versions, such as files between them."""
        plain: list[Section] = []
        rich: list[Section] = []
        others: list[Message] = []
        for part in _parts(alternative, inside=True):
            kind = part.get_content_type()
            if not _is_text(kind) or kind == "text/calendar" or file_name(part):
                others.append(part)
            elif kind in _PAGES:
                rich += self._text(part, ())
            else:
                plain += self._text(part, ())
        return (rich if _is_richer(rich, plain) else plain), others

    def _text(self, part: Message, above: tuple[str, ...]) -> list[Section]:
        content = _payload(part)
        if not content.strip():
            return []
        charset = part.get_content_charset()
        try:
            if part.get_content_type() in _PAGES:
                page = decode_html(content, charset)
                self.warnings += page.warnings
                return sections_of(write(parse(page.text), self.options), above=above)
            decoded = decode_with_warnings(content, charset)
        except DocumentError as error:
            self.warnings.append(f"a part of the mail was not read: {error}")
            return []
        self.warnings += decoded.warnings
        text = clean(decoded.text)
        if part.get_content_type() == "text/calendar":
            text = _FOLDED.sub("", text)
        if str(part.get_param("format", "")).lower() == "flowed":
            text = unflowed(text, joined=str(part.get_param("delsp", "")).lower() == "yes")
        return [Section(above, text.strip("\n").rstrip())] if text.strip() else []


def _parts(message: Message, *, inside: bool = False) -> Iterator[Message]:
    """The parts that are read as a whole, in order: those of ``mixed`` and the like one by one."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        kind = part.get_content_type()
        whole = kind in _MESSAGES or kind in _READ_AS_TEXT or kind == "multipart/encrypted"
        if not part.is_multipart() or whole or (kind == "multipart/alternative" and not (inside and part is message)):
            yield part
            continue
        inner = [one for one in part.get_payload() if isinstance(one, Message)]
        if kind == "multipart/related":
            # The others are what the first shows in its place, unless they are said to be attached.
            root = _root(part, inner)
            inner = [one for one in inner if one is root or one.get_content_disposition() == "attachment"]
        waiting += reversed(inner)


def _root(part: Message, inner: list[Message]) -> Message | None:
    start = str(part.get_param("start", "")).strip()
    named = (one for one in inner if start and str(one.get("Content-ID", "")).strip() == start)
    return next(named, inner[0] if inner else None)


def _inner(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _is_text(kind: str, name: str = "") -> bool:
    """Whether a part is text; one of several parts whose borders are missing is text too."""
    if kind == "application/octet-stream":
        return name.lower().endswith(_TEXT_FILES)
    return kind.startswith(("text/", "multipart/")) or kind in _READ_AS_TEXT or kind in _PAGES


def _payload(part: Message) -> bytes:
    if part.get_content_type() in _READ_AS_TEXT:
        return b"\n".join(one.as_bytes() for one in _inner(part))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _is_richer(rich: list[Section], plain: list[Section]) -> bool:
    """Whether HTML says more than the plain version; as much is enough if it holds a table or headings."""
    if not rich or not plain:
        return bool(rich)
    shown, said = _words(rich), _words(plain)
    shows, says = sum(map(len, shown)), sum(map(len, said))
    in_both = set(shown) & set(said)
    common = max(_share(shown, in_both), _share(said, in_both))
    if common < _SAME_TEXT:
        # Another text: that this mail wants a program for HTML, or that its writer has not cared for HTML.
        return says <= max(_STUB, 2 * shows)
    is_structured = any(section.headings or "\n| --- |" in section.text for section in rich)
    return shows >= (_AS_MUCH if is_structured else _MUCH_MORE) * says


def _share(words: list[str], known: set[str]) -> float:
    return sum(len(word) for word in words if word in known) / max(sum(map(len, words)), 1)


def _words(sections: list[Section]) -> list[str]:
    said = " ".join(f"{' '.join(section.headings)} {section.text}" for section in sections)
    return re.findall(r"\w+", _ADDRESSES.sub(" ", said))


def unflowed(text: str, *, joined: bool) -> str:
    """Lines of ``format=flowed`` in one again (RFC 3676): those that end in a space go on in the next.

    Args:
        text: the part.
        joined: whether that space is no part of the text (``delsp``), as between letters of a Korean word.
    """
    lines: list[str] = []
    goes_on = False
    depth = 0
    for line in text.split("\n"):
        inner = line.lstrip(">")
        own = len(line) - len(inner)
        inner = inner.removeprefix(" ")
        if goes_on and own == depth:
            lines[-1] += inner
        else:
            lines.append(f"{'>' * own}{' ' if own else ''}{inner}")
        depth = own
        goes_on = inner.endswith(" ") and inner != "-- "
        if goes_on and joined:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)
