"""HWP 5 and HWPX, the formats of Hangul."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path, PurePath

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.archive import OLE, check_archive
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

_ZIP = b"PK\x03\x04"
_OLD = b"HWP Document File V"


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read paragraphs, tables and notes in order; tables come as Markdown.

    Raises:
        DocumentError: it is locked, of a format before HWP 5, or damaged.
    """
    from hwp_hwpx_parser import Reader

    # Either is often found under the other's name; the first bytes tell.
    suffix = (
        ".hwpx" if content.startswith(_ZIP) else ".hwp" if content.startswith(OLE) else PurePath(name).suffix.lower()
    )
    if content.startswith(_OLD):
        raise DocumentError("is of a format before HWP 5; save it again in Hangul")
    if suffix == ".hwpx":
        with check_archive(content) as archive:
            _check_not_locked(archive)
    elif not content.startswith(OLE):
        raise DocumentError("is damaged, or no HWP file")
    with tempfile.TemporaryDirectory(prefix="rag_pipeline-") as folder:
        file = Path(folder) / f"document{suffix}"  # the library reads from a path only
        file.write_bytes(content)
        with Reader(str(file)) as reader:
            if not reader.is_valid:
                raise DocumentError("is damaged, or no Hangul document")
            if reader.is_encrypted:
                raise DocumentError("is locked with a password; save it without one")
            text = clean(reader.extract_text_with_notes().text)
    return Document(stem_of(name), (Section((), text.strip()),))


def _check_not_locked(archive: zipfile.ZipFile) -> None:
    try:
        manifest = archive.read("META-INF/manifest.xml")
    except KeyError:
        return
    if b"encryption-data" in manifest:
        raise DocumentError("is locked with a password; save it without one")
