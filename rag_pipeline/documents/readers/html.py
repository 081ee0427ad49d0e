"""HTML, and what other formats turn into HTML on their way."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from rag_pipeline.documents.document import Document
from rag_pipeline.documents.encodings import decode
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.markdown import read_markdown
from rag_pipeline.text import clean

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

# What a reader of the page does not read.
_UNREAD = ["script", "style", "noscript", "template", "svg", "iframe", "object", "head", "nav", "img", "form", "button"]
_DECLARED = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_XML_DECLARED = re.compile(rb"^\s*<\?xml[^>]+encoding\s*=\s*[\"']([\w-]+)", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read a page: its headings, paragraphs, lists, tables and code, without scripts and styles."""
    soup = parse(decode_html(content))
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    return read_markdown(to_markdown(soup), clean(title) or None, stem_of(name))


def decode_html(content: bytes) -> str:
    """Decode a page by the encoding it declares, if that is so, and by its bytes otherwise."""
    declared = _XML_DECLARED.search(content[:1024]) or _DECLARED.search(content[:4096])
    if declared and not content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        # Pages that say euc-kr are written in its superset, as browsers know (WHATWG Encoding Standard).
        name = declared[1].decode().lower()
        name = "cp949" if name in ("euc-kr", "ks_c_5601-1987", "euckr") else name
        try:
            return content.decode(name)
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(content)


def parse(text: str) -> BeautifulSoup:
    """The tree of a page."""
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML is read as the HTML it is
        return BeautifulSoup(text, "lxml")


def to_markdown(soup: BeautifulSoup) -> str:
    """What is to be read of a page, as Markdown."""
    from markdownify import MarkdownConverter

    for tag in soup(_UNREAD):
        tag.decompose()
    for tag in soup.select("[hidden], [aria-hidden=true]"):
        tag.decompose()
    converter = MarkdownConverter(
        heading_style="ATX",
        bullets="-",
        strip=["a", "b", "strong", "i", "em", "u"],
        escape_asterisks=False,
        escape_underscores=False,
        escape_misc=False,
        table_infer_header=True,
    )
    return _BLANK_LINES.sub("\n\n", clean(converter.convert_soup(soup))).strip("\n")
