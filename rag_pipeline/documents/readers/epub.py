"""EPUB: the pages of the book in reading order (EPUB 3.3, https://www.w3.org/TR/epub-33/)."""

from __future__ import annotations

import posixpath
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.archive import check_archive, parse_xml
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.html import decode_html, parse, to_markdown
from rag_pipeline.documents.readers.markdown import read_markdown
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

if TYPE_CHECKING:
    from lxml.etree import _Element

_PAGES = ("application/xhtml+xml", "text/html")


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read each page of the spine; its own title or first heading is its heading."""
    with check_archive(content) as archive:
        place = _package(archive)
        package = parse_xml(archive.read(place))
        title = clean(_text(package, "title")) or stem_of(name)
        folder = posixpath.dirname(place)
        sections: list[Section] = []
        for href in _spine(package):
            inside = posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
            try:
                page = archive.read(inside)
            except KeyError:
                continue  # named in the spine and missing from the book: readers of books skip it too
            sections += _page(page, title)
    return Document(title, tuple(sections))


def _page(content: bytes, book: str) -> list[Section]:
    page = read_markdown(to_markdown(parse(decode_html(content))), None, "")
    own = (page.title,) if page.title and page.title != book else ()
    return [Section((*own, *section.headings), section.text) for section in page.sections]


def _package(archive: zipfile.ZipFile) -> str:
    container = parse_xml(archive.read("META-INF/container.xml"))
    for element in container.iter("{*}rootfile"):
        return str(element.get("full-path"))
    raise DocumentError("is damaged: its container names no package")


def _spine(package: _Element) -> list[str]:
    pages = {
        item.get("id"): str(item.get("href"))
        for item in package.iter("{*}item")
        if item.get("media-type") in _PAGES and item.get("properties") != "nav"
    }
    order: list[Any] = [item.get("idref") for item in package.iter("{*}itemref")]
    return [pages[idref] for idref in order if idref in pages]


def _text(package: _Element, name: str) -> str:
    for element in package.iter(f"{{*}}{name}"):
        return " ".join("".join(str(part) for part in element.itertext()).split())
    return ""
