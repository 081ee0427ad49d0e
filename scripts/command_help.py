"""Writes docs/commands.md, the help of every command; with --check, only says whether it is up to date."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

os.environ |= {"LC_ALL": "C", "COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}
for name in [name for name in os.environ if name in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS")]:
    del os.environ[name]

from rag_pipeline.cli import COMMANDS, run  # noqa: E402 (the width is read at import)

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
HEAD = """\
# Commands

`ingest.py` and `query.py` are the commands `ingest` and `query` of `python -m rag_pipeline`, which is also installed as
`rag-pipeline`. Exit codes: 0 all well, 1 some files failed, 2 usage or configuration, 3 the collection and the
configuration disagree, 4 a store, model or service failed or could not be reached, 130 interrupted, 143 ended by
SIGTERM.
"""


def page() -> str:
    """The page as it should be."""
    parts = [HEAD]
    program, sys.argv[0] = sys.argv[0], "rag-pipeline"
    for command in COMMANDS:
        shown = io.StringIO()
        with redirect_stdout(shown):
            run(None, [command, "--help"])
        lines = "\n".join(line.rstrip() for line in shown.getvalue().strip("\n").splitlines())
        parts.append(f"## {command}\n\n```text\n{lines}\n```\n")
    sys.argv[0] = program
    return "\n".join(parts)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text("utf-8") == page() else f"{PAGE} is not up to date: run {sys.argv[0]}")
    PAGE.write_text(page(), "utf-8")
