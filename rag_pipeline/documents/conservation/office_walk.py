"""DOCX, PPTX, XLSX and ODS: the text elements of their XML, by local name, so that Strict Open XML counts too."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from zipfile import ZipFile

from rag_pipeline.documents.readers.archive import check_archive, parse_xml
from rag_pipeline.documents.readers.base import ReadingOptions

if TYPE_CHECKING:
    from lxml.etree import _Element

_FURNITURE = frozenset({"dt", "ftr", "sldNum", "hdr"})


def docx(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Paragraphs of body and notes, without what was deleted."""
    wanted = "document|footnotes|endnotes"
    wanted += "|comments" if options.comments else ""
    wanted += r"|header\d*|footer\d*" if options.page_headers else ""
    with check_archive(content) as archive:
        for name in archive.namelist():
            if re.fullmatch(rf"word/(?:{wanted})\.xml", name):
                yield from _paragraphs(parse_xml(archive.read(name)), {"t"}, options)


def pptx(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Paragraphs of slides that are shown, and their notes."""
    with check_archive(content) as archive:
        for name in archive.namelist():
            if not re.fullmatch(r"ppt/slides/slide\d+\.xml", name):
                continue
            slide = parse_xml(archive.read(name))
            if slide.get("show") in ("0", "false") and not options.hidden:
                continue
            yield from _paragraphs(slide, {"t"}, options)
            for related in _related(archive, name, "notesSlide"):
                yield from _paragraphs(parse_xml(archive.read(related)), {"t"}, options)


def xlsx(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Text cells of the sheets that are shown; figures and dates are written in another way than they are stored."""
    with check_archive(content) as archive:
        names = set(archive.namelist())
        shared: list[str] = []
        if "xl/sharedStrings.xml" in names:
            strings = parse_xml(archive.read("xl/sharedStrings.xml"))
            shared = ["".join(_own_text(item)) for item in strings.iterchildren("{*}si")]
        targets = _targets(archive, "xl/workbook.xml")
        for sheet in parse_xml(archive.read("xl/workbook.xml")).iter("{*}sheet"):
            identifier = next((value for key, value in sheet.attrib.items() if str(key).endswith("}id")), None)
            if sheet.get("state", "visible") != "visible" and not options.hidden:
                continue
            place = targets.get(str(identifier), "")
            if place in names:
                yield from _cells(parse_xml(archive.read(place)), shared, options)


def ods(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Paragraphs of the cells that are shown."""
    with check_archive(content) as archive:
        root = parse_xml(archive.read("content.xml"))
    for paragraph in root.iter("{*}p"):
        above = [_local(element) for element in paragraph.iterancestors()]
        hidden = any(_is_collapsed(element) for element in paragraph.iterancestors())
        if "table" not in above or ("annotation" in above and not options.comments):
            continue
        if options.hidden or not hidden:
            yield "".join(map(str, paragraph.itertext()))


def _paragraphs(root: _Element, texts: set[str], options: ReadingOptions) -> Iterator[str]:
    """The text of each paragraph, without that of paragraphs inside it, such as those of a text box."""
    found: dict[_Element, list[str]] = {}
    for element in root.iter("{*}t"):
        if _local(element) not in texts or not element.text:
            continue
        paragraph = None
        for above in element.iterancestors():
            kind = _local(above)
            if kind in ("p", "rt", "rubyBase") and paragraph is None:
                paragraph = above  # a reading stands after its letters in the text, and before them in the file
            if _is_left_out(above, kind, options):
                break
        else:
            found.setdefault(element if paragraph is None else paragraph, []).append(element.text)
    yield from ("".join(parts) for parts in found.values())


def _is_left_out(element: _Element, kind: str, options: ReadingOptions) -> bool:
    if kind == "r":
        return not options.hidden and element.find("{*}rPr/{*}vanish") is not None
    if kind == "sp":
        return not options.page_headers and _placeholder(element) in _FURNITURE
    return kind in ("del", "moveFrom", "Fallback")


def _placeholder(shape: _Element) -> str:
    place = shape.find("{*}nvSpPr/{*}nvPr/{*}ph")
    return "" if place is None else str(place.get("type", ""))


def _cells(sheet: _Element, shared: list[str], options: ReadingOptions) -> Iterator[str]:
    hidden_columns: set[int] = set()
    for column in sheet.iter("{*}col"):
        if column.get("hidden") in ("1", "true"):
            last = min(int(column.get("max", "0")), 16_384)
            hidden_columns.update(range(int(column.get("min", "0")), last + 1))
    for row in sheet.iter("{*}row"):
        if row.get("hidden") in ("1", "true") and not options.hidden:
            continue
        for cell in row.iterchildren("{*}c"):
            if _column(str(cell.get("r", ""))) in hidden_columns and not options.hidden:
                continue
            value = cell.findtext("{*}v")
            kind = cell.get("t")
            if kind == "s" and value is not None and int(value) < len(shared):
                yield shared[int(value)]
            elif kind == "str" and value is not None:
                yield value
            elif kind == "inlineStr":
                yield from ("".join(_own_text(inline)) for inline in cell.iterchildren("{*}is"))


def _own_text(item: _Element) -> Iterator[str]:
    """Text of a string, without its readings (phonetic runs)."""
    for text in item.iter("{*}t"):
        if not any(_local(above) == "rPh" for above in text.iterancestors()):
            yield text.text or ""


def _column(reference: str) -> int:
    number = 0
    for letter in re.match(r"[A-Z]*", reference)[0]:  # type: ignore[index]
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _is_collapsed(element: _Element) -> bool:
    return any(str(key).endswith("}visibility") and value != "visible" for key, value in element.attrib.items())


def _related(archive: ZipFile, part: str, kind: str) -> list[str]:
    return [target for target in _targets(archive, part, kind).values() if target in archive.namelist()]


def _targets(archive: ZipFile, part: str, kind: str = "") -> dict[str, str]:
    """Parts that one part names, by their ids (ECMA-376, part 2)."""
    folder, name = posixpath.split(part)
    try:
        relations = parse_xml(archive.read(f"{folder}/_rels/{name}.rels"))
    except KeyError:
        return {}
    return {
        str(relation.get("Id")): posixpath.normpath(posixpath.join("/", folder, str(relation.get("Target")))).lstrip(
            "/"
        )
        for relation in relations.iter("{*}Relationship")
        if str(relation.get("Type")).endswith(kind) and relation.get("TargetMode") != "External"
    }


def _local(element: _Element) -> str:
    return str(element.tag).rpartition("}")[2]
