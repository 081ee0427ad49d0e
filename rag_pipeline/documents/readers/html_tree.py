"""The tree of a page, and what in it nobody reads."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from rag_pipeline.documents.readers.base import ReadingOptions
from rag_pipeline.errors import DocumentError

if TYPE_CHECKING:
    from lxml.etree import _Element

_NEVER_READ = frozenset(
    {"script", "style", "head", "nav", "noscript", "datalist", "select", "option", "input"}
    | {"title", "desc", "metadata"}
)
_TITLES = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt", "th", "legend", "caption"})
_FURNITURE = frozenset({"header", "footer", "aside"})
_FURNITURE_ROLES = frozenset({"banner", "contentinfo", "complementary"})
_MAIN = frozenset({"main", "article"})
_OF_MAIN_TEXT = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "dl", "div", "section", "pre"})
_NOTES = re.compile(r"\b(?:doc-)?(?:foot|end|rear)notes?\b")
_STYLE = re.compile(r"([\w-]+)\s*:\s*([^;]+)")
_MARK_CLASSES = frozenset(
    {"headerlink", "header-anchor", "anchor-link", "anchorjs-link", "hash-link", "heading-anchor", "heading-link"}
    | {"permalink", "doc-anchor", "deep-link", "direct-link", "headline-anchor", "mw-editsection"}
)
_MARKS = frozenset("¶#§🔗⚓∞↩︎↑⤴^ \t\n\xa0")
_LONGEST_MARK = 40


def parse(text: str) -> _Element:
    """The root of a page.

    Raises:
        DocumentError: it is nested deeper than the parser goes (2,048 elements), and would be cut there.
    """
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True)
    root = etree.fromstring(text.encode("utf-8", "replace"), parser) if text.strip() else None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise DocumentError("is nested too deeply")
    return root if root is not None else etree.Element("html")


def name_of(element: _Element) -> str:
    """An element's name in lower case, without a namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def style_of(element: _Element) -> dict[str, str]:
    """The properties of a ``style`` attribute."""
    style = element.get("style")
    return {key.lower(): value.strip().lower() for key, value in _STYLE.findall(style)} if style else {}


def is_bold(name: str, style: dict[str, str]) -> bool | None:
    """Whether an element makes its text bold; None if it changes nothing."""
    weight = style.get("font-weight", "").removesuffix("!important").strip()
    if weight:
        return weight in ("bold", "bolder") or (weight.isdecimal() and int(weight) >= 600)
    return True if name in ("b", "strong") else None


def is_note(element: _Element) -> bool:
    """Whether an element is a footnote of a book or a paper (EPUB structural semantics, DPUB-ARIA)."""
    return bool(_NOTES.search(f"{element.get('role', '')} {epub_type(element)}"))


def epub_type(element: _Element) -> str:
    """What an element is in a book."""
    return str(element.get("epub:type") or element.get("{http://www.idpf.org/2007/ops}type") or "")


def _begin_of(element: _Element, longest: int = 80) -> str:
    """The begin of its text, no more than is needed: elements are nested."""
    text = ""
    for piece in element.itertext():
        text += piece.strip()
        if len(text) > longest:
            break
    return text


def _near(element: _Element) -> list[_Element]:
    """The elements that it stands in, from the inside, some of them."""
    return list(itertools.islice(element.iterancestors(), 4))


class LeftOut:
    """What of one page is not read.

    Scripts, styles, menus, what is hidden, and controls: their values are not the page's text, but for those that
    cannot be changed. Where a page marks its main text, header, footer and aside outside it are furniture.
    """

    def __init__(self, root: _Element, options: ReadingOptions) -> None:
        self._hidden_is_read = options.hidden
        self._holds_main: set[_Element] = set()
        for element in [] if options.page_headers else root.iter():
            if not (name_of(element) in _MAIN or element.get("role") == "main"):
                continue
            if any(name_of(inner) in _OF_MAIN_TEXT for inner in element.iterdescendants()):
                above: _Element | None = element
                while above is not None and above not in self._holds_main:
                    self._holds_main.add(above)
                    above = above.getparent()

    def __contains__(self, element: _Element) -> bool:
        name = name_of(element)
        return (
            name in _NEVER_READ
            or element.get("role") == "navigation"
            or (name == "template" and element.get("shadowrootmode") is None)  # a declared shadow tree is shown
            or (name == "button" and not self._titles_something(element))
            or (not self._hidden_is_read and self._is_hidden(element, name) and not is_note(element))
            or self._is_furniture(element, name)
            or self._is_mark(element, name)
        )

    def _is_hidden(self, element: _Element, name: str) -> bool:
        hidden = element.get("hidden")
        if (hidden is not None and hidden.lower() != "until-found") or element.get("aria-hidden") == "true":
            return True
        if name == "dialog":
            return element.get("open") is None
        style = style_of(element)
        return (
            style.get("display", "").startswith("none")
            or style.get("visibility", "").startswith(("hidden", "collapse"))
            or style.get("mso-hide", "") == "all"
        )

    def _is_furniture(self, element: _Element, name: str) -> bool:
        if not self._holds_main or not (name in _FURNITURE or element.get("role") in _FURNITURE_ROLES):
            return False
        if element in self._holds_main or is_note(element):
            return False
        above = element.getparent()
        while above is not None:
            if name_of(above) in _MAIN or above.get("role") == "main":
                return False
            above = above.getparent()
        # The page's own title may stand in its header.
        return not (name == "header" and any(name_of(inner) == "h1" for inner in element.iterdescendants()))

    def _titles_something(self, button: _Element) -> bool:
        """Whether a button is what a reader sees of a title: that of a part to unfold, or of a column."""
        if button.get("aria-expanded") is not None or button.get("aria-controls") is not None:
            return True
        title = next((above for above in _near(button) if name_of(above) in _TITLES), None)
        return title is not None and _begin_of(title) == _begin_of(button)  # not one beside the title

    def _is_mark(self, element: _Element, name: str) -> bool:
        """Whether it is a link of a heading to itself, such as ``¶``, or the ``[edit]`` of a wiki."""
        classes = str(element.get("class") or "").split()
        known = not _MARK_CLASSES.isdisjoint(classes)
        if not known and not (name == "a" and "#" in str(element.get("href") or "")):
            return False
        text = _begin_of(element)
        if name == "a" and text and set(text) <= _MARKS:
            return True
        if not known or len(text) > _LONGEST_MARK:
            return False
        title = next((above for above in _near(element) if name_of(above) in _TITLES), None)
        return title is not None and len(_begin_of(title)) > len(text)
