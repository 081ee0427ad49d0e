"""What people write as Markdown and CommonMark does not know: headings without a blank, headings in HTML, formulas."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

_WORTH_A_LOOK = re.compile(r"^[ ]{0,3}(?:#{1,6}[^\s#]|<h[1-6]|<!--)", re.MULTILINE | re.IGNORECASE)
# A letter must follow: "#1" is a number, "#!" a script.
_TIGHT = re.compile(r"(#{1,6})([^\W\d_].*)")
_HTML_HEADING = re.compile(
    r"^[ \t]*<h([1-6])\b[^<>]*>(.{0,2000}?)</h\1\s*>[ \t]*$", re.DOTALL | re.IGNORECASE | re.MULTILINE
)
_TAG = re.compile(r"<[^<>]*>")
_ALTERNATIVE = re.compile(r"<img\b[^<>]*?\balt=[\"']([^\"'<>]*)[\"'][^<>]*>", re.IGNORECASE)


def plain_commonmark(text: str, *, with_comments: bool = False) -> tuple[str, int]:
    """Markdown in which headings are those of CommonMark, and the number of comments that were left out.

    ``##Heading`` alone in its paragraph is a heading; ``#Heading`` only where it cannot be a tag: in a text that has no
    other heading and no other word that begins so.
    """
    if not _WORTH_A_LOOK.search(text):
        return text, 0
    from markdown_it import MarkdownIt

    lines: list[str | None] = [*text.split("\n")]  # None: gone; the others keep their numbers
    tokens = MarkdownIt("commonmark").parse(text)
    may_be_tag = any(token.type == "heading_open" for token in tokens) or len(re.findall(r"(?<!#)#[^\W\d_]", text)) > 1
    comments = 0
    for index, token in enumerate(tokens):
        if token.level or not token.map:
            continue
        first, end = token.map
        if token.type == "paragraph_open" and end - first == 1:
            tight = _TIGHT.fullmatch(tokens[index + 1].content)
            if tight and not (may_be_tag and len(tight[1]) == 1):
                lines[first] = f"{tight[1]} {tight[2]}"
        elif token.type == "html_block":
            if not with_comments and _is_comment(token.content):
                lines[first:end] = ["", *[None] * (end - first - 1)]
                comments += 1
            elif "</h" in token.content.lower():
                block = _HTML_HEADING.sub(_commonmark_heading, "\n".join(filter(None, lines[first:end])))
                lines[first:end] = [block, *[None] * (end - first - 1)]
    return "\n".join(line for line in lines if line is not None), comments


def _commonmark_heading(heading: re.Match[str]) -> str:
    words = " ".join(html.unescape(_TAG.sub("", _ALTERNATIVE.sub(r"\1", heading[2]))).split())
    return f"\n{'#' * int(heading[1])} {words}\n" if words else ""


def _is_comment(block: str) -> bool:
    stripped = block.strip()
    return stripped.startswith("<!--") and stripped.endswith("-->") and stripped.count("-->") == 1


def formula_lines(lines: Sequence[str], tokens: Sequence[Token]) -> frozenset[int]:
    """Lines between two ``$$``, which hold TeX and no headings."""
    if "$$" not in map(str.strip, lines):
        return frozenset()
    code = {
        line for token in tokens if token.type in ("fence", "code_block") and token.map for line in range(*token.map)
    }
    marks = [number for number, line in enumerate(lines) if line.strip() == "$$" and number not in code]
    return frozenset(
        number for begin, end in zip(marks[::2], marks[1::2], strict=False) for number in range(begin, end + 1)
    )
