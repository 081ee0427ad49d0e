"""The parts of an Office file and how they name each other (ECMA-376, part 2), Transitional and Strict alike."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag_pipeline.documents.readers.archive import parse_xml
from rag_pipeline.errors import DocumentError

if TYPE_CHECKING:
    from lxml.etree import _Element

_TRANSITIONAL = "http://schemas.openxmlformats.org/"
_STRICT = "http://purl.oclc.org/ooxml/"
_MICROSOFT = "http://schemas.microsoft.com/office/"
_PREFIXES = {
    f"{_TRANSITIONAL}markup-compatibility/2006": "mc",
    f"{_MICROSOFT}drawing/2008/diagram": "dsp",
    f"{_MICROSOFT}drawing/2014/chartex": "cx",
    f"{_MICROSOFT}powerpoint/2018/8/main": "p188",
    "urn:schemas-microsoft-com:vml": "v",
    **{
        f"{base}{family}{year}/{last}": prefix
        for base, year in ((_TRANSITIONAL, "/2006"), (_STRICT, ""))
        for family, last, prefix in (
            ("wordprocessingml", "main", "w"),
            ("presentationml", "main", "p"),
            ("drawingml", "main", "a"),
            ("drawingml", "chart", "c"),
            ("drawingml", "diagram", "dgm"),
            ("officeDocument", "math", "m"),
            ("officeDocument", "relationships", "r"),
        )
    },
}
# What a document begins with: its suffix, its usual place, and what it is.
_KINDS = {
    "w:document": (".docx", "word/document.xml", "a Word document"),
    "p:presentation": (".pptx", "ppt/presentation.xml", "a presentation"),
}
_FALSE = frozenset({"0", "false", "off", "none"})
# What shows that an alternative holds something to read.
_READABLE = frozenset({"t", "sym", "chart", "relIds", "textpath"})


@lru_cache(maxsize=4096)
def _short(tag: str) -> str:
    space, _, local = tag.rpartition("}")
    return f"{_PREFIXES.get(space[1:], '?')}:{local}"


@lru_cache(maxsize=1024)
def _tags(name: str) -> tuple[str, ...]:
    prefix, _, local = name.partition(":")
    return tuple(f"{{{space}}}{local}" for space, short in _PREFIXES.items() if short == prefix)


def name_of(element: _Element) -> str:
    """An element's name with its usual prefix, such as ``w:p``; ``?:p`` in other namespaces, "" for a comment."""
    tag = element.tag
    return _short(tag) if isinstance(tag, str) else ""


def attribute(element: _Element | None, local: str, default: str = "") -> str:
    """An attribute's value by its name, in whatever namespace."""
    if element is not None:
        for key, value in element.attrib.items():
            if key == local or key.endswith("}" + local):
                return str(value)
    return default


def whole(value: str, default: int = 0) -> int:
    """A whole number as files write it; the default where it is none."""
    try:
        return int(float(value)) if len(value) < 20 else default
    except (ValueError, OverflowError):
        return default


def child(element: _Element | None, *path: str) -> _Element | None:
    """The first child of a name, or a child's child."""
    for name in path:
        element = next(element.iterchildren(*_tags(name)), None) if element is not None else None
    return element


def children(element: _Element, name: str) -> Iterator[_Element]:
    """All children of a name."""
    return iter(element.iterchildren(*_tags(name)))


def descendants(element: _Element, name: str) -> Iterator[_Element]:
    """All elements of a name at any depth."""
    return iter(element.iter(*_tags(name)))


def switched(properties: _Element | None, name: str) -> bool | None:
    """Whether a property that is on or off is on; None where it is not named."""
    found = child(properties, name)
    return None if found is None else attribute(found, "val").lower() not in _FALSE


def alternative(element: _Element) -> Iterable[_Element]:
    """What is in the one branch of ``mc:AlternateContent`` that is read (part 3): the first with something to read."""
    branches = [inner for inner in element if name_of(inner) in ("mc:Choice", "mc:Fallback")]
    return next((branch for branch in branches if _is_readable(branch)), branches[0] if branches else ())


def _is_readable(branch: _Element) -> bool:
    found = (inner for inner in branch.iter(*(f"{{*}}{local}" for local in _READABLE)))
    return any(not str(inner.tag).endswith("}t") or (inner.text or "").strip() for inner in found)


@dataclass(frozen=True)
class Relation:
    """What a part says of another."""

    kind: str
    """The last step of its type, such as ``slide``."""
    target: str
    """A place in the archive, or an address where it is external."""
    external: bool


class Package:
    """An Office file that is open."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        # Names differ in letter case and slashes between programs, and mean the same.
        self._entries = {entry.replace("\\", "/").strip("/").lower(): entry for entry in archive.namelist()}
        self._relations: dict[str, dict[str, Relation]] = {}

    def holds(self, place: str) -> bool:
        """Whether there is a part at a place."""
        return place.strip("/").lower() in self._entries

    def root(self, place: str) -> _Element:
        """A part's XML.

        Raises:
            DocumentError: the part is missing, no XML, or nested beyond what a reader follows.
        """
        from lxml import etree

        entry = self._entries.get(place.strip("/").lower())
        if entry is None:
            raise DocumentError(f"is damaged: it names {place}, which is not in it")
        try:
            return parse_xml(self._archive.read(entry))
        except etree.XMLSyntaxError as error:
            if "depth" in str(error).lower():
                raise DocumentError("is nested too deeply") from None
            raise DocumentError(f"is damaged: {place} is not XML ({error.msg})") from None
        except zipfile.BadZipFile as error:
            raise DocumentError(f"is damaged ({str(error).lower()})") from None

    def optional(self, place: str | None) -> _Element | None:
        """A part's XML; None where it is missing or damaged: without its styles a file is read all the same."""
        if place is None or not self.holds(place):
            return None
        try:
            return self.root(place)
        except DocumentError:
            return None

    def relations(self, place: str) -> dict[str, Relation]:
        """What a part names, by id."""
        if place not in self._relations:
            folder, _, file = place.rpartition("/")
            root = self.optional(posixpath.join(folder, "_rels", f"{file}.rels"))
            self._relations[place] = {
                attribute(entry, "Id"): Relation(
                    attribute(entry, "Type").rstrip("/").rpartition("/")[2],
                    _resolved(folder, attribute(entry, "Target")),
                    attribute(entry, "TargetMode") == "External",
                )
                for entry in (root if root is not None else ())
                if name_of(entry)
            }
        return self._relations[place]

    def related(self, place: str, kind: str) -> list[str]:
        """Places of the parts of one kind that a part names."""
        return [found.target for found in self.relations(place).values() if found.kind == kind and not found.external]

    def named(self, place: str, element: _Element, local: str = "id") -> Relation | None:
        """The part that an element names in an attribute ``r:…``."""
        for key, value in element.attrib.items():
            if _short(str(key)) == f"r:{local}":
                return self.relations(place).get(str(value))
        return None

    def main(self, kind: str) -> tuple[str, _Element]:
        """Place and XML of the document itself.

        Args:
            kind: ``w:document`` or ``p:presentation``.

        Raises:
            DocumentError: it is missing, damaged, or of another kind.
        """
        suffix, usual, _ = _KINDS[kind]
        place = next(iter(self.related("", "officeDocument")), usual)
        if not self.holds(place):
            raise DocumentError(f"is damaged, or not a {suffix} file: {place} is not in it")
        root = self.root(place)
        found = name_of(root)
        if found == kind:
            return place, root
        if found in _KINDS:
            other, _, what = _KINDS[found]
            raise DocumentError(f"holds {what} and not {_KINDS[kind][2]}: give it the suffix {other}")
        raise DocumentError(f"is damaged, or not a {suffix} file: {place} begins with {found.partition(':')[2]}")


def _resolved(folder: str, target: str) -> str:
    target = unquote(target).replace("\\", "/")
    return posixpath.normpath(target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target))
