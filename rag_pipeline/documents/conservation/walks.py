"""What a file holds, by a plain walk of its own parts: written apart from the readers, so that it can judge them."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath

from rag_pipeline.documents.conservation import hangul_walk, office_walk, web_walk
from rag_pipeline.documents.readers.base import ReadingOptions

_FRONT_MATTER = re.compile(r"\A\ufeff?(-{3}|\+{3})\s*\n.*?\n(?:\1|\.{3})\s*(?:\n|\Z)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_TARGET = re.compile(r"\]\([^()]*\)")
_ANCHOR = re.compile(r"\{#[^{}]*\}\s*$")
Walk = Callable[[bytes, ReadingOptions], Iterable[str] | None]


def walk(name: str, content: bytes, options: ReadingOptions) -> list[str] | None:
    """The strings of a file, such as a paragraph or a cell each; None for a format that has no walk.

    Args:
        name: its name; the suffix tells the format.
        content: its bytes.
        options: as they are for the reader: what they leave out is left out here.
    """
    found = _WALKS.get(PurePath(name).suffix.lower())
    strings = None if found is None else found(content, options)
    return None if strings is None else list(strings)


def _text(content: bytes, _options: ReadingOptions) -> Iterator[str]:
    from rag_pipeline.documents.encodings import decode

    yield from decode(content).split("\n")


def _markdown(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Lines, without front matter, which becomes metadata, comments and tags, and what marks up a heading."""
    text = _FRONT_MATTER.sub("", "\n".join(_text(content, options)), count=1)
    text = text if options.comments else _COMMENT.sub("", text)
    for line in text.split("\n"):
        is_heading = line.startswith("#")
        plain = html.unescape(_TARGET.sub("]", _ANCHOR.sub("", line))) if is_heading else line
        yield _TAG.sub(" ", plain)


def _pdf(content: bytes, options: ReadingOptions) -> Iterator[str]:
    """Lines of the pages, as pdfium gives them inside the visible part; lines at the edge that repeat are furniture."""
    import pypdfium2

    pages: list[list[str]] = []
    with pypdfium2.PdfDocument(content) as pdf:
        for number in range(len(pdf)):
            page = pdf[number]
            text_page = page.get_textpage()
            lines = text_page.get_text_bounded().splitlines()
            pages.append([line for line in lines if line.strip()])
            text_page.close()
            page.close()
    repeated = Counter(_without_digits(line) for page in pages for line in {*page[:3], *page[-3:]})
    for page in pages:
        for place, line in enumerate(page):
            at_edge = place < 3 or place >= len(page) - 3
            if options.page_headers or not (at_edge and repeated[_without_digits(line)] >= 3):
                yield line


def _without_digits(line: str) -> str:
    return "".join(sign for sign in line if not sign.isdigit()).strip()


_WALKS: dict[str, Walk] = {
    ".docx": office_walk.docx,
    ".pptx": office_walk.pptx,
    ".xlsx": office_walk.xlsx,
    ".ods": office_walk.ods,
    ".hwpx": hangul_walk.hwpx,
    ".hwp": hangul_walk.hwp,
    ".epub": web_walk.epub,
    ".html": web_walk.html,
    ".htm": web_walk.html,
    ".xhtml": web_walk.html,
    ".eml": web_walk.eml,
    ".pdf": _pdf,
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _text,
    ".text": _text,
}
WALKED_SUFFIXES = frozenset(_WALKS)
