"""HTML, EPUB and mail: the text nodes that a reader of the page sees."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote

from rag_pipeline.documents.encodings import decode_with_warnings
from rag_pipeline.documents.readers.archive import check_archive, parse_xml
from rag_pipeline.documents.readers.base import ReadingOptions

_UNSEEN = frozenset(
    {"script", "style", "template", "iframe", "head", "nav", "noscript", "title", "desc", "metadata"}
    | {"button", "select", "option", "datalist"}
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def html(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Text nodes of a page."""
    from rag_pipeline.documents.readers.html import decode_html

    yield from _visible(decode_html(content).text, options)


def epub(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Text nodes of the pages that the book's spine names."""
    with check_archive(content) as archive:
        container = parse_xml(archive.read("META-INF/container.xml"))
        place = str(next(container.iter("{*}rootfile")).get("full-path"))
        package = parse_xml(archive.read(place))
        pages = {
            item.get("id"): str(item.get("href"))
            for item in package.iter("{*}item")
            if "nav" not in str(item.get("properties", "")).split()
        }
        for item in package.iter("{*}itemref"):
            href = pages.get(item.get("idref"), "")
            inside = posixpath.normpath(posixpath.join(posixpath.dirname(place), unquote(href.partition("#")[0])))
            if inside in archive.namelist():
                yield from html(archive.read(inside), options)


def eml(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Text of all parts but attachments that are no text; of alternatives the last."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    yield str(message["Subject"] or "")
    yield from _part(message, options)


def _part(part: Any, options: ReadingOptions) -> list[str]:
    kind = part.get_content_type()
    if kind == "multipart/alternative":
        # The last version is the richest (RFC 2046, 5.1.4); one that the reader takes instead says the same.
        *_, richest = part.iter_parts()
        return _part(richest, options)
    if part.is_multipart():
        return [string for inner in part.iter_parts() for string in _part(inner, options)]
    if part.get_content_maintype() != "text":
        return []
    text = decode_with_warnings(part.get_payload(decode=True), part.get_content_charset()).text
    return list(_visible(text, options)) if kind == "text/html" else text.split("\n")


def _visible(text: str, options: ReadingOptions) -> Iterator[str]:
    """Text nodes in their order; the stack holds elements, and the texts that follow them."""
    from lxml import etree

    if not text.strip():
        return
    root = etree.fromstring(text.encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8", huge_tree=True))
    has_main = not options.page_headers and any(True for _ in root.iter("main", "article"))
    waiting: list[Any] = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
            continue
        if not isinstance(node.tag, str) or _is_unseen(node, options) or (has_main and _is_furniture(node)):
            continue
        for child in reversed(node):
            waiting += [child.tail] if child.tail else []
            waiting.append(child)
        waiting += [node.text] if node.text else []


def _is_unseen(element: Any, options: ReadingOptions) -> bool:
    if element.tag in _UNSEEN:
        return True
    return not options.hidden and (
        "hidden" in element.attrib
        or element.get("aria-hidden", "").lower() == "true"
        or bool(_HIDDEN_STYLE.search(element.get("style", "")))
    )


def _is_furniture(element: Any) -> bool:
    """Whether it is a header or footer of the page, where the main text is marked and it stands outside."""
    if element.tag not in ("header", "footer", "aside"):
        return False
    return not any(above.tag in ("main", "article") for above in element.iterancestors())
