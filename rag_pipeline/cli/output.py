"""Consoles, tables and the one-line messages of the command line."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from rag_pipeline.messages import N_, _, spoken
from rag_pipeline.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

_WIDTH = 100
# What a terminal obeys rather than shows, or what moves the text around it: C0 without tab and newline, DEL, C1, line
# and paragraph separators, and marks that override the direction of writing (Unicode Standard, 23.2).
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def shown(text: str, *, lines: bool = False) -> str:
    """A text as it may go to a terminal: names of files and texts of documents may hold what would steer it.

    Args:
        text: whatever comes from outside.
        lines: whether it may have several lines; else a line break is shown as a backslash and an n, so that no name
            looks like a line of ours.
    """
    text = _CONTROL.sub(_REPLACEMENT, text)
    return text if lines else text.replace("\n", "\\n")


def print_error(message: str) -> None:
    """One line on standard error."""
    _line(N_("error"), message)


def print_warning(message: str) -> None:
    """One line on standard error."""
    _line(N_("warning"), message)


def note(message: str) -> None:
    """A line for the person, on standard error, so that standard output is the result alone."""
    sys.stderr.write(f"{shown(message)}\n")
    sys.stderr.flush()


def result(message: str, *, lines: bool = False) -> None:
    """A line of the result on standard output, or several."""
    sys.stdout.write(f"{shown(message, lines=lines)}\n")


def print_json(content: Any, *, lines: bool = False) -> None:
    """One JSON object on standard output, Korean as it is written.

    Args:
        content: the object.
        lines: in one line, which is sent off at once, as one of several.
    """
    text = json.dumps(content, ensure_ascii=False, indent=None if lines else 2)
    # JSON escapes only a part of what a terminal obeys; the value stays what it is.
    sys.stdout.write(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    if lines:
        sys.stdout.flush()


def make_console(stderr: bool = False) -> Console:
    """A console as wide as the terminal, and 100 columns where there is none or it is wider."""
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class SafeConsole(Console):
        """Shows what a text holds for a terminal to obey; what it obeys itself is added later."""

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(shown(segment.text, lines=True), segment.style)

    console = SafeConsole(stderr=stderr, highlight=False, soft_wrap=False)
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    return console


def padded(text: str, width: int) -> str:
    """A text and as many spaces as make it so many columns wide; Korean letters take two."""
    from rich.cells import cell_len

    return text + " " * (width - cell_len(text))


def human_size(size: int | None) -> str:
    """Bytes as a person reads them: ``1.2 MB``."""
    if size is None:
        return "?"
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def _line(kind: str, message: str) -> None:
    from rag_pipeline.masking import mask_keys

    if spoken() != "en":
        from rag_pipeline.cli.error_texts import translated

        message = translated(message)
    note(f"{_(kind)}: {one_line(mask_keys(message))}")
