"""EPUB: the pages of the book in reading order (EPUB 3.3, https://www.w3.org/TR/epub-33/)."""

from __future__ import annotations

import posixpath
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.archive import check_archive, parse_xml
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.epub_contents import Entry, contents, is_navigation
from rag_pipeline.documents.readers.html import decode_html, sections_of
from rag_pipeline.documents.readers.html_tree import parse
from rag_pipeline.documents.readers.html_writer import write
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

if TYPE_CHECKING:
    from lxml.etree import _Element

_PAGES = ("application/xhtml+xml", "text/html", "image/svg+xml", "application/x-dtbook+xml")
_TOP = 1


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read each page once, as HTML is read: those of the spine in its order, then those that only links lead to.

    A page's headings stand below the parts of the table of contents that it belongs to; a page without a heading has
    its entry there. The table of contents itself is not read again as text.
    """
    with check_archive(content) as archive:
        place = _package(archive)
        package = parse_xml(archive.read(place))
        folder = posixpath.dirname(place)
        title = clean(_text(package, "title")) or stem_of(name)
        _refuse_locked(archive)
        entries = contents(archive, package, folder)
        sections: list[Section] = []
        warnings: list[str] = []
        missing = 0
        order = _pages(package, folder)
        tables = {_inside(item, folder) for item in package.iter("{*}item") if is_navigation(item)}
        for inside, is_shown in order.items():
            try:
                page = archive.read(inside)
            except KeyError:
                missing += is_shown
                continue
            decoded = decode_html(page)
            warnings += decoded.warnings
            root = parse(decoded.text)
            sections += _page(root, entries.get(inside, []), title, options, is_contents=inside in tables)
    if missing:
        warnings.append(f"{missing} {'page is' if missing == 1 else 'pages are'} missing from the book")
    return Document(title, tuple(sections), warnings=tuple(dict.fromkeys(warnings)))


def _page(
    root: _Element, entries: list[Entry], book: str, options: ReadingOptions, *, is_contents: bool
) -> list[Section]:
    blocks = write(root, options)
    headings = [block.text for block in blocks if block.level > 0]
    if is_contents and not any(block.text for block in blocks if block.level == 0):
        return []  # but for the table, which is no text, it says "Contents"
    above = entries[0].above if entries else ()
    if headings:
        # Headings of the page that repeat the part above it are no further level.
        own = sections_of(blocks)
        return [Section((*above, *_without(section.headings, (*above, book))), section.text) for section in own]
    anchors = {entry.anchor: (entry.depth + _TOP, entry.words) for entry in entries if entry.anchor}
    if anchors:
        blocks = write(root, options, anchors)
    whole = next((entry for entry in entries if not entry.anchor), None)
    top = (*above, whole.words) if whole else above
    return sections_of(blocks, above=_without(top, (book,)))


def _without(headings: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Headings from the first that is not known."""
    return headings[1:] if headings and headings[0] in known else headings


def _package(archive: zipfile.ZipFile) -> str:
    container = parse_xml(archive.read("META-INF/container.xml"))
    for element in container.iter("{*}rootfile"):
        return str(element.get("full-path"))
    raise DocumentError("is damaged: its container names no package")


def _refuse_locked(archive: zipfile.ZipFile) -> None:
    """Fonts may be scrambled; pages that are can be read in a shop's program only."""
    try:
        listed = parse_xml(archive.read("META-INF/encryption.xml"))
    except (KeyError, SyntaxError):
        return
    places = [str(element.get("URI")) for element in listed.iter("{*}CipherReference")]
    if any(place.lower().endswith((".xhtml", ".html", ".htm", ".xml")) for place in places):
        raise DocumentError("is locked by its publisher (DRM)")


def _pages(package: _Element, folder: str) -> dict[str, bool]:
    """Each page's place in the archive, once, in reading order; whether the spine names it."""
    items = {
        str(item.get("id")): _inside(item, folder)
        for item in package.iter("{*}item")
        if item.get("media-type") in _PAGES
    }
    pictures = {str(item.get("id")) for item in package.iter("{*}item") if item.get("media-type") == _PAGES[2]}
    spine = [str(item.get("idref")) for item in package.iter("{*}itemref")]
    order = dict.fromkeys((items[idref] for idref in spine if idref in items), True)
    for identity, place in items.items():
        if identity not in pictures:  # those are parts of pages
            order.setdefault(place, False)
    return order


def _inside(item: _Element, folder: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(str(item.get("href")).partition("#")[0])))


def _text(package: _Element, name: str) -> str:
    for element in package.iter(f"{{*}}{name}"):
        return " ".join("".join(str(part) for part in element.itertext()).split())
    return ""
