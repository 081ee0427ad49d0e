"""A real file of every format that is read, all saying the same sentence."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

TITLE = "항해 기록"
HEADING = "제원"


def docx(sentence: str) -> bytes:
    import docx as word

    document = word.Document()
    document.core_properties.title = TITLE
    document.add_heading(HEADING, 1)
    document.add_paragraph(sentence)
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        [cell for row in table.rows for cell in row.cells], ["이름", "흘수", "가람", "9.1"], strict=True
    ):
        cell.text = text
    return _saved(document.save)


def pptx(sentence: str) -> bytes:
    from pptx import Presentation
    from pptx.util import Inches

    show = Presentation()
    show.core_properties.title = TITLE
    first = show.slides.add_slide(show.slide_layouts[5])
    first.shapes.title.text = "첫 장"
    second = show.slides.add_slide(show.slide_layouts[1])
    second.shapes.title.text = HEADING
    second.placeholders[1].text = sentence
    table = second.shapes.add_table(2, 2, Inches(1), Inches(4), Inches(4), Inches(1)).table
    for index, text in enumerate(["이름", "흘수", "가람", "9.1"]):
        table.cell(index // 2, index % 2).text = text
    second.notes_slide.notes_text_frame.text = "말할 것"
    return _saved(show.save)


def xlsx(sentence: str) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = HEADING
    book.active.append(["이름", "설명", "흘수"])
    book.active.append(["가람", sentence, 12])
    book.create_sheet("빈 장")
    return _saved(book.save)


def pdf(sentence: str) -> bytes:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("HYSMyeongJo-Medium"))
    stream = io.BytesIO()
    canvas = Canvas(stream)
    canvas.setTitle(TITLE)
    for text in ("첫 쪽입니다.", sentence):
        canvas.setFont("HYSMyeongJo-Medium", 12)
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def locked_pdf(sentence: str) -> bytes:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    canvas = Canvas(stream, encrypt=StandardEncryption("secret"))
    canvas.drawString(72, 720, "locked")
    canvas.save()
    return stream.getvalue()


def scanned_pdf() -> bytes:
    """A page with a drawing and no text."""
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    canvas = Canvas(stream)
    canvas.rect(72, 72, 300, 300, fill=1)
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def underlined_pdf() -> bytes:
    """A page with text and two lines across, as under a heading."""
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    canvas = Canvas(stream)
    canvas.drawString(72, 720, "heading")
    for height in (710, 80, 70):
        canvas.line(72, height, 400, height)
    canvas.save()
    return stream.getvalue()


def ruled_pdf(rows: list[list[str]]) -> bytes:
    """A page with a line above, a ruled table, and a line below."""
    from reportlab.lib import colors
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

    font = "HYSMyeongJo-Medium"
    pdfmetrics.registerFont(UnicodeCIDFont(font))
    style = ParagraphStyle("k", fontName=font)
    table = Table(rows, style=[("GRID", (0, 0), (-1, -1), 1, colors.black), ("FONTNAME", (0, 0), (-1, -1), font)])
    stream = io.BytesIO()
    SimpleDocTemplate(stream).build([Paragraph("표 위", style), table, Paragraph("표 아래", style)])
    return stream.getvalue()


def epub(sentence: str) -> bytes:
    chapter = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>x</title></head><body>{}</body></html>"
    return archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
            "<rootfile full-path='OPS/book.opf'/></rootfiles></container>",
            "OPS/book.opf": "<package xmlns='http://www.idpf.org/2007/opf' "
            f"xmlns:dc='http://purl.org/dc/elements/1.1/'><metadata><dc:title>{TITLE}</dc:title></metadata><manifest>"
            "<item id='b' href='b%20two.xhtml' media-type='application/xhtml+xml'/>"
            "<item id='a' href='a.xhtml' media-type='application/xhtml+xml'/>"
            "<item id='m' href='missing.xhtml' media-type='application/xhtml+xml'/></manifest>"
            "<spine><itemref idref='a'/><itemref idref='m'/><itemref idref='b'/></spine></package>",
            "OPS/a.xhtml": chapter.format("<h1>첫 장</h1><p>처음.</p>"),
            "OPS/b two.xhtml": chapter.format(f"<h1>{HEADING}</h1><p>{sentence}</p>"),
        }
    )


def eml(sentence: str) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = TITLE, "가람 <garam@example.com>", "b@example.com"
    message.set_content(sentence)
    message.add_alternative(f"<p>{sentence}</p>", subtype="html")
    message.add_attachment(b"x", maintype="application", subtype="pdf", filename="도면.pdf")
    return message.as_bytes()


def html(sentence: str) -> bytes:
    return (
        f"<!DOCTYPE html><html><head><title>{TITLE}</title><style>p {{ color: red }}</style>"
        f"<script>alert('script text')</script></head><body><nav>menu</nav><h2>{HEADING}</h2><p>{sentence}</p>"
        "<table><tr><th>이름</th><th>흘수</th></tr><tr><td>가람</td><td>9.1</td></tr></table>"
        "<pre><code>def f():\n    return 1</code></pre></body></html>"
    ).encode()


def hwpx(sentence: str) -> bytes:
    paragraph = "<hp:p><hp:run><hp:t>{}</hp:t></hp:run></hp:p>"
    section = (
        "<?xml version='1.0' encoding='UTF-8'?><hs:sec xmlns:hs='http://www.hancom.co.kr/hwpml/2011/section' "
        f"xmlns:hp='http://www.hancom.co.kr/hwpml/2011/paragraph'>{paragraph.format(sentence)}</hs:sec>"
    )
    return archive({"mimetype": "application/hwp+zip", "Contents/section0.xml": section})


def hwp(sentence: str) -> bytes:
    """HWP 5: a compound file with a header and one section of paragraphs (Hancom's published format, revision 1.3)."""
    header = b"HWP Document File".ljust(32, b"\0") + struct.pack("<I", 0x05000300) + struct.pack("<I", 0)
    body = b""
    # Paragraphs enough that the section lies in ordinary sectors, as everything here does.
    for text in [sentence, *["."] * 120]:
        encoded = (text + "\r").encode("utf-16-le")
        body += _record(66, 0, struct.pack("<IIHBBHHHI", len(text) + 1, 0, 0, 0, 0, 1, 0, 1, 0)) + _record(
            67, 1, encoded
        )
    return _compound({"FileHeader": header.ljust(4096, b"\0"), "BodyText/Section0": body})


def archive(files: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


def zip_bomb(inside: str) -> bytes:
    """Two hundred megabytes of zeros in a few hundred kilobytes."""
    return archive({inside: b"\0" * 200_000_000})


FORMATS: dict[str, Callable[[str], bytes]] = {
    ".md": lambda s: f"# {TITLE}\n\n## {HEADING}\n\n{s}\n".encode(),
    ".txt": lambda s: s.encode("cp949"),
    ".html": html,
    ".pdf": pdf,
    ".docx": docx,
    ".pptx": pptx,
    ".xlsx": xlsx,
    ".csv": lambda s: f"이름,설명\n가람,{s}\n".encode("utf-8-sig"),
    ".tsv": lambda s: f"이름\t설명\n가람\t{s}\n".encode("utf-16"),
    ".json": lambda s: json.dumps({"title": TITLE, "text": s, "year": 2020}).encode(),
    ".jsonl": lambda s: (
        json.dumps({"title": "하나", "body": "x"}) + "\n" + json.dumps({"title": HEADING, "body": s})
    ).encode(),
    ".epub": epub,
    ".eml": eml,
    ".hwpx": hwpx,
    ".hwp": hwp,
}


def write_all(folder: Path, sentence: str) -> None:
    """One file of each format."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, make in FORMATS.items():
        (folder / f"file{suffix[1:]}{suffix}").write_bytes(make(sentence))


def _saved(save: Callable[[io.BytesIO], None]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


def _record(tag: int, level: int, payload: bytes) -> bytes:
    size = min(len(payload), 0xFFF)
    head = struct.pack("<I", tag | level << 10 | size << 20)
    return head + (struct.pack("<I", len(payload)) if size == 0xFFF else b"") + payload


def _compound(streams: dict[str, bytes]) -> bytes:
    """A compound file (MS-CFB, version 3) with all streams of 4,096 bytes or more, in one folder at most."""
    sector, end, free, fat_mark = 512, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
    folder = next(name.split("/")[0] for name in streams if "/" in name)
    assert all(len(content) >= 4096 for content in streams.values())
    data, fat, starts = b"", [], {}
    for name, content in streams.items():
        starts[name] = len(fat)
        count = -(-len(content) // sector)
        fat += [*range(len(fat) + 1, len(fat) + count), end]
        data += content.ljust(count * sector, b"\0")

    def entry(name: str, kind: int, left=free, right=free, child=free, start=0, size=0) -> bytes:
        encoded = name.encode("utf-16-le") + b"\0\0"
        return struct.pack(
            "<64sHBBIII16sIQQIQ", encoded, len(encoded), kind, 1, left, right, child, b"", 0, 0, 0, start, size
        )

    top = next(name for name in streams if "/" not in name)
    below = next(name for name in streams if "/" in name)
    directory = (
        entry("Root Entry", 5, child=1, start=end)
        + entry(top, 2, left=2, start=starts[top], size=len(streams[top]))
        + entry(folder, 1, child=3)
        + entry(below.split("/")[1], 2, start=starts[below], size=len(streams[below]))
    )
    directory_start = len(fat)
    fat.append(end)
    data += directory
    fat_start = len(fat)
    count = 1
    while (len(fat) + count) * 4 > count * sector:
        count += 1
    fat += [fat_mark] * count
    data += b"".join(struct.pack("<I", value) for value in fat).ljust(count * sector, b"\xff")
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, count, directory_start, 0, 4096,
        end, 0, end, 0, fat_start,
    )  # fmt: skip
    more = b"".join(struct.pack("<I", fat_start + index) for index in range(1, count))
    return (header + more).ljust(sector, b"\xff") + data


def deflated(content: bytes) -> bytes:
    """Raw deflate, as the sections of most HWP files are packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()
