"""DOCX (ECMA-376 and ISO/IEC 29500, part 1: WordprocessingML)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.archive import check_archive, core_title
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.office.left_out import warnings_of
from rag_pipeline.documents.readers.office.package import Package, name_of
from rag_pipeline.documents.readers.word.blocks import BlockReader
from rag_pipeline.documents.readers.word.notes import Notes, note_forms
from rag_pipeline.documents.readers.word.numbering import Numbering
from rag_pipeline.documents.readers.word.story import Reading, Story
from rag_pipeline.documents.readers.word.styles import Styles
from rag_pipeline.documents.readers.word.written import Written

if TYPE_CHECKING:
    from lxml.etree import _Element


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read the text as it stands with all changes accepted, below its headings.

    Read are paragraphs and lists with the numbers that Word writes before them, tables with merged cells laid out,
    content controls, results of fields, text boxes and shapes, equations as a line, the values of charts, SmartArt,
    ruby as 漢字(かな), and notes at the end of the section that refers to them. A superscript on a figure is written
    ``12.04^1)``.

    Left out are deletions and what was moved away, instructions of fields, pictures and their descriptions, building
    blocks; hidden text, comments, headers and footers unless ``options`` want them; with a warning, embedded files.

    Raises:
        DocumentError: it is locked, damaged, no Word document, or nested beyond 256 levels.
    """
    with check_archive(content) as archive:
        package = Package(archive)
        place, root = package.main("w:document")
        reading = _reading(package, place, options)
        notes = Notes(reading, place)
        written = Written(core_title(archive), mark_bold=options.outline, note=notes.text)
        story = Story(reading, place, root)
        for part in root:
            if name_of(part) == "w:body":
                for block in BlockReader(story).blocks(part):
                    written.add(block)
        sections = [*written.sections(), *notes.unmarked(root)]
        if options.page_headers:
            sections += _page_headers(reading, place)
    return Document(written.title or stem_of(name), tuple(sections), warnings=warnings_of(reading.left_out))


def _reading(package: Package, place: str, options: ReadingOptions) -> Reading:
    def related(kind: str) -> _Element | None:
        return package.optional(next(iter(package.related(place, kind)), None))

    styles = Styles(related("styles"))
    return Reading(package, styles, Numbering(related("numbering"), styles), options, note_forms(related("settings")))


def _page_headers(reading: Reading, place: str) -> Iterator[Section]:
    """Headers and footers, each text once: a section of a document has up to six."""
    texts: dict[str, None] = {}
    for kind in ("header", "footer"):
        for part in reading.package.related(place, kind):
            root = reading.package.optional(part)
            if root is not None:
                blocks = BlockReader(Story(reading, part, root)).blocks(root, in_table=True)
                texts["\n".join(block.text for block in blocks)] = None
    body = "\n\n".join(filter(None, texts))
    if body:
        yield Section(("Headers and footers",), body)
