"""Prints the section of CHANGELOG.md for VERSION, which has to be the package's own: the notes of a release."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHANGELOG = ROOT / "CHANGELOG.md"
# Read, not imported: a release is checked before anything is installed.
PACKAGE = ROOT / "rag_pipeline" / "__init__.py"


def package_version() -> str:
    """The version that is written in the package."""
    found = re.search(r'^__version__ = "(.+)"$', PACKAGE.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"no __version__ in {PACKAGE.name}")
    return found[1]


def release_notes(version: str) -> str:
    """The text below the heading of a version, without the links at the end of the file.

    Raises:
        ValueError: the version is not the package's, or has no dated section with text in it.
    """
    if version != (own := package_version()):
        raise ValueError(f"{version} is not the package's version, which is {own}")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}$"
    section = re.compile(rf"{heading}\n(.*?)(?=^## \[|^\[[^\]]+\]: |\Z)", re.MULTILINE | re.DOTALL)
    found = section.search(CHANGELOG.read_text("utf-8"))
    if found is None or not found[1].strip():
        raise ValueError(f"{CHANGELOG.name} has no section '## [{version}] - YYYY-MM-DD' with text in it")
    return found[1].strip() + "\n"


def main(arguments: list[str]) -> int:
    """Print the notes, or one line about why there are none."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python scripts/release_notes.py VERSION\n")
        return 2
    try:
        notes = release_notes(arguments[0])
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.buffer.write(notes.encode())  # UTF-8 whatever the terminal takes: this goes into a file
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
