"""MHT and MHTML: a page that a browser saved with all its parts (RFC 2557)."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.html import decode_html, page_title, sections_of
from rag_pipeline.documents.readers.html_tree import parse
from rag_pipeline.documents.readers.html_writer import write
from rag_pipeline.documents.readers.mail_headers import header
from rag_pipeline.errors import DocumentError


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read the page, then the pages in its frames; pictures and styles are left out.

    Raises:
        DocumentError: no page is in it.
    """
    message = message_from_bytes(content)
    pages = [part for part in message.walk() if part.get_content_type() in ("text/html", "application/xhtml+xml")]
    if not pages:
        raise DocumentError("holds no page; save it again as a web page, or as HTML")
    title = ""
    sections: list[Section] = []
    warnings: list[str] = []
    for part in pages:
        page = decode_html(_payload(part), part.get_content_charset())
        root = parse(page.text)
        blocks = write(root, options)
        if part is pages[0]:
            first = next((block.text for block in blocks if block.level == 1), "")
            title = page_title(root) or first or header(message, "Subject") or stem_of(name)
        sections += sections_of(blocks, title)
        warnings += page.warnings
    return Document(title, tuple(sections), warnings=tuple(dict.fromkeys(warnings)))


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
