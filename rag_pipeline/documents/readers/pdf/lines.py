"""The lines of a page, in the order they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import numpy as np

from rag_pipeline.documents.readers.pdf.glyphs import HYPHEN, NEWLINE, Glyphs

# A gap between letters that may part two columns, in heights of a letter.
_GAP = 1.4
_FEWEST_IN_COLUMN = 3
_PIECE = re.compile(f"[^{NEWLINE}{HYPHEN}]+{HYPHEN}?|{HYPHEN}")
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
    """Height of its letters: ascent and descent, in points."""
    first_word: float = 0.0
    """How wide its first word is."""
    is_bold: bool = False
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
    text = glyphs.text
    kept = glyphs.kept.tolist()
    boxes = glyphs.boxes
    found: dict[int, list[Line]] = {}
    for piece in _PIECE.finditer(text):
        start, end = piece.span()
        hyphen = text[end - 1] == HYPHEN
        inked = [index for index in range(start, end - hyphen) if kept[index] and not text[index].isspace()]
        if not inked:
            continue
        for region, first, last in _runs(inked, regions):
            places = [index for index in range(first, last + 1) if kept[index]]
            tail = last + 1
            space = tail < end and text[tail].isspace() and kept[tail] and boxes[tail, 0] != boxes[tail, 2]
            found.setdefault(region, []).append(
                _line(glyphs, places, hyphen and last == inked[-1], ends_in_space=bool(space))
            )
    return found


def _runs(inked: list[int], regions: np.ndarray | None) -> Iterator[tuple[int, int, int]]:
    """Region, first and last character of what lies in one region without a break."""
    if regions is None:
        yield -1, inked[0], inked[-1]
        return
    start = inked[0]
    for index, following in pairwise([*inked, -1]):
        if following < 0 or regions[index] != regions[following]:
            yield int(regions[index]), start, index
            start = following


def _line(glyphs: Glyphs, places: list[int], hyphen: bool, *, ends_in_space: bool) -> Line:
    text = "".join([glyphs.text[index] for index in places])
    all_boxes = glyphs.boxes[places]
    dark = np.array([not letter.isspace() for letter in text])
    boxes = all_boxes[dark]
    left, top = float(boxes[:, 0].min()), float(boxes[:, 1].min())
    right, bottom = float(boxes[:, 2].max()), float(boxes[:, 3].max())
    upright = not (len(boxes) > 1 and bottom - top > 1.5 * (right - left))
    heights = boxes[:, 3] - boxes[:, 1] if upright else boxes[:, 2] - boxes[:, 0]
    size = float(np.median(heights))
    if upright and len(boxes) > 2:
        top, bottom = float(np.median(boxes[:, 1])), float(np.median(boxes[:, 3]))
    word = re.match(r"\s*(\S+)", text)
    first_word = 0.0
    if word and upright:
        of_word = all_boxes[word.start(1) : word.end(1)]
        first_word = float(of_word[:, 2].max() - of_word[:, 0].min())
    parts: tuple[tuple[float, float, int, int], ...] = ()
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    if upright and size > 0 and len(gaps) and float(gaps.max()) > _GAP * size and float(gaps.min()) > -size:
        inked = np.flatnonzero(dark)
        bounds = [0, *(int(place) + 1 for place in np.flatnonzero(gaps > _GAP * size)), len(boxes)]
        parts = tuple(
            (float(boxes[a, 0]), float(boxes[b - 1, 2]), int(inked[a]), int(inked[b - 1]) + 1)
            for a, b in pairwise(bounds)
        )
    starts = [places[match.start()] for match in re.finditer(r"\S+", text)]
    bold = all(glyphs.is_bold(index) for index in starts)
    if len(places) <= places[-1] - places[0]:
        text = _SPACES.sub(" ", text)
        parts = ()
    return Line(text, left, top, right, bottom, size, first_word, bold, hyphen, ends_in_space, upright, parts)


def part_columns(lines: Sequence[Line]) -> list[Line]:
    """Lines that run across two columns become those of the left column, then those of the right.

    A file may draw the columns line by line in turn; PDFium then sees one line. Words that are set in columns as in
    a table stay one line: a column of text has words enough in most of its lines.
    """
    done: list[Line] = []
    index = 0
    while index < len(lines):
        run = _column_run(lines, index)
        if run is None:
            done.append(lines[index])
            index += 1
            continue
        end, gutter = run
        left: list[Line] = []
        right: list[Line] = []
        for line in lines[index:end]:
            for part in _parted(line, gutter):
                (left if part.right <= gutter else right).append(part)
        done += [*left, *part_columns(right)]
        index = end
    return done


def _column_run(lines: Sequence[Line], start: int) -> tuple[int, float] | None:
    """Where a run of lines ends that a gutter parts, and the middle of the gutter."""
    if len(lines[start].parts) < 2:
        return None
    for which in range(len(lines[start].parts) - 1):
        low, high = lines[start].parts[which][1], lines[start].parts[which + 1][0]
        both = [lines[start]]
        end = start + 1
        while end < len(lines) and lines[end].is_upright and lines[end].top >= lines[end - 1].top - lines[end].size:
            line = lines[end]
            gaps = [(a[1], b[0]) for a, b in pairwise(line.parts)] if line.parts else []
            clear = [(max(low, a), min(high, b)) for a, b in gaps if min(high, b) - max(low, a) > line.size]
            if clear:
                low, high = clear[0]
                both.append(line)
            elif line.right <= low + 0.1:
                pass
            elif line.left >= high - 0.1:
                pass
            else:
                break
            end += 1
        gutter = (low + high) / 2
        if len(both) >= _FEWEST_IN_COLUMN and _are_prose(both, gutter):
            return end, gutter
    return None


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


