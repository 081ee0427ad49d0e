"""Help in the language that is spoken: the texts of commands and options, and the words that typer adds.

typer reads the help of a command when it is defined. So it is translated later, in the commands that typer has made,
and laid out by how wide its letters are: Korean ones take two columns of a terminal.
"""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rag_pipeline.messages import N_, _

if TYPE_CHECKING:
    import typer

# What typer says of its own accord, and we in its place.
USAGE, SHOW_HELP = N_("Usage: "), N_("Show this message and exit.")
HEADINGS = (N_("Arguments"), N_("Options"), N_("Commands"))
REQUIRED, DEFAULT = N_("required"), N_("default")
_ADDED = re.compile(rf"(?<=  \[){REQUIRED}(?=\]$)|(?<=  \[){DEFAULT}(?=: )|(?<=; ){REQUIRED}(?=\]$)")
# A letter for private use, which no text of ours holds: one after each wide letter makes a text as long as it is wide.
_FILLER = "\ue000"


def help_in_one_line(text: str) -> str:
    """A help text as the catalogue has it: paragraphs in one line each, apart by an empty one."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def texts_of(command: Any) -> Iterator[str]:
    """Every help text of a command of typer's and of those below it."""
    for one in (command, *getattr(command, "commands", {}).values()):
        yield help_in_one_line(one.help)
        yield from (help_in_one_line(param.help) for param in one.params if getattr(param, "help", None))


def translate_help(command: Any) -> None:
    """Have a command of typer's, and those below it, give help in the language that is spoken."""
    base = command.context_class
    formatter = type("Formatter", (_Formatter, base.formatter_class), {})
    for one in (command, *getattr(command, "commands", {}).values()):
        one.context_class = type("Context", (base,), {"formatter_class": formatter})
        one.help = _(help_in_one_line(one.help))
        for param in one.params:
            if getattr(param, "help", None):
                param.help = _(help_in_one_line(param.help))


class _Formatter:
    """Goes before click's formatter, which it calls with texts that are translated, and as long as they are wide."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, _(USAGE) if prefix is None else prefix)  # type: ignore[misc]

    def write_heading(self, heading: str) -> None:
        super().write_heading(_(heading))  # type: ignore[misc]

    def write_text(self, text: str) -> None:
        super().write_text(_filled(text))  # type: ignore[misc]

    def write_dl(self, rows: Sequence[tuple[str, str]], *layout: Any, **more: Any) -> None:
        described = [(first, _filled(_ADDED.sub(lambda found: _(found[0]), _(second)))) for first, second in rows]
        super().write_dl(described, *layout, **more)  # type: ignore[misc]

    def getvalue(self) -> str:
        text: str = super().getvalue()  # type: ignore[misc]
        return text.replace(_FILLER, "")


def _filled(text: str) -> str:
    return "".join(letter + _FILLER * (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def typer_command(app: typer.Typer) -> Any:
    """The command that typer makes of an app, speaking the language that is spoken."""
    import typer.main

    from rag_pipeline.messages import spoken

    command = typer.main.get_command(app)
    if spoken() != "en":
        translate_help(command)
    return command
