"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration file.  [default: config.yaml, if it is there]"),
]
CollectionOption = Annotated[
    str | None,
    typer.Option(
        "--collection", metavar="NAME", help="Collection to use.  [default: default_collection of config.yaml]"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
