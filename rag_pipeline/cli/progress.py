"""How far an ingest is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from rag_pipeline.cli.output import make_console, note
from rag_pipeline.messages import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag_pipeline.ingestion import Progress

_SECONDS_BETWEEN_LINES = 10.0
# Before this, a guess of the time left says nothing.
_SECONDS_BEFORE_GUESS = 3.0


def show_progress(collection: str, *, quiet: bool) -> AbstractContextManager[Callable[[Progress], None] | None]:
    """Show progress on standard error while the context lasts; ``quiet`` shows none."""
    if quiet:
        return nullcontext(None)
    return _Bar(collection) if sys.stderr.isatty() else nullcontext(_Lines(collection))


def describe(progress: Progress, seconds: float) -> str:
    """Files, tokens, speed and the time left."""
    parts = [_("{done} of {files} files").format(done=progress.files_done, files=progress.files)]
    parts.append(_("{count:,} tokens").format(count=progress.tokens))
    if progress.embedding_seconds:
        parts.append(_("{count:,.0f} tokens/s").format(count=progress.tokens / progress.embedding_seconds))
    left = time_left(progress, seconds)
    if left is not None:
        parts.append(_("about {duration} left").format(duration=_duration(left)))
    return ", ".join(parts)


def time_left(progress: Progress, seconds: float) -> float | None:
    """Seconds left at the pace so far; None while that is not known."""
    if seconds < _SECONDS_BEFORE_GUESS or not progress.share:
        return None
    return seconds * (1 - progress.share) / progress.share


class _Lines:
    def __init__(self, collection: str) -> None:
        self._collection = collection
        self._started = self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = now
            note(f"{self._collection}: {describe(progress, now - self._started)}")


class _Bar(AbstractContextManager[Any]):
    def __init__(self, collection: str) -> None:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[state]}"),
            console=make_console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(collection, total=None, state=_("reading"))
        self._started = time.monotonic()

    def __enter__(self) -> Callable[[Progress], None]:
        self._bar.start()
        return self._update

    def __exit__(self, *_exception: object) -> None:
        self._bar.stop()

    def _update(self, progress: Progress) -> None:
        self._bar.update(
            self._task,
            total=1.0,
            completed=progress.share or progress.files_done / max(progress.files, 1),
            state=describe(progress, time.monotonic() - self._started),
        )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return _("{count:.0f} s").format(count=seconds)
    if seconds < 5400:
        return _("{count:.0f} min").format(count=seconds / 60)
    return _("{count:.1f} h").format(count=seconds / 3600)
