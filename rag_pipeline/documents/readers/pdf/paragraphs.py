"""Lines become paragraphs: one is joined to the next where the column was full, and stays a line elsewhere."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from rag_pipeline.documents.readers.pdf.breaks import CUT_OR_LINE, joint
from rag_pipeline.documents.readers.pdf.lines import Line

LONGEST_HEADING = 80
# In heights of a letter: indents that are none, the deepest ones, and the widest step from line to line.
_SAME_EDGE, _WIDEST_STEP, _DEEPEST_INDENT = 0.6, 2.4, 8.0
# A step from line to line that is so much wider than the others of its block begins another block.
_WIDER = 1.3
# A line of so many heights is prose; a shorter one needs others that end where it ends, and a very short one is none.
_LONG, _SHORT, _FEWEST_ENDS = 20.0, 8.0, 3
# Room at the end of a line, in heights, that whole words leave, and that parts two paragraphs after a sentence.
_SOME_ROOM, _MUCH_ROOM = 1.5, 2.0
# Share of lines that stop early without an end of a sentence, above which they are verse, addresses, or a list.
_RAGGED = 0.4
# Share of lines with a capital letter at the start, above which they are verse or names.
_CAPITAL = 0.75
# In heights, a gap between letters on one line that is no space.
_NO_SPACE = 0.08
_NEARBY = 3
# Letters at the end of a line that say how it ends.
_TAIL = 40
_SENTENCE_END = re.compile(r"[.?!:;。！？…][)\]\"'”’」』】]*$")
# The end of a Korean sentence, which looks like the number of an item.
_ENDING = re.compile(r"[가나다라자까][.]\s")
# Dots that lead to the number of a page, as in a table of contents.
_LEADER = re.compile(r"(?:[.·․…‥]\s?){3,}\s?\S{1,6}$")
_MARKER = re.compile(
    r"\s*(?:[-–—*ㅇo◦·ㆍ∙]\s|[•▪■□●○◆◇▶▷►➢➤✓✔☑☐※★☆❍⦁⚫◎▣]|\(?\d{1,3}(?:[.)](?!\d)|(?:\.\d{1,3})+\.?\s)"
    r"|\(?[가나다라마바사아자차카타파하][.)]\s|[①-⑳㉠-㉻ⓐ-ⓩ⑴-⒇❶-❿]|\(?[a-zA-Z][.)]\s|\(?[ivxIVX]{1,5}[.)]\s|\[\d{1,3}\]\s"
    r"|제\s?\d+\s?(?:조|장|절|관|편)(?:의\s?\d+)?(?:\s*\([^)]*\))?(?:\s|$)|[<\[【]\s?(?:표|그림|별표|서식|붙임|참고)"
    r"|(?:Chapter|Section|Table|Figure|Appendix)\s\d)"
)


@dataclass(frozen=True)
class Paragraph:
    """Lines that are read as one."""

    text: str
    is_bold: bool
    begins_block: bool
    """Whether more than the end of a line parts it from what stands above."""


def flowing(lines: Sequence[Line], right: float) -> str:
    """The text of a cell in one line.

    Args:
        lines: from the first.
        right: where the cell ends, in points.
    """
    text = lines[0].text.strip() if lines else ""
    for above, below in pairwise(lines):
        full = right - above.right < below.first_word + 1.5 * above.size
        between = joint(above, below) if above.ends_in_hyphen or (full and not above.is_beside(below)) else " "
        text += (between if text else "") + below.text.strip()
    return text + "-" * bool(lines and lines[-1].ends_in_hyphen)


def paragraphs_of(lines: Sequence[Line], *, code_is_prose: bool) -> list[Paragraph]:
    """The paragraphs that lines in reading order make up, with the marks of :mod:`breaks` where words may be cut.

    Args:
        lines: in reading order.
        code_is_prose: whether lines in a font of code are joined too: the whole document is typed in it.
    """
    found: list[Paragraph] = []
    page_ends = sorted(line.right for line in lines)
    for block in _blocks(lines):
        joints = _joints(block, page_ends, code_is_prose=code_is_prose)
        start, had_several = 0, False
        for index in range(1, len(block) + 1):
            if index < len(block) and joints[index - 1] is not None:
                continue
            text = block[start].text.rstrip()
            last = block[index - 1]
            for line, between in zip(block[start + 1 : index], joints[start : index - 1], strict=True):
                text += f"{between}{line.text.strip()}"
            text += "-" * last.ends_in_hyphen
            # A paragraph of several lines is parted from its neighbours, an item of a list is not.
            several = index - start > 1 or (bool(found) and had_several)
            new = start == 0 or (several and not _MARKER.match(text))
            found.append(Paragraph(text, all(line.is_bold for line in block[start:index]), new))
            had_several = index - start > 1
            start = index
    return found


def _blocks(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines of one size, one below the other, at even steps."""
    blocks: list[list[Line]] = []
    for line in lines:
        if not blocks or not _continues(blocks[-1], line):
            blocks.append([])
        blocks[-1].append(line)
    # The first step of a block may have been the wide one.
    found: list[list[Line]] = []
    for block in blocks:
        steps = [below.middle - above.middle for above, below in pairwise(block)]
        if len(steps) >= 2 and steps[0] > _WIDER * median(steps[1:]):
            found += [block[:1], block[1:]]
        else:
            found.append(block)
    return found


def _continues(block: Sequence[Line], line: Line) -> bool:
    last = block[-1]
    if not (last.is_upright and line.is_upright) or not last.has_size_of(line):
        return False
    step = line.middle - last.middle
    if last.ends_in_hyphen and 0 < step <= _WIDEST_STEP * max(last.size, line.size):
        return True
    if last.is_bold != line.is_bold:
        return False
    if last.is_beside(line):
        return True
    if not 0 < step <= _WIDEST_STEP * max(last.size, line.size) or not last.overlaps(line):
        return False
    steps = [below.middle - above.middle for above, below in pairwise(block[-8:])]
    steps = [entry for entry in steps if entry > 0.5 * last.size]
    return not steps or step <= _WIDER * median(steps)


def _joints(block: Sequence[Line], page_ends: Sequence[float], *, code_is_prose: bool) -> list[str | None]:
    """What stands between each line and the next where they are joined; None where they are not."""
    full = _full(block, page_ends)
    joints: list[str | None] = []
    for index, (above, below) in enumerate(pairwise(block)):
        following = block[index + 2] if index + 2 < len(block) else None
        opens = index == 0 or joints[-1] is None
        if above.is_beside(below):
            gap = (below.left - above.right) / max(above.size, 0.1)
            joints.append(None if not -0.1 <= gap < 1 else "" if gap < _NO_SPACE else " ")
        elif above.is_code and below.is_code and not code_is_prose:
            joints.append(None)
        elif above.ends_in_hyphen and _edges_agree(above, below, following, opens=opens):
            joints.append(joint(above, below))
        elif above.has_wide_gap and below.has_wide_gap:
            joints.append(None)
        elif full[index] and _ENDING.match(below.text) and _may_be_cut(above, below):
            joints.append(CUT_OR_LINE)
        elif (
            _LEADER.search(above.text[-_TAIL:])
            or _MARKER.match(below.text)
            or not _edges_agree(above, below, following, opens=opens)
        ):
            joints.append(None)
        elif full[index]:
            joints.append(joint(above, below))
        elif _may_be_cut(above, below):
            joints.append(CUT_OR_LINE)
        else:
            joints.append(None)
    return joints


def _full(block: Sequence[Line], page_ends: Sequence[float]) -> list[bool]:
    """Whether each line but the last ends where the next word had no room; no line of verse or a list does."""
    ends = [line.right for line in block]
    full: list[bool] = []
    rooms: list[float] = []
    for index, (above, below) in enumerate(pairwise(block)):
        near = ends[max(0, index - _NEARBY) : index + _NEARBY + 1]
        size = max(above.size, 0.1)
        edge = max(near)
        ends_alike = sum(edge - end < 1.2 * size for end in near) >= _FEWEST_ENDS or (
            bisect_right(page_ends, edge + 0.3 * size) - bisect_left(page_ends, edge - 0.3 * size) > _FEWEST_ENDS
        )
        supported = above.right - above.left >= (_SHORT if ends_alike else _LONG) * size
        room = edge - above.right
        rooms.append(room / size)
        full.append(supported and room < below.first_word + 0.5 * size)
    ended = [_ends_sentence(line) for line in block]
    # Where lines of whole words stop early within sentences, they do so at the end of one too.
    ragged = any(
        is_full and room > _SOME_ROOM and not end for is_full, room, end in zip(full, rooms, ended, strict=False)
    )
    if not ragged:
        full = [
            is_full and not (end and room > _MUCH_ROOM) for is_full, room, end in zip(full, rooms, ended, strict=False)
        ]
    early = sum(
        not is_full and not end and not _MARKER.match(below.text)
        for is_full, end, below in zip(full, ended, block[1:], strict=False)
    )
    capital = sum(line.text.lstrip()[:1].isupper() for line in block)
    if len(block) > 2 and (early > _RAGGED * (len(block) - 1) or capital > _CAPITAL * len(block)):
        return [False] * len(full)
    return full


def _edges_agree(above: Line, below: Line, following: Line | None, *, opens: bool) -> bool:
    """Whether the indents let a line go on in the next; an indented first line, and all lines but the first, do."""
    indent = (below.left - above.left) / max(above.size, 0.1)
    if abs(indent) <= _SAME_EDGE:
        return True
    if indent < 0:
        return opens and -indent <= _DEEPEST_INDENT
    if indent > _DEEPEST_INDENT or not opens:
        return False
    if _MARKER.match(above.text):
        return True
    hangs = following is not None and abs(following.left - below.left) <= _SAME_EDGE * above.size
    return hangs and not _ends_sentence(above)


def _ends_sentence(line: Line) -> bool:
    return bool(_SENTENCE_END.search(line.text[-_TAIL:]))


def _may_be_cut(above: Line, below: Line) -> bool:
    """Whether a line that stops early may do so in the middle of a Korean word."""
    return (
        len(above.text.split()) > 1
        and above.text[-1:] in _HANGUL
        and below.text[:1] in _HANGUL
        and abs(above.left - below.left) <= _SAME_EDGE * above.size
        and not above.ends_in_space
        and not above.is_bold
    )


class _Hangul:
    def __contains__(self, letter: str) -> bool:
        return len(letter) == 1 and "가" <= letter <= "힣"


_HANGUL = _Hangul()
