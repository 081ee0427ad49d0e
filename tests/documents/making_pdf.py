"""Writes PDFs whose every number is known: one font for all scripts, half an em a Latin letter, one em a Hangul one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

WIDTH, HEIGHT = 595, 842
_LATIN, _WIDE = 0.5, 1.0


def width_of(text: str, size: float) -> float:
    """How wide a text is, in points."""
    return sum(_LATIN if ord(letter) < 0x300 else _WIDE for letter in text) * size


@dataclass
class Page:
    """What is drawn on a page; x to the right and y upwards from the lower left corner, in points."""

    rotate: int = 0
    crop: tuple[float, float, float, float] | None = None
    drawn: list[str] = field(default_factory=list)
    annotations: list[str] = field(default_factory=list)
    in_form: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 10,
        *,
        bold: bool = False,
        angle: float = 0,
        form: bool = False,
    ) -> Page:
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        matrix = " ".join(f"{value:.4f}" for value in (cos, sin, -sin, cos, x, y))
        code = text.encode("utf-16-be").hex()
        (self.in_form if form else self.drawn).append(
            f"BT /{'B' if bold else 'F'} {size} Tf {matrix} Tm <{code}> Tj ET"
        )
        return self

    def lines(self, x: float, y: float, texts: list[str], size: float = 10, leading: float = 1.5) -> Page:
        for index, text in enumerate(texts):
            self.text(x, y - index * size * leading, text, size)
        return self

    def line(self, x0: float, y0: float, x1: float, y1: float) -> Page:
        self.drawn.append(f"{x0} {y0} m {x1} {y1} l S")
        return self

    def box(self, x: float, y: float, width: float, height: float, how: str = "S") -> Page:
        self.drawn.append(f"{x} {y} {width} {height} re {how}")
        return self

    def picture(self) -> Page:
        """An image of one dot, over the whole page."""
        self.drawn.append(f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID x EI Q")
        return self

    def grid(self, xs: list[float], ys: list[float], rows: list[list[str]], size: float = 10) -> Page:
        """A ruled table, the rows from the highest y down."""
        for y in ys:
            self.line(xs[0], y, xs[-1], y)
        for x in xs:
            self.line(x, ys[0], x, ys[-1])
        return self.cells(xs, ys, rows, size)

    def cells(self, xs: list[float], ys: list[float], rows: list[list[str]], size: float = 10) -> Page:
        """The texts of a table without its rules."""
        for y, row in zip(ys, rows, strict=False):
            for x, text in zip(xs, row, strict=False):
                if text:
                    self.text(x + 4, y - 4 - size, text, size)
        return self

    def field(self, x: float, y: float, width: float, name: str, value: str) -> Page:
        self.annotations.append(
            f"<< /Type /Annot /Subtype /Widget /FT /Tx /T {_string(name)} /V {_string(value)} /F 4"
            f" /DA (/F 10 Tf 0 g) /Rect [{x} {y} {x + width} {y + 14}] >>"
        )
        return self

    def note(self, x: float, y: float, contents: str, kind: str = "Text", width: float = 20) -> Page:
        self.annotations.append(
            f"<< /Type /Annot /Subtype /{kind} /Contents {_string(contents)} /Rect [{x} {y} {x + width} {y + 14}]"
            " /DA (/F 10 Tf 0 g) >>"
        )
        return self


def write(*pages: Page, title: str | None = None, bookmarks: tuple[tuple[str, int, float], ...] = ()) -> bytes:
    """A PDF.

    Args:
        pages: from the first.
        title: what the metadata say; None: nothing.
        bookmarks: title, page from 0, and y; all of one level, but that a title with leading spaces is below others,
            a level for each space.
    """
    objects: list[bytes] = []

    def add(content: str | bytes) -> int:
        objects.append(content if isinstance(content, bytes) else content.encode("latin-1"))
        return len(objects)

    def stream(content: str, entries: str = "") -> int:
        data = content.encode("latin-1")
        return add(f"<< /Length {len(data)} {entries} >>\nstream\n".encode() + data + b"\nendstream")

    catalog, tree = add(""), add("")
    regular, bold, code = (_font(add, stream, name) for name in ("Test-Regular", "Test-Bold", "Test-Courier"))
    fonts = f"<< /F {regular} 0 R /B {bold} 0 R /C {code} 0 R >>"
    kids, fields = [], []
    for page in pages:
        forms = ""
        drawn = list(page.drawn)
        if page.in_form:
            entries = f"/Type /XObject /Subtype /Form /BBox [0 0 {WIDTH} {HEIGHT}] /Resources << /Font {fonts} >>"
            forms = f"/XObject << /X {stream(chr(10).join(page.in_form), entries)} 0 R >>"
            drawn.append("/X Do")
        notes = [add(note) for note in page.annotations]
        fields += [number for number, note in zip(notes, page.annotations, strict=True) if "/Widget" in note]
        crop = f"/CropBox [{' '.join(map(str, page.crop))}]" if page.crop else ""
        kids.append(
            add(
                f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] {crop} /Rotate {page.rotate}"
                f" /Resources << /Font {fonts} {forms} >> /Contents {stream(chr(10).join(drawn))} 0 R"
                f" /Annots [{_references(notes)}] >>"
            )
        )
    objects[tree - 1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{_references(kids)}] >>".encode()
    form = f"/AcroForm << /Fields [{_references(fields)}] /DR << /Font {fonts} >> >>" if fields else ""
    outlines = f"/Outlines {_outline(add, objects, kids, bookmarks)} 0 R" if bookmarks else ""
    objects[catalog - 1] = f"<< /Type /Catalog /Pages {tree} 0 R {form} {outlines} >>".encode()
    info = add(f"<< /Title {_string(title)} >>") if title is not None else 0
    return _assembled(objects, catalog, info)


def _font(add, stream, name: str) -> int:
    bold = name == "Test-Bold"
    cmap = stream(
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /U def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        + "".join(
            f"100 beginbfrange\n{''.join(f'<{high:02X}00> <{high:02X}FF> <{high:02X}00>' + chr(10) for high in part)}"
            "endbfrange\n".replace("100", str(len(part)), 1)
            for part in (range(0, 90), range(90, 172), range(172, 216), range(224, 256))
        )
        + "endcmap end end"
    )
    descriptor = add(
        f"<< /Type /FontDescriptor /FontName /{name} /Flags {262148 if bold else 4} /FontBBox [0 -200 1000 800]"
        f" /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV {160 if bold else 80}"
        f" /FontWeight {700 if bold else 400} >>"
    )
    below = add(
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /FontDescriptor {descriptor} 0 R /DW 1000"
        " /W [0 767 500] /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
    )
    return add(
        f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H /DescendantFonts [{below} 0 R]"
        f" /ToUnicode {cmap} 0 R >>"
    )


def _outline(add, objects: list[bytes], kids: list[int], bookmarks) -> int:
    root = add("")
    numbers = [add("") for _ in bookmarks]
    levels = [len(title) - len(title.lstrip()) for title, _, _ in bookmarks]

    def children(start: int, level: int) -> list[int]:
        found = []
        for index in range(start, len(bookmarks)):
            if levels[index] < level:
                break
            if levels[index] == level:
                found.append(index)
        return found

    def linked(parent: int, below: list[int]) -> str:
        for place, index in enumerate(below):
            title, page, y = bookmarks[index]
            around = f"/Prev {numbers[below[place - 1]]} 0 R " if place else ""
            around += f"/Next {numbers[below[place + 1]]} 0 R " if place + 1 < len(below) else ""
            inner = linked(numbers[index], children(index + 1, levels[index] + 1))
            objects[numbers[index] - 1] = (
                f"<< /Title {_string(title.strip())} /Parent {parent} 0 R {around} {inner}"
                f" /Dest [{kids[page]} 0 R /XYZ 0 {y} 0] >>"
            ).encode("latin-1")
        return f"/First {numbers[below[0]]} 0 R /Last {numbers[below[-1]]} 0 R /Count {len(below)}" if below else ""

    objects[root - 1] = f"<< /Type /Outlines {linked(root, children(0, 0))} >>".encode("latin-1")
    return root


def _string(text: str) -> str:
    return f"<{('﻿' + text).encode('utf-16-be').hex()}>"


def _references(numbers: list[int]) -> str:
    return " ".join(f"{number} 0 R" for number in numbers)


def _assembled(objects: list[bytes], catalog: int, info: int) -> bytes:
    written = b"%PDF-1.7\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    start = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    written += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    about = f"/Info {info} 0 R" if info else ""
    return (
        written
        + f"trailer << /Size {len(objects) + 1} /Root {catalog} 0 R {about} >>\nstartxref\n{start}\n%%EOF".encode()
    )
