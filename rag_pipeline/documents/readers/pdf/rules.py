"""The rules that a page draws, and the grids of cells that they make."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag_pipeline.documents.readers.pdf.glyphs import Box, Frame

# Points: two rules nearer than this are one; rules that miss each other by less meet; rules shorter are none.
_SAME, _MEET, _SHORTEST = 2.0, 3.0, 6.0
# Points by which rules must reach beyond the last rule across them to make a cell without a border there.
_OPEN = 12.0
# A page that draws more is a picture, in which no one looks for a table.
_MOST_POINTS, _MOST_CROSSINGS, _MOST_CELLS = 40_000, 4_000_000, 20_000
_DEEPEST = 8

Rule = tuple[float, float, float]
"""Where it is across its direction, and from where to where it runs; in points."""


@dataclass(frozen=True)
class Grid:
    """A ruled table: lines both ways, and which of its smallest cells make up one cell."""

    xs: np.ndarray
    """Edges of the columns, from left to right."""
    ys: np.ndarray
    """Edges of the rows, from top to bottom."""
    cells: np.ndarray
    """Shape (rows, columns): the number of the cell that each place belongs to; a cell is a rectangle of places."""

    @property
    def box(self) -> Box:
        """Where it is."""
        return float(self.xs[0]), float(self.ys[0]), float(self.xs[-1]), float(self.ys[-1])

    def places(self, boxes: np.ndarray) -> np.ndarray:
        """The cell in which the middle of each box lies; -1: in none.

        Args:
            boxes: shape (n, 4).
        """
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        column = np.searchsorted(self.xs, x, side="right") - 1
        row = np.searchsorted(self.ys, y, side="right") - 1
        rows, columns = self.cells.shape
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        found = np.full(len(boxes), -1)
        found[inside] = self.cells[row[inside], column[inside]]
        return found


@dataclass(frozen=True)
class Drawn:
    """What a page draws."""

    grids: list[Grid]
    """Its ruled tables, the largest first: two rows and two columns at least."""
    texts: list[Any]
    """PDFium's text objects."""
    has_picture: bool


def survey(page: Any, frame: Frame) -> Drawn:
    """Go once through what a page of pypdfium2 draws."""
    seen = _Survey(page, frame)
    across, down = _joined(seen.across), _joined(seen.down)
    found: list[Grid] = []
    if len(across) >= 2 and down and len(across) * len(down) <= _MOST_CROSSINGS:
        found = [grid for group in _groups(across, down) if (grid := _grid(*group)) is not None]
    return Drawn(sorted(found, key=lambda grid: -_area(grid.box)), seen.texts, seen.has_picture)


def is_within(inner: Box, outer: Box) -> bool:
    """Whether a box lies in another, but for a tenth of it."""
    common = (
        max(inner[0], outer[0]), max(inner[1], outer[1]), min(inner[2], outer[2]), min(inner[3], outer[3])
    )  # fmt: skip
    return common[0] < common[2] and common[1] < common[3] and _area(common) > 0.9 * _area(inner)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


class _Survey:
    """Goes through the objects of a page and those of its forms, as the page shows them."""

    def __init__(self, page: Any, frame: Frame) -> None:
        self.across: list[Rule] = []
        self.down: list[Rule] = []
        self.texts: list[Any] = []
        self.has_picture = False
        self._frame = frame
        self._width, self._height = frame.size
        self._points = 0
        self._look(page, None, np.eye(3), 0)
        if self._points > _MOST_POINTS:
            self.across, self.down = [], []

    def _look(self, page: Any, form: Any, outer: np.ndarray, depth: int) -> None:
        import pypdfium2.raw as pdfium

        count = pdfium.FPDFPage_CountObjects(page) if form is None else pdfium.FPDFFormObj_CountObjects(form)
        matrix = pdfium.FS_MATRIX()
        for index in range(count):
            part = pdfium.FPDFPage_GetObject(page, index) if form is None else pdfium.FPDFFormObj_GetObject(form, index)
            kind = pdfium.FPDFPageObj_GetType(part)
            if kind == pdfium.FPDF_PAGEOBJ_TEXT:
                self.texts.append(part)
            elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                self.has_picture = True
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
                pdfium.FPDFPageObj_GetMatrix(part, matrix)
                self._look(page, part, _as_array(matrix) @ outer, depth + 1)
            elif kind == pdfium.FPDF_PAGEOBJ_PATH and self._points <= _MOST_POINTS and _is_seen(part):
                pdfium.FPDFPageObj_GetMatrix(part, matrix)
                self._trace(part, _as_array(matrix) @ outer)

    def _trace(self, path: Any, matrix: np.ndarray) -> None:
        """Take the straight edges of a path."""
        import pypdfium2.raw as pdfium

        (a, b), (c, d), (e, f) = matrix[:, :2].tolist()
        x, y = ctypes.c_float(), ctypes.c_float()
        start, last = (0.0, 0.0), (0.0, 0.0)
        count = pdfium.FPDFPath_CountSegments(path)
        self._points += count
        if self._points > _MOST_POINTS:
            return
        for number in range(count):
            segment = pdfium.FPDFPath_GetPathSegment(path, number)
            pdfium.FPDFPathSegment_GetPoint(segment, x, y)
            place = (x.value * a + y.value * c + e, x.value * b + y.value * d + f)
            what = pdfium.FPDFPathSegment_GetType(segment)
            if what == pdfium.FPDF_SEGMENT_MOVETO:
                start = place
            elif what == pdfium.FPDF_SEGMENT_LINETO:
                self._add(*last, *place)
            last = place
            if pdfium.FPDFPathSegment_GetClose(segment):
                self._add(*last, *start)
                last = start

    def _add(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Keep an edge that runs straight across or down, and not along the whole page."""
        if abs(x1 - x0) > 1.0 and abs(y1 - y0) > 1.0:
            return
        box = np.array([[min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]])
        left, top, right, bottom = self._frame.shown(box)[0].tolist()
        if bottom - top <= 1.0 <= right - left < 0.98 * self._width:
            self.across.append(((top + bottom) / 2, left, right))
        elif right - left <= 1.0 <= bottom - top < 0.98 * self._height:
            self.down.append(((left + right) / 2, top, bottom))


def _as_array(matrix: Any) -> np.ndarray:
    return np.array([[matrix.a, matrix.b, 0], [matrix.c, matrix.d, 0], [matrix.e, matrix.f, 1]])


def _is_seen(path: Any) -> bool:
    """Whether a path is drawn, and not in white upon white."""
    import pypdfium2.raw as pdfium

    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(path, fill, stroke)
    if stroke.value:
        return True
    if not fill.value:
        return False
    colours = [ctypes.c_uint() for _ in range(4)]
    if pdfium.FPDFPageObj_GetFillColor(path, *colours):
        red, green, blue, alpha = (colour.value for colour in colours)
        return alpha > 0 and min(red, green, blue) < 250
    return True


def _joined(rules: list[Rule]) -> list[Rule]:
    """Rules on one line become one where they touch: doubled ones, dashes, and the sides of thin boxes."""
    found: list[Rule] = []
    bands: list[list[Rule]] = []
    for rule in sorted(rules):
        if bands and rule[0] - bands[-1][0][0] <= _SAME:
            bands[-1].append(rule)
        else:
            bands.append([rule])
    for band in bands:
        place = sum(rule[0] for rule in band) / len(band)
        start, end = float("inf"), float("-inf")
        for _, first, last in sorted(band, key=lambda rule: rule[1]):
            if first > end + _MEET:
                found.append((place, start, end))
                start, end = first, last
            else:
                end = max(end, last)
                start = min(start, first)
        found.append((place, start, end))
    return [rule for rule in found if rule[2] - rule[1] >= _SHORTEST]


def _groups(across: list[Rule], down: list[Rule]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rules that hang together, across and down."""
    flat, tall = np.array(across), np.array(down)
    meets = (
        (tall[None, :, 0] >= flat[:, None, 1] - _MEET)
        & (tall[None, :, 0] <= flat[:, None, 2] + _MEET)
        & (flat[:, None, 0] >= tall[None, :, 1] - _MEET)
        & (flat[:, None, 0] <= tall[None, :, 2] + _MEET)
    )
    left = set(range(len(flat)))
    for first in range(len(flat)):
        if first not in left:
            continue
        rows, columns, fresh = {first}, set[int](), [first]
        while fresh:
            new_columns = set(np.flatnonzero(meets[fresh].any(axis=0)).tolist()) - columns
            columns |= new_columns
            reached: list[int] = np.flatnonzero(meets[:, sorted(new_columns)].any(axis=1)).tolist()
            fresh = [row for row in reached if row not in rows]
            rows |= set(fresh)
        left -= rows
        if len(rows) >= 2 and columns:
            yield flat[sorted(rows)], tall[sorted(columns)]


def _grid(across: np.ndarray, down: np.ndarray) -> Grid | None:
    xs, ys = _places(down[:, 0]), _places(across[:, 0])
    xs, ys = _with_open_ends(xs, across), _with_open_ends(ys, down)
    rows, columns = len(ys) - 1, len(xs) - 1
    if rows < 2 or columns < 2 or rows * columns > _MOST_CELLS:
        return None
    middle_x, middle_y = (xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2
    right_of = np.zeros((rows, columns + 1), dtype=bool)  # whether a rule runs at the left of each place
    for place, first, last in down:
        right_of[(middle_y > first) & (middle_y < last), np.abs(xs - place).argmin()] = True
    below = np.zeros((rows + 1, columns), dtype=bool)
    for place, first, last in across:
        below[np.abs(ys - place).argmin(), (middle_x > first) & (middle_x < last)] = True
    return Grid(xs, ys, _merged(right_of, below))


def _places(values: np.ndarray) -> np.ndarray:
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > _MEET:
            places.append(float(value))
    return np.array(places)


def _with_open_ends(places: np.ndarray, crossing: np.ndarray) -> np.ndarray:
    """With an edge where most rules reach beyond the last one across them: the table has no border there."""
    starts, ends = crossing[:, 1], crossing[:, 2]
    least = max(2, 0.6 * len(crossing))
    if (starts < places[0] - _OPEN).sum() >= least:
        places = np.concatenate([[starts.min()], places])
    if (ends > places[-1] + _OPEN).sum() >= least:
        places = np.concatenate([places, [ends.max()]])
    return places


def _merged(right_of: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Number the cells: places that no rule parts are one, if together they are a rectangle."""
    rows, columns = below.shape[0] - 1, below.shape[1]
    cells = np.full((rows, columns), -1)
    count = 0
    for row in range(rows):
        for column in range(columns):
            if cells[row, column] >= 0:
                continue
            right = column + 1
            while right < columns and not right_of[row, right] and cells[row, right] < 0:
                right += 1
            bottom = row + 1
            while (
                bottom < rows
                and not below[bottom, column:right].any()
                and not right_of[bottom, column + 1 : right].any()
                and (column == 0 or right_of[bottom, column] or cells[bottom, column - 1] >= 0)
                and (right == columns or right_of[bottom, right])
            ):
                bottom += 1
            cells[row:bottom, column:right] = count
            count += 1
    return cells
