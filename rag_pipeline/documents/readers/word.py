"""DOCX."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from rag_pipeline.documents.document import Document
from rag_pipeline.documents.readers import ReadingOptions, stem_of
from rag_pipeline.documents.readers.archive import check_archive, core_title
from rag_pipeline.documents.readers.html import parse, to_markdown
from rag_pipeline.documents.readers.markdown import read_markdown

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

_TITLE = "document-title"
_STYLES = f"p[style-name='Title'] => p.{_TITLE}:fresh\np[style-name='제목'] => p.{_TITLE}:fresh"


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read headings, paragraphs, lists, tables and notes."""
    import mammoth

    with check_archive(content) as archive:
        title = core_title(archive)
        _check_is_word(archive)
    # Pictures are left out; without this they would come as text of many megabytes.
    picture = mammoth.images.img_element(lambda _image: {})
    html = mammoth.convert_to_html(io.BytesIO(content), convert_image=picture, style_map=_STYLES).value
    soup = parse(html)
    titled = soup.find(class_=_TITLE)
    if titled is not None:
        title = title or " ".join(titled.get_text().split())
    return read_markdown(to_markdown(soup), title, stem_of(name), take_heading=_opens_with_its_only_title(soup))


def _opens_with_its_only_title(soup: BeautifulSoup) -> bool:
    """Whether the first heading is that of the document rather than of a chapter."""
    first = soup.body.find(True) if soup.body else None
    return first is not None and first.name == "h1" and len(soup.find_all("h1")) == 1


def _check_is_word(archive: zipfile.ZipFile) -> None:
    archive.getinfo("word/document.xml")
