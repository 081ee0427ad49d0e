"""PPTX (ECMA-376 and ISO/IEC 29500, part 1: PresentationML), slide by slide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.archive import check_archive, core_title
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.office.drawing import plain
from rag_pipeline.documents.readers.office.left_out import warnings_of
from rag_pipeline.documents.readers.office.package import (
    Package,
    attribute,
    child,
    children,
    descendants,
)
from rag_pipeline.documents.readers.slides.shapes import Shapes
from rag_pipeline.documents.readers.titles import useful_title
from rag_pipeline.errors import DocumentError

if TYPE_CHECKING:
    from lxml.etree import _Element

_NOTES = "Notes"
# Characters beyond which a slide's title is text.
_LONGEST_HEADING = 200


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read slides below their titles; a slide is a section, with its number.

    Read are the texts of shapes and groups from top to bottom and left to right, tables with merged cells laid out, the
    values of charts, SmartArt, equations as a line, and speaker notes.

    Left out are pictures and their descriptions, and what stands on layouts and masters; hidden slides and shapes,
    comments, and date, footer and number of slides unless ``options`` want them; with a warning, embedded objects.

    Raises:
        DocumentError: it is locked, damaged, no presentation, or nested beyond 256 levels.
    """
    with check_archive(content) as archive:
        package = Package(archive)
        place, show = package.main("p:presentation")
        title = core_title(archive)
        left_out: Counter[str] = Counter()
        authors = _authors(package, place)
        sections: list[Section] = []
        for number, entry in enumerate(_slides(show), start=1):
            named = package.named(place, entry)
            slide = package.optional(named.target) if named else None
            if named is None or slide is None:
                left_out["damaged slide"] += 1
            elif attribute(slide, "show").lower() in ("0", "false") and not options.hidden:
                left_out["hidden slide"] += 1
            else:
                sections.append(_section(package, named.target, slide, number, options, left_out, authors))
    if left_out["damaged slide"] and not sections:
        raise DocumentError("is damaged: none of its slides can be read, or they are nested too deeply")
    return Document(title or _opening(sections) or stem_of(name), tuple(sections), warnings=warnings_of(left_out))


def _slides(show: _Element) -> Iterator[_Element]:
    entries = child(show, "p:sldIdLst")
    return children(entries, "p:sldId") if entries is not None else iter(())


def _section(
    package: Package,
    place: str,
    slide: _Element,
    number: int,
    options: ReadingOptions,
    left_out: Counter[str],
    authors: dict[str, str],
) -> Section:
    shapes = Shapes(package, place, options, left_out)
    shapes.read(slide)
    parts = shapes.texts
    for target in package.related(place, "notesSlide"):
        root = package.optional(target)
        if root is not None:
            notes = Shapes(package, target, options, left_out)
            notes.read(root)
            said = "\n".join(filter(None, [notes.title, *notes.texts]))
            parts += [f"{_NOTES}: {said}"] if said else []
            shapes.furniture += notes.furniture
    comments = [line for target in package.related(place, "comments") for line in _comments(package, target, authors)]
    if options.comments:
        parts += comments
    else:
        left_out["comment"] += len(comments)
    if options.page_headers:
        parts += shapes.furniture
    title = shapes.title
    if not parts or len(title) > _LONGEST_HEADING:
        # A slide with nothing but a title still says something.
        return Section((), "\n\n".join(filter(None, [title, *parts])), {"slide": number})
    return Section((title,) if title else (), "\n\n".join(parts), {"slide": number})


def _authors(package: Package, place: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, name in (("commentAuthors", "p:cmAuthor"), ("authors", "p188:author")):
        for target in package.related(place, kind):
            root = package.optional(target)
            for author in descendants(root, name) if root is not None else ():
                found[attribute(author, "id")] = attribute(author, "name").strip()
    return found


def _comments(package: Package, place: str, authors: dict[str, str]) -> Iterator[str]:
    """Comments of either kind: those of today are threads with replies."""
    root = package.optional(place)
    for comment in root.iter("{*}cm", "{*}reply") if root is not None else ():
        words = child(comment, "p:text")
        text = (words.text or "").strip() if words is not None else plain(child(comment, "p188:txBody"))
        author = authors.get(attribute(comment, "authorId"), "")
        if text:
            yield f"Comment{f' ({author})' if author else ''}: {text}"


def _opening(sections: list[Section]) -> str:
    """The first slide's title, or the first line there is."""
    if not sections:
        return ""
    first = next((section.text.split("\n")[0] for section in sections if section.text), "").strip("*")
    for words in (*sections[0].headings, first):
        title = useful_title(words)
        if title and len(title) <= _LONGEST_HEADING and not title.startswith("|"):  # which is a table
            return title
    return ""
