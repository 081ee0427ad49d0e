"""Jupyter notebooks (nbformat 3 and 4)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rag_pipeline.documents.document import Document
from rag_pipeline.documents.encodings import decode_with_warnings
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.json_values import parse
from rag_pipeline.documents.readers.markdown import read_markdown
from rag_pipeline.errors import DocumentError
from rag_pipeline.text import clean

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# A table or a short log says something; pages of it are the noise of a training run.
_LONGEST_OUTPUT = 4000


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read Markdown cells under their headings, code cells as fenced code, and below each what it wrote as text.

    Left out are pictures and other output that is no text, tracebacks but for their last line, and the rest of outputs
    of more than 4,000 characters.

    Raises:
        DocumentError: it is no notebook.
    """
    decoded = decode_with_warnings(content)
    value = parse(clean(decoded.text))
    if not is_notebook(value):
        raise DocumentError("is no notebook: it holds no cells")
    made = document(value, stem_of(name))
    return replace(made, warnings=(*decoded.warnings, *made.warnings))


def is_notebook(value: Any) -> bool:
    """Whether a value of JSON is a notebook."""
    return isinstance(value, Mapping) and "nbformat" in value and ("cells" in value or "worksheets" in value)


def document(value: Mapping[str, Any], stem: str) -> Document:
    """The document of a notebook."""
    metadata = _mapping(value.get("metadata"))
    language = _mapping(metadata.get("kernelspec")).get("language") or _mapping(metadata.get("language_info")).get(
        "name"
    )
    left_out: Counter[str] = Counter()
    cells = [text for cell in _cells(value) if (text := _cell(cell, str(language or "python"), left_out))]
    title = metadata.get("title")
    made = read_markdown("\n\n".join(cells), title if isinstance(title, str) and title else None, stem)
    pictures, ends = left_out["picture"], left_out["end"]
    said = [f"{pictures} picture{'s' * (pictures > 1)} left out"] if pictures else []
    said += [f"{ends} output{'s' * (ends > 1)} cut after {_LONGEST_OUTPUT:,} characters"] if ends else []
    return replace(made, warnings=tuple(said))


def _cells(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for holder in (value, *_list(value.get("worksheets"))):
        yield from filter(None, map(_mapping, _list(_mapping(holder).get("cells"))))


def _cell(cell: Mapping[str, Any], language: str, left_out: Counter[str]) -> str:
    source = _text(cell.get("source", cell.get("input"))).strip("\n")
    match cell.get("cell_type"):
        case "code":
            code = _fenced(source, language) if source.strip() else ""
            outputs = (_output(_mapping(output), left_out) for output in _list(cell.get("outputs")))
            return "\n\n".join(filter(None, [code, *(_fenced(output, "") for output in outputs if output.strip())]))
        case "heading":  # nbformat 3
            level = cell.get("level")
            return f"{'#' * (level if isinstance(level, int) and 0 < level < 7 else 1)} {' '.join(source.split())}"
        case _:
            return _closed(source)


def _output(output: Mapping[str, Any], left_out: Counter[str]) -> str:
    if output.get("output_type") in ("error", "pyerr"):
        return f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
    data = _mapping(output.get("data")) or output
    text = _text(data.get("text/plain", data.get("text")))
    kinds = [str(kind) for kind in data if "/" in str(kind)]
    if any(kind.startswith("image/") for kind in kinds):
        left_out["picture"] += 1
        text = ""  # "<Figure size 640x480 with 1 Axes>"
    text = _COLOURS.sub("", text).strip("\n")
    if len(text) > _LONGEST_OUTPUT:
        left_out["end"] += 1
        text = text[:_LONGEST_OUTPUT]
    return text


def _fenced(text: str, language: str) -> str:
    longest = max((len(fence) for fence in _FENCE.findall(text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _closed(markdown: str) -> str:
    """A cell ends where it ends: a fence that nobody closed does not go on in the next."""
    opened = ""
    for fence in _FENCE.finditer(markdown):
        mark = fence[1]
        if not opened:
            opened = mark
        elif mark[0] == opened[0] and len(mark) >= len(opened):
            opened = ""
    return f"{markdown}\n{opened}" if opened else markdown


def _text(value: Any) -> str:
    """A text, which notebooks keep as one or as a list of lines."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
