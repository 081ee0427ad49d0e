"""HTML, and what other formats turn into HTML on their way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.encodings import Decoded, decode_with_warnings
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.html_blocks import END, SCOPE, Block
from rag_pipeline.documents.readers.html_tree import name_of, parse
from rag_pipeline.documents.readers.html_writer import write
from rag_pipeline.text import clean

if TYPE_CHECKING:
    from lxml.etree import _Element

_DECLARED = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_XML_DECLARED = re.compile(rb"^\s*<\?xml[^>]+encoding\s*=\s*[\"']([\w-]+)", re.IGNORECASE)
# What editors write where nobody wrote a title.
_NOBODYS_TITLE = re.compile(
    r"(?:untitled|no title|new|blank|html|web)?[\s_-]*(?:document|page|untitled|title|webpage)?[\s_-]*\d*"
    r"|index|home|제목\s?없음|제목을 입력하세요\.?|무제|문서|새\s?문서|웹\s?페이지|無題|无标题文档?"
    r"|(?:microsoft word - )?[^\s/]+\.(?:html?|xhtml|aspx?|jspx?|php|cgi|do|docx?|hwpx?|pdf|txt|tmp|mht)"
    r"|microsoft word - .*|https?://\S*",
    re.IGNORECASE,
)


def read(name: str, content: bytes, options: ReadingOptions) -> Document:
    """Read a page: headings, paragraphs, lists, tables, code and the texts in place of pictures.

    Left out are scripts, styles, menus (``nav``), controls of forms, what is hidden (unless ``options.hidden``),
    links of headings to themselves, and, where the page marks its main text, header, footer and aside outside it
    (unless ``options.page_headers``).
    """
    decoded = decode_html(content)
    root = parse(decoded.text)
    title = page_title(root)
    blocks = write(root, options)
    first = next((block.text for block in blocks if block.level == 1), "")
    title = title or first or stem_of(name)
    return Document(title, tuple(sections_of(blocks, title)), warnings=decoded.warnings)


def decode_html(content: bytes, declared: str | None = None) -> Decoded:
    """Decode a page by the encoding it declares, if that is so, and by its bytes otherwise.

    Args:
        content: the page.
        declared: what is said of it elsewhere, such as by the mail it came in.
    """
    found = _XML_DECLARED.search(content[:1024]) or _DECLARED.search(content[:4096])
    return decode_with_warnings(content, declared or (found[1].decode() if found else None))


def page_title(root: _Element) -> str:
    """What the page calls itself; empty if that is nothing that somebody wrote."""
    for element in root.iter():
        if name_of(element) == "title" and not any(name_of(above) == "svg" for above in element.iterancestors()):
            title = clean(" ".join("".join(element.itertext()).split()))
            return "" if _NOBODYS_TITLE.fullmatch(title) else title
    return ""


def to_markdown(root: _Element, options: ReadingOptions | None = None) -> str:
    """What is to be read of a page, as one piece of Markdown."""
    pieces: list[str] = []
    for block in write(root, options or ReadingOptions(outline=False)):
        if block.level >= 0:
            pieces.append("\n" * block.breaks if pieces else "")
            pieces.append(f"{'#' * min(block.level, 6)} {block.text}" if block.level else block.text)
    return clean("".join(pieces)).strip("\n")


def sections_of(blocks: Iterable[Block], title: str = "", above: tuple[str, ...] = ()) -> list[Section]:
    """Blocks become sections below their headings; a heading that nothing stands below is kept as text.

    Args:
        blocks: of a page.
        title: of the document; the first heading of the first level is not repeated if it says the same.
        above: headings above all of them.
    """
    gathered = _Gathered(title, above)
    for block in blocks:
        gathered.add(block)
    return gathered.finished()


@dataclass
class _Heading:
    level: int
    words: str
    is_used: bool = False
    """Whether a section stands below it."""


class _Gathered:
    def __init__(self, title: str, above: tuple[str, ...]) -> None:
        self._title = title
        self._above = above
        self._sections: list[Section] = []
        self._path: list[_Heading] = []
        self._scopes: list[int] = []
        self._parts: list[str] = []
        self._ends_in_bare = False

    def add(self, block: Block) -> None:
        if block.level == SCOPE:
            self._scopes.append(len(self._path))
        elif block.level == END:
            self._shorten(self._scopes.pop())
        elif block.level:
            self._heading(block)
        else:
            self._parts.append(("\n" * block.breaks if self._parts else "") + block.text)

    def finished(self) -> list[Section]:
        self._shorten(0)
        self._close()
        return self._sections

    def _heading(self, block: Block) -> None:
        self._close()
        # Inside a part that stands apart, such as an aside, the headings outside stay.
        floor = min(self._scopes[-1], len(self._path)) if self._scopes else 0
        kept = next((n for n in range(floor, len(self._path)) if self._path[n].level >= block.level), len(self._path))
        self._shorten(kept)
        if block.level == 1 and block.text == self._title and not self._scopes:
            self._title = ""
        else:
            self._path.append(_Heading(block.level, block.text))

    def _shorten(self, kept: int) -> None:
        if kept >= len(self._path):
            return
        self._close()
        bare = [heading.words for heading in self._path[kept:] if not heading.is_used]
        first = next((n for n in range(kept, len(self._path)) if not self._path[n].is_used), kept)
        self._path = self._path[:first] if bare else self._path[:kept]
        if bare:
            self._add_bare("\n".join(bare))
        self._path = self._path[:kept]

    def _add_bare(self, text: str) -> None:
        headings = self._headings()
        if self._ends_in_bare and self._sections[-1].headings == headings:
            text = f"{self._sections.pop().text}\n{text}"
        self._sections.append(Section(headings, text))
        self._use()
        self._ends_in_bare = True

    def _close(self) -> None:
        text = "".join(self._parts)
        self._parts = []
        if text.strip():
            self._sections.append(Section(self._headings(), text))
            self._use()
            self._ends_in_bare = False

    def _headings(self) -> tuple[str, ...]:
        return (*self._above, *(heading.words for heading in self._path))

    def _use(self) -> None:
        for heading in self._path:
            heading.is_used = True
