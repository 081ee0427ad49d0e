"""The table of contents of a book: what its pages are called, and the parts that they belong to."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag_pipeline.documents.readers.archive import parse_xml
from rag_pipeline.documents.readers.html_tree import epub_type, name_of, parse
from rag_pipeline.text import clean

if TYPE_CHECKING:
    from lxml.etree import _Element

_DEEPEST = 8


@dataclass(frozen=True)
class Entry:
    """An entry of the table of contents."""

    words: str
    above: tuple[str, ...]
    """The parts it stands in, outermost first."""
    place: str
    """The page in the archive."""
    anchor: str
    """An element of that page; empty: all of it."""

    @property
    def depth(self) -> int:
        """How many parts it stands in."""
        return len(self.above)


def contents(archive: zipfile.ZipFile, package: _Element, folder: str) -> dict[str, list[Entry]]:
    """Entries by page, in order; empty if the book has no table of contents, or a damaged one."""
    found: list[Entry] = []
    for item in package.iter("{*}item"):
        place = posixpath.normpath(posixpath.join(folder, unquote(str(item.get("href")))))
        try:
            if is_navigation(item):
                found = list(_of_nav(parse(archive.read(place).decode("utf-8", "replace")), posixpath.dirname(place)))
            elif item.get("media-type") == "application/x-dtbncx+xml" and not found:
                found = list(_of_ncx(parse_xml(archive.read(place)), posixpath.dirname(place)))
        except (KeyError, SyntaxError):
            continue
    entries: dict[str, list[Entry]] = {}
    for entry in found:
        entries.setdefault(entry.place, []).append(entry)
    return entries


def is_navigation(item: _Element) -> bool:
    """Whether an item of the package is the book's navigation document."""
    return "nav" in str(item.get("properties") or "").split()


def _of_nav(root: _Element, folder: str) -> Iterator[Entry]:
    for nav in root.iter("nav"):
        if "toc" in epub_type(nav).split():
            first = next((child for child in nav if name_of(child) == "ol"), None)
            if first is not None:
                yield from _of_list(first, folder, ())
            return


def _of_list(listed: _Element, folder: str, above: tuple[str, ...]) -> Iterator[Entry]:
    for item in listed:
        words = href = ""
        for child in item:
            if name_of(child) in ("a", "span"):
                words = _words(child)
                href = str(child.get("href") or "")
                if href:
                    yield _entry(words, above, href, folder)
            elif name_of(child) == "ol" and len(above) < _DEEPEST:
                yield from _of_list(child, folder, (*above, words) if words else above)


def _of_ncx(root: _Element, folder: str) -> Iterator[Entry]:
    for points in root.iter("{*}navMap"):
        yield from _of_points(points, folder, ())


def _of_points(points: _Element, folder: str, above: tuple[str, ...]) -> Iterator[Entry]:
    for point in points.iterchildren("{*}navPoint"):
        label = next(point.iterchildren("{*}navLabel"), None)
        words = _words(label) if label is not None else ""
        source = next(point.iterchildren("{*}content"), None)
        if source is not None and words:
            yield _entry(words, above, str(source.get("src") or ""), folder)
        if len(above) < _DEEPEST:
            yield from _of_points(point, folder, (*above, words) if words else above)


def _entry(words: str, above: tuple[str, ...], href: str, folder: str) -> Entry:
    page, _, anchor = href.partition("#")
    return Entry(words, above, posixpath.normpath(posixpath.join(folder, unquote(page))), unquote(anchor))


def _words(element: _Element) -> str:
    return clean(" ".join("".join(str(part) for part in element.itertext()).split()))
