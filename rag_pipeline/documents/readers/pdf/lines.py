"""The lines of a page, in the order they are read."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import numpy as np

from rag_pipeline.documents.readers.pdf.glyphs import HYPHEN, NEWLINE, Glyphs, Style

# A gap between letters that may part two columns, in heights of a letter.
_GAP = 1.4
# One that no stretched space is.
_WIDE = 2.5
_FEWEST_IN_COLUMN = 3
_SAME_SIZE = 0.12
# Letters of a line that are measured for its height.
_SAMPLE = 12
_MOST_WORDS = 40
_PIECE = re.compile(f"[^{NEWLINE}{HYPHEN}]+{HYPHEN}?|{HYPHEN}")
# Halves of letters beyond the first plane of Unicode, which PDFium counts as two.
_HALF = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(r" {2,}")


@dataclass(frozen=True)
class Line:
    """Text on one line, and its box in points from the upper left corner of the page."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    """Height of most of its letters, ascent and descent, in points."""
    sizes: tuple[float, float] = (0.0, 0.0)
    """Heights of its first and last letter: a line may begin in another font."""
    first_word: float = 0.0
    """How wide its first word is."""
    is_bold: bool = False
    is_code: bool = False
    """Whether it is in a font of code: there a line is a line."""
    ends_in_hyphen: bool = False
    """Whether a hyphen at its end, which is not in the text, cuts a word."""
    ends_in_space: bool = False
    """Whether the file itself has a space at its end, such as word processors write."""
    is_upright: bool = True
    parts: tuple[tuple[float, float, int, int], ...] = ()
    """Where wide gaps part it: left, right, and place in the text, of each part; empty if there are none."""

    @property
    def middle(self) -> float:
        """Height of its middle."""
        return (self.top + self.bottom) / 2

    @property
    def has_wide_gap(self) -> bool:
        """Whether it is parted as the words of a table are."""
        return any(after[0] - before[1] > _WIDE * self.size for before, after in pairwise(self.parts))

    def has_size_of(self, below: Line) -> bool:
        """Whether the letters of the next line are as high, or at least the first of them as the last here."""
        pairs = ((self.size, below.size), (self.sizes[1], below.sizes[0]))
        return any(one > 0 and abs(one - other) <= _SAME_SIZE * max(one, other) for one, other in pairs)

    def overlaps(self, other: Line) -> bool:
        """Whether one is above the other rather than beside it."""
        return self.left < other.right and other.left < self.right

    def is_beside(self, other: Line) -> bool:
        """Whether both are on the same height."""
        common = min(self.bottom, other.bottom) - max(self.top, other.top)
        return common > 0.5 * min(self.bottom - self.top, other.bottom - other.top)


def lines_by_region(glyphs: Glyphs, regions: np.ndarray | None = None) -> dict[int, list[Line]]:
    """The lines of a page in PDFium's order, those in each region apart.

    Args:
        glyphs: of the page.
        regions: which region each character is in, such as a cell of a table; -1: in none. None: there are none.
    """
    letters = _Letters.of(glyphs)
    text, kept = glyphs.text, glyphs.kept.tolist()
    places = None if regions is None else regions[glyphs.inked].tolist()
    found: dict[int, list[Line]] = {}
    start = 0
    for piece in _PIECE.finditer(text):
        end = piece.end()
        stop = bisect_left(letters.indices, end, start)
        hyphen = text[end - 1] == HYPHEN
        for region, first, last in _runs(start, stop, places):
            begin, tail = letters.indices[first], letters.indices[last - 1] + 1
            shown = text[begin:tail]
            if not all(kept[begin:tail]):
                shown = "".join([text[index] for index in range(begin, tail) if kept[index]])
            space = (
                tail < end
                and kept[tail]
                and text[tail].isspace()
                and bool(glyphs.boxes[tail, 0] < glyphs.boxes[tail, 2])
            )
            line = _line(shown, letters, first, last)
            if _HALF.search(shown):
                whole = line.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
                line = replace(line, text=whole, parts=())
            style = _style(glyphs, letters.indices[first:last])
            found.setdefault(region, []).append(
                replace(
                    line,
                    is_bold=style.is_bold,
                    is_code=style.is_code,
                    ends_in_hyphen=hyphen and last == stop,
                    ends_in_space=space,
                )
            )
        start = stop
    return found


@dataclass(frozen=True)
class _Letters:
    """The characters of a page that are no spaces, as lists: faster than arrays for a line of them."""

    indices: list[int]
    lefts: list[float]
    tops: list[float]
    rights: list[float]
    bottoms: list[float]
    gaps: list[float]
    """From the right of each to the left of the next."""

    @classmethod
    def of(cls, glyphs: Glyphs) -> _Letters:
        boxes = glyphs.boxes[glyphs.inked]
        gaps = boxes[1:, 0] - boxes[:-1, 2]
        left, top, right, bottom = boxes.T.tolist()
        return cls(np.flatnonzero(glyphs.inked).tolist(), left, top, right, bottom, gaps.tolist())


def _runs(start: int, stop: int, regions: list[int] | None) -> Iterator[tuple[int, int, int]]:
    """What lies in one region without a break: the region, the first letter, and that behind the last."""
    if regions is None:
        if start < stop:
            yield -1, start, stop
        return
    for place in range(start + 1, stop + 1):
        if place == stop or regions[place] != regions[start]:
            yield regions[start], start, place
            start = place


def _style(glyphs: Glyphs, indices: list[int]) -> Style:
    """The style of the first letter, if those of the first letters of all words agree with it."""
    style = glyphs.style(indices[0])
    if style.is_bold or style.is_code:
        starts = [index for before, index in pairwise(indices) if index != before + 1]
        others = [glyphs.style(index) for index in starts[:_MOST_WORDS]]
        return Style(style.is_bold and all(s.is_bold for s in others), style.is_code and all(s.is_code for s in others))
    return style


def _line(text: str, letters: _Letters, first: int, last: int) -> Line:
    """A line of text, which these letters make up."""
    lefts, rights = letters.lefts[first:last], letters.rights[first:last]
    tops, bottoms = letters.tops[first:last], letters.bottoms[first:last]
    left, top, right, bottom = min(lefts), min(tops), max(rights), max(bottoms)
    slanted = max(tops) - top > 0.5 * (bottoms[0] - tops[0])  # a ligature is one box for its letters
    upright = last - first == 1 or bottom - top <= 1.5 * (right - left) or not slanted
    near, far = (tops, bottoms) if upright else (lefts, rights)
    some = slice(None, None, (last - first) // _SAMPLE + 1)
    size = _middle([b - a for a, b in zip(near[some], far[some], strict=True)])
    sizes = (far[0] - near[0], far[-1] - near[-1])
    if not upright:
        return Line(text, left, top, right, bottom, size, sizes, is_upright=False)
    if last - first > 2:
        top, bottom = _middle(tops[some]), _middle(bottoms[some])
    length = len(text.split(None, 1)[0])
    first_word = max(rights[:length]) - min(lefts[:length])
    gaps = letters.gaps[first : last - 1]
    parts: tuple[tuple[float, float, int, int], ...] = ()
    # Letters from right to left have gaps as wide as two of them, backwards.
    if gaps and max(gaps) > _GAP * size and min(gaps) > -size:
        inked = [place for place, letter in enumerate(text) if not letter.isspace()]
        bounds = [0, *(place + 1 for place, gap in enumerate(gaps) if gap > _GAP * size), last - first]
        if len(inked) == last - first:
            parts = tuple((lefts[a], rights[b - 1], inked[a], inked[b - 1] + 1) for a, b in pairwise(bounds))
    elif "  " in text:
        text = _SPACES.sub(" ", text)
    return Line(text, left, top, right, bottom, size, sizes, first_word, parts=parts)


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def part_columns(lines: Sequence[Line], deepest: int = 5) -> list[Line]:
    """Lines that run across two columns become those of the left column, then those of the right.

    A file may draw the columns line by line in turn; PDFium then sees one line. Words that are set in columns as in
    a table stay one line: a column of text has words enough in most of its lines.

    Args:
        lines: in PDFium's order.
        deepest: how many gutters are looked for from left to right.
    """
    done: list[Line] = []
    index = 0
    while index < len(lines):
        end, gutter = _column_run(lines, index)
        if gutter is None or not deepest:
            done += lines[index:end]
        else:
            left: list[Line] = []
            right: list[Line] = []
            for line in lines[index:end]:
                for part in _parted(line, gutter):
                    (left if part.right <= gutter else right).append(part)
            done += [*left, *part_columns(right, deepest - 1)]
        index = end
    return done


def _column_run(lines: Sequence[Line], start: int) -> tuple[int, float | None]:
    """Where a run of lines ends that a gutter parts, and the middle of the gutter; None: they are no columns."""
    furthest = start + 1
    for which in range(len(lines[start].parts) - 1):
        low, high = lines[start].parts[which][1], lines[start].parts[which + 1][0]
        both = [lines[start]]
        end = start + 1
        while end < len(lines) and lines[end].is_upright and lines[end].top >= lines[end - 1].top - lines[end].size:
            line = lines[end]
            gaps = [(a[1], b[0]) for a, b in pairwise(line.parts)]
            clear = [(max(low, a), min(high, b)) for a, b in gaps if min(high, b) - max(low, a) > line.size]
            if clear:
                low, high = clear[0]
                both.append(line)
            elif low + 0.1 < line.right and line.left < high - 0.1:
                break
            end += 1
        gutter = (low + high) / 2
        if len(both) >= _FEWEST_IN_COLUMN:
            if _are_prose(both, gutter):
                return end, gutter
            # The lines of a table are not looked through again from each of them.
            furthest = max(furthest, end)
    return furthest, None


def _are_prose(lines: Sequence[Line], gutter: float) -> bool:
    sides: tuple[list[Line], list[Line]] = ([], [])
    for line in lines:
        parted = _parted(line, gutter)
        if len(parted) != 2:
            return False
        for side, part in zip(sides, parted, strict=True):
            side.append(part)
    for side in sides:
        left = median(part.left for part in side)
        if sum(abs(part.left - left) < part.size for part in side) < 0.6 * len(side):
            return False
        worded = [part for part in side if len(part.text.split()) >= 2 and sum(map(str.isalpha, part.text)) >= 6]
        if len(worded) < 0.75 * len(side):
            return False
    return True


def _parted(line: Line, gutter: float) -> list[Line]:
    """The line left and right of a gutter."""
    left = [part for part in line.parts if part[1] <= gutter]
    right = [part for part in line.parts if part[0] >= gutter]
    if not left or not right:
        return [line]
    cut = right[0][2]
    return [
        replace(
            line,
            text=line.text[: left[-1][3]],
            right=left[-1][1],
            parts=tuple(left) if len(left) > 1 else (),
            ends_in_hyphen=False,
            ends_in_space=False,
        ),
        replace(
            line,
            text=line.text[cut:],
            left=right[0][0],
            parts=tuple((a, b, start - cut, end - cut) for a, b, start, end in right) if len(right) > 1 else (),
            first_word=min(line.first_word, right[0][1] - right[0][0]),
        ),
    ]


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """From top to bottom where no line stands beside another; in the order of the file everywhere else."""
    if any(not line.is_upright for line in lines):
        return list(lines)
    by_height = sorted(lines, key=lambda line: line.middle)
    if any(above.is_beside(below) for above, below in pairwise(by_height)):
        return list(lines)
    return by_height
