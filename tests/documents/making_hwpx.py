"""Small HWPX files: an archive of the XML that Hangul writes, without what no reader needs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.formats import archive

_NAMESPACES = " ".join(
    f"xmlns:{short}='http://www.hancom.co.kr/hwpml/2011/{name}'"
    for short, name in (("hp", "paragraph"), ("hs", "section"), ("hh", "head"), ("hc", "core"), ("hm", "master-page"))
)


def text(words: str) -> str:
    """Words within a run; they may be XML themselves."""
    return f"<hp:t>{words}</hp:t>"


def p(*parts: str, shape: int = 0, style: int = 0, letters: int = 0) -> str:
    """A paragraph; parts that are no XML are text."""
    inner = "".join(part if part.startswith("<") else text(part) for part in parts)
    return (
        f"<hp:p paraPrIDRef='{shape}' styleIDRef='{style}'><hp:run charPrIDRef='{letters}'>{inner}</hp:run>"
        "<hp:linesegarray><hp:lineseg textpos='0'/></hp:linesegarray></hp:p>"
    )


def listed(*paragraphs: str) -> str:
    """Paragraphs within something."""
    return f"<hp:subList>{''.join(entry if entry.startswith('<') else p(entry) for entry in paragraphs)}</hp:subList>"


def control(inner: str) -> str:
    return f"<hp:ctrl>{inner}</hp:ctrl>"


def note(kind: str, *paragraphs: str) -> str:
    """``footNote`` or ``endNote``."""
    return control(f"<hp:{kind} number='1'>{listed(*paragraphs)}</hp:{kind}>")


def cell(*paragraphs: str, down: int = 1, across: int = 1) -> str:
    return f"<hp:tc>{listed(*paragraphs)}<hp:cellSpan colSpan='{across}' rowSpan='{down}'/></hp:tc>"


def table(*rows: Sequence[str], caption: str = "", side: str = "TOP") -> str:
    """A table, in the line; cells that are no XML are their text."""
    lines = "".join(
        f"<hp:tr>{''.join(entry if entry.startswith('<') else cell(entry) for entry in row)}</hp:tr>" for row in rows
    )
    above = f"<hp:caption side='{side}'>{listed(caption)}</hp:caption>" if caption else ""
    return f"<hp:tbl><hp:pos treatAsChar='1'/>{above}{lines}</hp:tbl>"


def box(*paragraphs: str, in_line: bool = False, more: str = "") -> str:
    """A rectangle with text in it."""
    return (
        f"<hp:rect><hp:drawText name=''>{listed(*paragraphs)}</hp:drawText>"
        f"<hp:pos treatAsChar='{int(in_line)}'/><hp:shapeComment>사각형입니다.</hp:shapeComment>{more}</hp:rect>"
    )


def shape(identifier: int, kind: str = "NONE", level: int = 0, of: int = 0) -> str:
    """A shape of paragraphs, for the header."""
    return f"<hh:paraPr id='{identifier}'><hh:heading type='{kind}' idRef='{of}' level='{level}'/></hh:paraPr>"


def numbering(identifier: int, *levels: tuple[str, str]) -> str:
    """A list of numbers for the header; each level's text and kind."""
    heads = "".join(
        f"<hh:paraHead level='{level}' start='1' numFormat='{kind}'>{words}</hh:paraHead>"
        for level, (words, kind) in enumerate(levels, 1)
    )
    return f"<hh:numbering id='{identifier}' start='1'>{heads}</hh:numbering>"


def outline(identifier: int) -> str:
    """What is said of a section: the list of numbers that its headings have."""
    return f"<hp:secPr outlineShapeIDRef='{identifier}'/>"


def hwpx(*paragraphs: str, header: str = "", title: str = "", more: dict[str, str] | None = None) -> bytes:
    """A file of one section; paragraphs that are no XML are their text."""
    return archive(
        {
            "mimetype": "application/hwp+zip",
            "Contents/header.xml": f"<hh:head {_NAMESPACES}><hh:refList>{header}</hh:refList></hh:head>",
            "Contents/content.hpf": "<opf:package xmlns:opf='http://www.idpf.org/2007/opf/'><opf:metadata>"
            f"<opf:title>{title}</opf:title></opf:metadata></opf:package>",
            "Contents/section0.xml": section(*paragraphs),
            **(more or {}),
        }
    )


def section(*paragraphs: str, root: str = "hs:sec") -> str:
    inner = "".join(entry if entry.startswith("<") else p(entry) for entry in paragraphs)
    return f"<?xml version='1.0' encoding='UTF-8'?><{root} {_NAMESPACES}>{inner}</{root}>"
