"""Headings that a document has without markup: numbered articles, lines in bold, levels of official documents.

Most Korean documents mark their parts so, and what stands under one heading is told from the like under another only
by it. A kind of line counts as headings where it is consistent: its numbers run, its lines are short and no sentences,
there are several, and text stands below them. A list stays a list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.outline.candidates import STATUTE, Candidate, find_candidates
from rag_pipeline.documents.outline.runs import LEAD, OutlineText, headings_of

# Rows of a table and slides have their parts already.
_APART = frozenset({"rows", "sheet", "slide"})


def outlined(document: Document, *, indented_is_list: bool = False) -> Document:
    """The document with the headings that its text shows, each above its own section.

    Args:
        document: what a reader made; headings that it found stay, and those found here stand below them.
        indented_is_list: whether an indented line belongs to what is above it, as in Markdown.
    """
    texts = [[] if _APART & section.place.keys() else section.text.split("\n") for section in document.sections]
    candidates = [
        candidate
        for number, lines in enumerate(texts)
        for candidate in find_candidates(
            number,
            lines,
            indented_is_list=indented_is_list,
            counted_is_list=indented_is_list and bool(document.sections[number].headings),
        )
    ]
    bases = [section.headings for section in document.sections]
    headings = headings_of(candidates, OutlineText(texts, bases, indented_is_list=indented_is_list))
    if not headings:
        return document
    levels = _levels(headings)
    by_section: dict[int, list[Candidate]] = defaultdict(list)
    for heading in headings:
        by_section[heading.section].append(heading)
    sections: list[Section] = []
    path: list[tuple[int, str]] = []
    base: tuple[str, ...] | None = None
    for number, section in enumerate(document.sections):
        if section.headings != base:
            # Pages of one chapter go on below the same heading; another chapter starts again.
            base, path = section.headings, []
        found = by_section.get(number, [])
        first = found[0].line if found else len(texts[number])
        if not found and not path:
            sections.append(section)
            continue
        lead = _joined(texts[number][:first])
        if lead or not found:
            sections.append(_below(section, path, lead if found else section.text))
        for heading, after in zip(found, [*found[1:], None], strict=False):
            end = len(texts[number]) if after is None else after.line
            level = levels[heading.kind]
            path = [(above, words) for above, words in path if above < level]
            path.append((level, heading.heading))
            body = _joined([heading.rest, *texts[number][heading.line + 1 : end]])
            sections.append(_below(section, path, body))
    return replace(document, sections=tuple(sections))


def _below(section: Section, path: list[tuple[int, str]], text: str) -> Section:
    return Section((*section.headings, *(words for _, words in path)), text, section.place)


def _joined(lines: Sequence[str]) -> str:
    """Lines without the blank ones around them; indentation is kept."""
    filled = [place for place, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if filled else ""


def _levels(headings: Sequence[Candidate]) -> dict[str, int]:
    """How deep each kind stands: parts of a statute by their order, others as they first appear below one another."""
    appeared = list(dict.fromkeys(heading.kind for heading in headings))
    others = [kind for kind in appeared if kind not in STATUTE and kind != LEAD]
    # 1.1 stands below 1, wherever it appears first.
    others = [kind for family in dict.fromkeys(map(_family, others)) for kind in _members(family, others)]
    first = next((kind for kind in appeared if kind != LEAD), LEAD)
    parts = [kind for kind in STATUTE if kind != "annex"]
    order = [LEAD, "annex", *parts, *others] if first in STATUTE else [LEAD, "annex", *others, *parts]
    return {kind: level for level, kind in enumerate(order)}


def _family(kind: str) -> str:
    """``decimal`` of ``decimal 2``."""
    family, _, depth = kind.rpartition(" ")
    return family if depth.isdecimal() else kind


def _members(family: str, kinds: Sequence[str]) -> list[str]:
    return sorted(kind for kind in kinds if _family(kind) == family)
