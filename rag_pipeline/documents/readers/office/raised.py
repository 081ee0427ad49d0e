"""Superscripts in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

# A mark of a note, or a power: 1) 1 -6 (1) *
_MARK = re.compile(r"[(\[]?[-+−–]?\d|[*†‡§]")


def joined(runs: Iterable[tuple[str, bool]]) -> str:
    """Text of runs, in which what is raised is no part of a figure: ``12.04`` and a raised ``1)`` give ``12.04^1)``.

    Args:
        runs: text, and whether it is raised.
    """
    parts: list[str] = []
    last, closing = "", False
    for raised, group in groupby(runs, key=lambda run: run[1]):
        text = "".join(piece for piece, _ in group)
        if not text:
            continue
        if raised and last.isdigit() and _MARK.match(text):
            parts.append("^")
            closing = True
        elif closing and text[0].isdigit():
            parts.append(" ")
            closing = False
        else:
            closing = False
        parts.append(text)
        last = text[-1]
    return "".join(parts)
