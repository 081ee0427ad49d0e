"""Formats that are archives of XML: opened with care."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.titles import useful_title
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

if TYPE_CHECKING:
    from lxml.etree import _Element

# The beginning of a compound file: Office keeps documents that are encrypted, or of its old formats, in one.
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Text packs to a tenth, XML of tables to a fiftieth. A bomb unpacks to thousands of times its size.
_RATIO = 200
_SMALL = 20_000_000
_LARGEST = 2_000_000_000
_MOST_FILES = 100_000


def check_archive(content: bytes) -> zipfile.ZipFile:
    """Open an archive, unless it would unpack to far more than it is; no more than it declares is unpacked later.

    Raises:
        DocumentError: it is damaged, locked, or a bomb.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        if content.startswith(OLE):
            raise DocumentError("is locked with a password, or of an old format; save it again without one") from None
        raise DocumentError(f"is damaged ({str(error).lower()})") from None
    entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    if len(entries) > _MOST_FILES or size > _LARGEST or (size > _SMALL and size > _RATIO * len(content)):
        archive.close()
        raise DocumentError(f"would unpack to {size / 1e6:,.0f} MB from {len(content) / 1e6:.1f} MB: a zip bomb")
    if any(entry.flag_bits & 1 for entry in entries):
        archive.close()
        raise DocumentError("is locked with a password; save it without one")
    return archive


def parse_xml(content: bytes) -> _Element:
    """Parse XML without fetching or expanding anything it names."""
    from lxml import etree

    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))


def core_title(archive: zipfile.ZipFile, part: str = "docProps/core.xml") -> str | None:
    """The title in a document's properties, if somebody wrote it.

    Args:
        archive: the document.
        part: where they are: of Office (ECMA-376, part 2), or ``meta.xml`` of OpenDocument.
    """
    try:
        properties = parse_xml(archive.read(part))
    except (KeyError, ValueError, SyntaxError):
        return None
    title = next(properties.iter("{http://purl.org/dc/elements/1.1/}title"), None)
    return None if title is None else useful_title(clean(title.text or "")) or None
