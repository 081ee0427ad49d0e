"""Running headers, footers and page numbers: lines that most pages repeat at the same height."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rag_pipeline.documents.readers.pdf.lines import Line

_FEWEST_PAGES, _SHARE = 3, 0.6
# Lines from the top, and from the bottom, that may be furniture; points within which a height is the same.
_MOST_LINES, _SAME_HEIGHT = 3, 4.0
_MOST_NUMBERS = 3
_NUMBER = re.compile(r"\d+")
_ROMAN = re.compile(r"[ivxlc]{1,12}")
_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
# Numbers of parts of the text, which go up by one from page to page where each has a page of its own.
_PART = re.compile(
    r"제\s*\W?#|#\s*(?:조|장|절|관|편|과|강|주|일차|번)|(?:chapter|section|part|article|unit|week|day|slide)\s*#"
)
# A number at either end of a line, and the rest of it.
_EDGE_NUMBER = re.compile(r"(?P<before>.*\s)?(?P<number>\d{1,5})(?P<after>\s.*)?")
_COUNTED, _REST = "\0counted ", "\0rest "
_Key = tuple[str, int]


def without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The lines of each page without those that repeat, at the same height, on most pages or most of every second.

    A line repeats if its text does, or if nothing in it differs but a number that goes up with the pages.

    Args:
        pages: the lines of each page that are in no table.
    """
    places = [_outermost(lines) for lines in pages]
    counts: list[Counter[_Key]] = [Counter(), Counter()]
    filled = [0, 0]
    for number, (lines, edge) in enumerate(zip(pages, places, strict=True)):
        filled[number % 2] += bool(lines)
        keys = {key for index in [*edge[0], *edge[1]] for key in _keys(lines[index], number)}
        for text, height in keys:
            counts[number % 2][text, height] += 1
    kept: list[list[Line]] = []
    for number, (lines, edge) in enumerate(zip(pages, places, strict=True)):
        dropped: set[int] = set()
        for side in edge:
            for index in side:
                keys = set(_keys(lines[index], number))
                counted = {key for key in keys if key[0].startswith(_COUNTED)}
                rests = {key for key in keys if key[0].startswith(_REST)}
                # A header of a chapter goes on for a few pages, and its number with those of all chapters.
                of_chapter = any(_repeats(key, counts, filled, number % 2) for key in counted) and (
                    not rests or any(counts[0][key] + counts[1][key] >= _FEWEST_PAGES for key in rests)
                )
                if not of_chapter and not any(
                    _repeats(key, counts, filled, number % 2) for key in keys - counted - rests
                ):
                    break
                dropped.add(index)
        kept.append([line for index, line in enumerate(lines) if index not in dropped])
    return kept


def _outermost(lines: Sequence[Line]) -> tuple[list[int], list[int]]:
    """The lines at the top, from the highest, and at the bottom, from the lowest."""
    by_height = sorted((index for index in range(len(lines)) if lines[index].is_upright), key=lambda i: lines[i].middle)
    return by_height[:_MOST_LINES], by_height[::-1][:_MOST_LINES]


def _keys(line: Line, page: int) -> Iterator[_Key]:
    """What the line has in common with those it repeats: its text, or that with a number counted from the page's."""
    text = " ".join(line.text.lower().split())
    height = round(line.middle / _SAME_HEIGHT)
    variants = [text]
    for match in list(_NUMBER.finditer(text))[:_MOST_NUMBERS]:
        rest = f"{text[: match.start()]}#{text[match.end() :]}"
        if len(match[0]) <= 6 and not _PART.search(rest):
            variants.append(f"{rest}\0{int(match[0]) - page}")
    edge = _EDGE_NUMBER.fullmatch(text)
    if edge and not _PART.search(text.replace(edge["number"], "#", 1)):
        variants.append(f"{_COUNTED}{int(edge['number']) - page}")
        variants += [f"{_REST}{edge['before'] or edge['after']}"] * bool(edge["before"] or edge["after"])
    if _ROMAN.fullmatch(text.strip("- ")):
        variants.append(f"roman\0{_roman(text.strip('- ')) - page}")
    for variant in variants:
        # A height near the edge of a band counts in both.
        yield variant, height
        yield variant, height + (1 if line.middle / _SAME_HEIGHT > height else -1)


def _roman(text: str) -> int:
    values = [_VALUES[letter] for letter in text]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def _repeats(key: _Key, counts: Sequence[Counter[_Key]], filled: Sequence[int], parity: int) -> bool:
    both, here = counts[0][key] + counts[1][key], counts[parity][key]
    return (both >= _FEWEST_PAGES and both > _SHARE * sum(filled)) or (
        here >= _FEWEST_PAGES and here > _SHARE * filled[parity]
    )
