"""Which files of a folder are wanted: patterns to include and exclude, and ``.ragignore``.

Patterns are those of ``.gitignore`` (https://git-scm.com/docs/gitignore), relative to the folder.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag_pipeline.errors import UsageError
from rag_pipeline.locations import SETTINGS_BYTES, Folder, RemoteFolder, failure_reason, read_file

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".ragignore"
_MEGABYTE = 1_000_000
SIZE_LIMIT = "reading.max_file_mb"


@dataclass(frozen=True)
class Selection:
    """What is taken of a folder."""

    include: tuple[str, ...] = ()
    """Only files that match one of these; empty: all."""
    exclude: tuple[str, ...] = ()
    """No file or folder that matches one of these."""
    max_file_mb: float = 100.0
    """Larger files fail."""
    never_entered: frozenset[Path] = frozenset()
    """Folders that are never entered, resolved: the store may lie in what is ingested."""
    follow_symlinks: bool = False
    """Whether symbolic links that lead out of the folder are followed: whoever fills it could name any file."""

    @property
    def max_bytes(self) -> int:
        """The largest file that is read."""
        return round(self.max_file_mb * _MEGABYTE)

    def wants(self, source: str, ignored: Sequence[str] = ()) -> bool:
        """Whether a file is taken.

        Args:
            source: its path relative to the folder, POSIX; with a slash at the end it is a folder.
            ignored: the lines of the folder's ``.ragignore``.
        """
        if matches((*self.exclude, *ignored), source):
            return False
        return source.endswith("/") or not self.include or matches(self.include, source)


def read_ignore_file(folder: Folder) -> tuple[str, ...]:
    """The lines of a folder's ``.ragignore``; none if there is none.

    Raises:
        UsageError: it cannot be read: taking it for empty would bring in what was to stay out.
    """
    file = folder.inner(IGNORE_FILE) if isinstance(folder, RemoteFolder) else folder / IGNORE_FILE
    try:
        return tuple(read_file(file, SETTINGS_BYTES).decode("utf-8-sig").splitlines())
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{folder}/{IGNORE_FILE} cannot be read: {failure_reason(error)}") from None


def matches(patterns: Sequence[str], source: str) -> bool:
    """Whether a path matches one of the patterns; a later ``!pattern`` takes it out again."""
    return bool(patterns) and _compiled(tuple(patterns)).match_file(source)


@functools.lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        # Sources are composed; a pattern that was pasted from a Mac is not.
        return GitIgnoreSpec.from_lines([unicodedata.normalize("NFC", pattern) for pattern in patterns])
    except ValueError as error:
        raise UsageError(f"bad pattern: {error}") from None
