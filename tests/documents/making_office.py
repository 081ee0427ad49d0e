"""Word files and slides part by part, with what the usual libraries do not write."""

from __future__ import annotations

from tests.formats import archive

_SCHEMAS = "http://schemas.openxmlformats.org"
_KINDS = f"{_SCHEMAS}/officeDocument/2006/relationships"
_RELATIONS = f"{_SCHEMAS}/package/2006/relationships"
NAMESPACES = {
    "w": f"{_SCHEMAS}/wordprocessingml/2006/main",
    "p": f"{_SCHEMAS}/presentationml/2006/main",
    "a": f"{_SCHEMAS}/drawingml/2006/main",
    "c": f"{_SCHEMAS}/drawingml/2006/chart",
    "dgm": f"{_SCHEMAS}/drawingml/2006/diagram",
    "r": _KINDS,
    "m": f"{_SCHEMAS}/officeDocument/2006/math",
    "mc": f"{_SCHEMAS}/markup-compatibility/2006",
    "v": "urn:schemas-microsoft-com:vml",
    "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
    "dsp": "http://schemas.microsoft.com/office/drawing/2008/diagram",
    "p188": "http://schemas.microsoft.com/office/powerpoint/2018/8/main",
}
_STRICT = {
    "w": "http://purl.oclc.org/ooxml/wordprocessingml/main",
    "r": "http://purl.oclc.org/ooxml/officeDocument/relationships",
    "p": "http://purl.oclc.org/ooxml/presentationml/main",
    "a": "http://purl.oclc.org/ooxml/drawingml/main",
}


def element(name: str, inside: str, *, strict: bool = False) -> str:
    """The outermost element of a part, with all namespaces."""
    spaces = NAMESPACES | (_STRICT if strict else {})
    declared = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in spaces.items())
    return f"<{name} {declared}>{inside}</{name}>"


def relations(entries: dict[str, tuple[str, str]], *, strict: bool = False) -> str:
    """A part of relations: by id, kind and target."""
    kinds = _STRICT["r"] if strict else _KINDS
    lines = (
        f'<Relationship Id="{key}" Type="{kinds}/{kind}" Target="{target}"/>' for key, (kind, target) in entries.items()
    )
    return f'<Relationships xmlns="{_RELATIONS}">{"".join(lines)}</Relationships>'


def word(body: str, parts: dict[str, str] | None = None, *, title: str = "", strict: bool = False) -> bytes:
    """A Word file.

    Args:
        body: what is in ``w:body``.
        parts: by kind, such as ``styles``, what is in the part's outermost element; several of a kind are told apart
            by a number after it, and ``rId`` and the kind are its id.
        title: in the properties.
        strict: with the namespaces of Strict Open XML.
    """
    roots = {"styles": "w:styles", "numbering": "w:numbering", "settings": "w:settings", "footnotes": "w:footnotes",
             "endnotes": "w:endnotes", "comments": "w:comments", "header": "w:hdr", "footer": "w:ftr",
             "chart": "c:chartSpace", "diagramData": "dgm:dataModel", "diagramDrawing": "dsp:drawing"}  # fmt: skip
    parts = parts or {}
    files = {"_rels/.rels": relations({"rId1": ("officeDocument", "word/document.xml")}, strict=strict)}
    files["word/document.xml"] = element("w:document", f"<w:body>{body}</w:body>", strict=strict)
    named = {}
    for kind, inside in parts.items():
        plain = kind.rstrip("0123456789")
        named[f"rId{kind}"] = (plain, f"{kind}.xml")
        files[f"word/{kind}.xml"] = element(roots[plain], inside, strict=strict) if plain in roots else inside
    files["word/_rels/document.xml.rels"] = relations(named, strict=strict)
    if title:
        files["docProps/core.xml"] = core(title)
    return archive(files)


def core(title: str) -> str:
    """Properties with a title."""
    return (
        f'<cp:coreProperties xmlns:cp="{_SCHEMAS}/package/2006/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></cp:coreProperties>'
    )


def paragraph(text: str, properties: str = "", run: str = "") -> str:
    """A paragraph of one run."""
    return (
        f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
    )


def cell(inside: str, properties: str = "") -> str:
    """A cell of a Word table; plain text becomes a paragraph."""
    content = inside if inside.startswith("<") else paragraph(inside)
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content}</w:tc>"


def row(*cells: str, properties: str = "") -> str:
    """A row of a Word table, of cells or plain texts."""
    made = "".join(one if one.startswith("<") else cell(one) for one in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{made}</w:tr>"


def table(*rows: str) -> str:
    """A Word table."""
    return f"<w:tbl><w:tblPr/>{''.join(rows)}</w:tbl>"


def level(place: int, form: str, text: str, more: str = "", start: int = 1) -> str:
    """A level of a list."""
    return (
        f'<w:lvl w:ilvl="{place}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


def numbered(text: str, place: int = 0, key: int = 1) -> str:
    """A paragraph of a list."""
    return paragraph(text, f'<w:numPr><w:ilvl w:val="{place}"/><w:numId w:val="{key}"/></w:numPr>')


def show(
    slides: list[str],
    parts: dict[str, dict[str, tuple[str, str]]] | None = None,
    *,
    strict: bool = False,
    title: str = "",
) -> bytes:
    """A presentation.

    Args:
        slides: what is in the shape tree of each; one that begins with ``<p:sld`` is the whole slide.
        parts: by place of the part that names them, by id: kind, and the XML of a part of its own.
        strict: with the namespaces of Strict Open XML.
        title: in the properties.
    """
    files = {"_rels/.rels": relations({"rId1": ("officeDocument", "ppt/presentation.xml")}, strict=strict)}
    listed = "".join(f'<p:sldId id="{256 + index}" r:id="rId{index}"/>' for index in range(len(slides)))
    files["ppt/presentation.xml"] = element("p:presentation", f"<p:sldIdLst>{listed}</p:sldIdLst>", strict=strict)
    named: dict[str, dict[str, tuple[str, str]]] = {
        "ppt/presentation.xml": {f"rId{index}": ("slide", f"slides/slide{index}.xml") for index in range(len(slides))}
    }
    for index, inside in enumerate(slides):
        tree = f"<p:cSld><p:spTree>{inside}</p:spTree></p:cSld>"
        whole = inside if inside.startswith("<p:sld ") else element("p:sld", tree, strict=strict)
        files[f"ppt/slides/slide{index}.xml"] = whole
    for place, own in (parts or {}).items():
        for key, (kind, content) in own.items():
            file = f"{kind}{len(files)}.xml"
            files[f"ppt/more/{file}"] = content
            named.setdefault(place, {})[key] = (kind, f"/ppt/more/{file}")
    for place, entries in named.items():
        folder, _, file = place.rpartition("/")
        files[f"{folder}/_rels/{file}.rels"] = relations(entries, strict=strict)
    if title:
        files["docProps/core.xml"] = core(title)
    return archive(files)


def shape(
    text: str, top: int = 0, left: int = 0, *, placeholder: str = "", hidden: bool = False, body: str = ""
) -> str:
    """A shape of a slide, at thousandths of an inch."""
    mark = f'<p:ph type="{placeholder}"/>' if placeholder else ""
    content = body or "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="x" hidden="{int(hidden)}"/><p:cNvSpPr/>'
        f"<p:nvPr>{mark}</p:nvPr></p:nvSpPr>"
        f'<p:spPr><a:xfrm><a:off x="{left * 914}" y="{top * 914}"/></a:xfrm></p:spPr>'
        f"<p:txBody><a:bodyPr/>{content}</p:txBody></p:sp>"
    )


def chart(title: str, categories: list[str], series: dict[str, list[str]], *, code: str = "") -> str:
    """What is in the part of a chart."""

    def cache(name: str, values: list[str], form: str = "") -> str:
        points = "".join(f'<c:pt idx="{index}"><c:v>{value}</c:v></c:pt>' for index, value in enumerate(values))
        return f"<c:{name}Ref><c:f>x</c:f><c:{name}Cache>{form}{points}</c:{name}Cache></c:{name}Ref>"

    form = f"<c:formatCode>{code}</c:formatCode>" if code else ""
    axis = cache("num", categories, form) if code else cache("str", categories)
    made = "".join(
        f"<c:ser><c:tx>{cache('str', [name])}</c:tx><c:cat>{axis}</c:cat><c:val>{cache('num', values)}</c:val></c:ser>"
        for name, values in series.items()
    )
    head = f"<c:title><c:tx><c:rich><a:p><a:r><a:t>{title}</a:t></a:r></a:p></c:rich></c:tx></c:title>" if title else ""
    return f"<c:chart>{head}<c:plotArea><c:barChart>{made}</c:barChart></c:plotArea></c:chart>"
