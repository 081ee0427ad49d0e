"""The characters of a page with their places, as PDFium gives them."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in points from the upper left corner of the page as it is shown."""

_SPACES = [code for code in range(0x3001) if chr(code).isspace()]
NEWLINE, HYPHEN = "\n", "\ufffe"
# How far, in widths and heights of a letter, the copies of a letter lie apart that is printed twice to look bold.
_COPY_ACROSS, _COPY_DOWN = 0.4, 0.25
_BAND = 4.0


class Style(NamedTuple):
    """How a character is printed."""

    is_bold: bool
    is_code: bool
    """Whether its font is one that code is written in, all letters of one width."""


@dataclass(frozen=True)
class Glyphs:
    """What a page shows, in PDFium's order: that of the file, with the spaces and line ends that it sees."""

    text: str
    """A character each; ``NEWLINE`` ends a line, and so does ``HYPHEN``, at which a word is cut."""
    boxes: np.ndarray
    """Shape (characters, 4), as ``Box``."""
    kept: np.ndarray
    """Which are part of the text: neither off the page, nor printed over themselves, nor controls."""
    inked: np.ndarray
    """Which of these are no spaces."""
    style: Callable[[int], Style]
    """How a character is printed, by its index; only while the page is open."""


@dataclass(frozen=True)
class Frame:
    """How the page is shown: the part of it that is, and how it is turned."""

    left: float
    bottom: float
    right: float
    top: float
    quarter_turns: int

    @classmethod
    def of(cls, page: Any) -> Frame:
        """Of a page of pypdfium2."""
        left, bottom, right, top = page.get_bbox()
        return cls(left, bottom, right, top, page.get_rotation() // 90 % 4)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, in points."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.quarter_turns % 2 else (width, height)

    def shown(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes as they are shown.

        Args:
            boxes: left, bottom, right, top of each in the coordinates of the file; shape (n, 4).
        """
        x0, y0, x1, y1 = boxes.T
        if self.quarter_turns == 0:
            sides = (x0 - self.left, self.top - y1, x1 - self.left, self.top - y0)
        elif self.quarter_turns == 1:
            sides = (y0 - self.bottom, x0 - self.left, y1 - self.bottom, x1 - self.left)
        elif self.quarter_turns == 2:
            sides = (self.right - x1, y0 - self.bottom, self.right - x0, y1 - self.bottom)
        else:
            sides = (self.top - y1, self.right - x1, self.top - y0, self.right - x0)
        return np.stack(sides, axis=1)


def read_glyphs(text_page: Any, frame: Frame) -> Glyphs:
    """The characters of a page.

    Args:
        text_page: of pypdfium2.
        frame: how the page is shown; what lies outside is not kept.
    """
    import pypdfium2.raw as pdfium

    count = max(pdfium.FPDFText_CountChars(text_page), 0)
    letters = _letters(text_page, count)
    sides = (ctypes.c_float * (4 * count))()
    # A prototype of plain numbers: pypdfium2's own takes three times as long a call, and there is one a character.
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    box_of = prototype(ctypes.cast(pdfium.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0)
    handle = ctypes.c_void_p(ctypes.cast(text_page.raw, ctypes.c_void_p).value)
    start = ctypes.addressof(sides)
    deque(map(box_of, repeat(handle), range(count), range(start, start + 16 * count, 16)), maxlen=0)
    given = np.frombuffer(sides, dtype=np.float32).astype(np.float64).reshape(count, 4)
    given = np.nan_to_num(given, nan=0.0, posinf=0.0, neginf=0.0)
    boxes = frame.shown(given[:, [0, 3, 2, 1]])
    made = (boxes[:, 0] == boxes[:, 2]) & (boxes[:, 1] == boxes[:, 3])
    codes = np.frombuffer("".join(letters).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    breaks = made & ((codes == 10) | (codes == 13))
    hyphens = codes == ord(HYPHEN)
    controls = ((codes < 32) | (codes == 127) | (codes == 0xFFFF) | (codes == 0xAD)) & ~breaks
    width, height = frame.size
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    inside = (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
    # Spaces and line ends that PDFium adds have no place of their own.
    kept = (inside | made) & ~controls
    inked = kept & ~breaks & ~hyphens & ~np.isin(codes, _SPACES)
    copies = _copies(codes, boxes, inked & ~made)
    kept &= ~copies
    inked &= ~copies
    # What is to be dropped must not look like the end of a line.
    for index in np.flatnonzero(controls):
        letters[index] = " "
    text = "".join(letters).replace("\r", NEWLINE)
    return Glyphs(text, boxes, kept, inked, _styles(text_page))


def _letters(text_page: Any, count: int) -> list[str]:
    """One string a character; pairs of surrogates that PDFium counts as two stay two."""
    import pypdfium2.raw as pdfium

    if not count:
        return []
    buffer = (ctypes.c_ushort * (count + 1))()
    pdfium.FPDFText_GetText(text_page, 0, count, buffer)
    units = bytes(buffer)[: 2 * count]
    letters = list(units.decode("utf-16-le", "surrogatepass"))
    if len(letters) == count and "\0" not in letters:
        return letters
    # PDFium left some out, or counts otherwise than it writes: ask for each.
    codes = [pdfium.FPDFText_GetUnicode(text_page, index) for index in range(count)]
    return [chr(code) if 0 < code < 0x110000 else "\x01" for code in codes]


def _copies(codes: np.ndarray, boxes: np.ndarray, eligible: np.ndarray) -> np.ndarray:
    """Which letters lie upon the same letter, which came before."""
    copies = np.zeros(len(codes), dtype=bool)
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    reach = _COPY_ACROSS * (boxes[:, 2] - boxes[:, 0])
    height = _COPY_DOWN * (boxes[:, 3] - boxes[:, 1])
    letter = codes.astype(np.int64) << 40
    across = (np.clip(boxes[:, 0], 0, 60_000) * 16).astype(np.int64)
    # Copies are neighbours in the order of letter, height and place. A band's edge may part them, so that bands are
    # laid twice; of three copies the outer ones may be left, so that it is all done again where there are any.
    for shift in (0.0, 0.5, 0.0, 0.5):
        left = np.flatnonzero(eligible & ~copies)
        bands = np.clip(middle[left] / _BAND + shift, 0, 2**19).astype(np.int64)
        order = left[np.argsort(letter[left] | (bands << 20) | across[left], kind="stable")]
        first, second = order[:-1], order[1:]
        same = (
            (codes[first] == codes[second])
            & (np.abs(middle[first] - middle[second]) < height[first])
            & (np.abs(boxes[first, 0] - boxes[second, 0]) < np.minimum(reach[first], reach[second]))
            # Both letters of a ligature, such as ff, have its box.
            & ~((np.abs(first - second) <= 2) & (boxes[first] == boxes[second]).all(axis=1))
        )
        copies[np.maximum(first, second)[same]] = True
        if shift and not copies.any():
            break
    return copies


_BOLD_NAMES = ("bold", "black", "heavy", "cmbx", "볼드", "견고딕", "견명조", "헤드라인", "headline", "extrab")
_CODE_NAMES = ("courier", "mono", "consol", "typewriter", "cmtt", "menlo", "sourcecode", "d2coding")
_FORCED_BOLD, _BOLD = 1 << 18, 600


def _styles(text_page: Any) -> Callable[[int], Style]:
    import pypdfium2.raw as pdfium

    buffer = ctypes.create_string_buffer(256)
    flags = ctypes.c_int()
    known: dict[tuple[bytes, int], Style] = {}

    def style_of(index: int) -> Style:
        weight = pdfium.FPDFText_GetFontWeight(text_page, index)
        size = pdfium.FPDFText_GetFontInfo(text_page, index, buffer, 256, flags)
        key = (buffer.raw[: max(min(size, 256) - 1, 0)], weight)
        if key not in known:
            name = key[0].decode("utf-8", "replace").lower()
            bold = weight >= _BOLD or flags.value & _FORCED_BOLD or any(word in name for word in _BOLD_NAMES)
            known[key] = Style(bool(bold), any(word in name for word in _CODE_NAMES))
        return known[key]

    return style_of
