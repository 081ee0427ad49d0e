"""Consoles, tables and the one-line messages of the command line."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rag_pipeline.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 100


def print_error(message: str) -> None:
    """One line on standard error."""
    _line("error", message)


def print_warning(message: str) -> None:
    """One line on standard error."""
    _line("warning", message)


def note(message: str) -> None:
    """A line for the person, on standard error, so that standard output is the result alone."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def result(message: str) -> None:
    """A line of the result, on standard output."""
    sys.stdout.write(f"{message}\n")


def print_json(content: Any) -> None:
    """One JSON object on standard output, Korean as it is written."""
    result(json.dumps(content, ensure_ascii=False, indent=2))


def make_console(stderr: bool = False) -> Console:
    """A console as wide as the terminal, and 100 columns where there is none or it is wider."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    return console


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
    note(f"{kind}: {one_line(message)}")
