"""Pieces of HTML in the fields of records, read without a library."""

from __future__ import annotations

import re
from html.parser import HTMLParser

# The parser of the standard library is slow on what was made to be.
_LONGEST = 100_000
_HTML = re.compile(r"(?is)\s*<(p|div|h[1-6]|ul|ol|table|article|section|html|body|span|b|strong|br)\b.*>\s*")


def read_markup(text: str) -> str:
    """The text of a field that is a piece of a page, a blank line around what stands by itself; any other as it is."""
    if len(text) > _LONGEST or not _HTML.fullmatch(text):
        return text
    page = _Page()
    page.feed(text)
    page.close()
    lines = (" ".join(line.split()) for line in "".join(page.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() or text


class _Page(HTMLParser):
    """Text without tags."""

    _BLOCKS = frozenset(
        {"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "article", "section", "blockquote", "pre"}
    )
    _LINES = frozenset({"br", "li", "tr", "dt", "dd"})
    _UNREAD = frozenset({"script", "style"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._unread = False

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        self._unread = self._unread or tag in self._UNREAD
        self.parts.append("\n\n" if tag in self._BLOCKS else "\n" if tag in self._LINES else "")
        self.parts.append("- " if tag == "li" else " " if tag in ("td", "th") else "")

    def handle_endtag(self, tag: str) -> None:
        self._unread = self._unread and tag not in self._UNREAD
        self.parts.append("\n\n" if tag in self._BLOCKS else "")

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.parts.append(data)
