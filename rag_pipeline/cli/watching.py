"""``ingest --watch``: changes are brought in as they happen."""

from __future__ import annotations

import contextlib
import queue
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rag_pipeline.cli.output import note, print_error
from rag_pipeline.errors import RagPipelineError, UsageError
from rag_pipeline.locations import RemoteFolder, failure_reason
from rag_pipeline.messages import _

if TYPE_CHECKING:
    from rag_pipeline.cli.ingest_job import IngestJob
    from rag_pipeline.ingestion.targets import IngestTarget

# A program saves in several steps; a folder copied in is many changes. Milliseconds.
_QUIET_MS = 500
_LONGEST_MS = 5000
# Seconds until the system watches.
_LONGEST_START = 10.0

_Identity = tuple[int, int]
_DELETED = (-1, -1)


def watch_targets(job: IngestJob, targets: list[IngestTarget]) -> int:
    """Bring targets in, and again whenever one of their folders changes, until interrupted.

    The first run must go well; after it, an error is shown and the watch goes on.
    """
    named = [folder for target in targets for folder in target.folders]
    remote = next((folder for folder in named if isinstance(folder, RemoteFolder)), None)
    if remote is not None:
        raise UsageError(f"--watch is for folders of this machine; for {remote}, run ingest from time to time instead")
    folders = sorted({folder.resolve(): folder.absolute() for folder in named if isinstance(folder, Path)}.values())
    store = job.settings.resolve_path(job.settings.store.path).resolve()
    with _Watch(folders) as watch:  # from before the first run, so that no change falls between
        code = job.run(targets)
        named_folders = ", ".join(str(folder.resolve()) for folder in folders)
        note(_("watching {folders}; Ctrl-C stops").format(folders=named_folders))
        with _stopping(watch.stop):
            for changes in watch:
                changed = [path for path in changes if not path.is_relative_to(store)]
                touched = [target for target in targets if _touches(target, changed)]
                if not touched:
                    continue
                try:
                    code = job.run(touched)
                except RagPipelineError as error:
                    print_error(str(error))
                    code = error.exit_code
    note(_("stopped watching; the collection is as after the last line above"))
    return code


class _Watch:
    """Paths that change below folders, batch by batch, gathered in a thread.

    A system watches the folder that a path led to, wherever it is moved, and not the path. So each folder is looked at
    again all the time: one that is not there is said to be missing, and one that came in its place, as at a deployment
    or when a disk is mounted again, is watched from then on. All count as changed whenever a new watch begins.
    """

    def __init__(self, folders: list[Path]) -> None:
        self.stop = threading.Event()
        self._folders = folders
        self._watching = threading.Event()
        self._changes: queue.Queue[list[Path] | OSError | None] = queue.Queue()
        self._thread = threading.Thread(target=self._gather, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        self._watching.wait(_LONGEST_START)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[list[Path]]:
        while not self.stop.is_set() and (changes := self._changes.get()) is not None:
            if isinstance(changes, OSError):
                raise UsageError(f"the folders cannot be watched: {failure_reason(changes)}")
            yield changes

    def _gather(self) -> None:
        watched = self._present()
        returned: set[Path] = set()
        try:
            while not self.stop.is_set():
                self._follow(watched, returned)
                present = self._present()
                for folder in self._folders:
                    if folder in watched and folder not in present:
                        said = _("folder {folder} is missing; what is stored of it stays, and it is looked for")
                        note(said.format(folder=folder))
                    elif folder in present and folder not in watched:
                        note(_("folder {folder} is back").format(folder=folder))
                # Nobody looks between two watches: all that is there may have changed, or be another of that number.
                returned.update(present)
                watched = present
        except OSError as error:
            self._changes.put(error)
        else:
            self._changes.put(None)
        finally:
            self._watching.set()

    def _follow(self, watched: dict[Path, _Identity], returned: set[Path]) -> None:
        """Gather changes for as long as the folders stay the same ones; those that returned come with the first."""
        from watchfiles import Change, watch

        if not watched:
            self._watching.set()
            self.stop.wait(_QUIET_MS / 1000)
            return
        roots = {str(folder.resolve()): folder for folder in watched}
        batches = watch(
            *roots,
            watch_filter=None,
            debounce=_LONGEST_MS,
            step=_QUIET_MS,
            stop_event=self.stop,
            rust_timeout=_QUIET_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        with contextlib.suppress(FileNotFoundError), contextlib.closing(batches):  # one may go before it is watched
            for changes in batches:
                self._watching.set()
                if changes or returned:
                    # What has returned may still be filled: this is the first moment of quiet, or the first batch.
                    self._changes.put([*(Path(path) for _, path in changes), *(path.resolve() for path in returned)])
                    returned.clear()
                for change, path in changes:
                    if change == Change.deleted and path in roots:
                        # One that is made again may get the same number.
                        watched[roots[path]] = _DELETED
                if self._present() != watched:
                    return

    def _present(self) -> dict[Path, _Identity]:
        """Which folders there are, and which folder each path leads to."""
        found: dict[Path, _Identity] = {}
        for folder in self._folders:
            with contextlib.suppress(OSError):
                status = folder.stat()
                if stat.S_ISDIR(status.st_mode):
                    found[folder] = (status.st_dev, status.st_ino)
        return found


@contextlib.contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM let an ingest under way finish; a second one breaks it off, which loses nothing either."""

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    earlier = {sign: signal.signal(sign, handle) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for sign, handler in earlier.items():
            signal.signal(sign, handler)


def _touches(target: IngestTarget, changed: list[Path]) -> bool:
    folders = [folder.resolve() for folder in target.folders if isinstance(folder, Path)]
    return any(path.is_relative_to(folder) for path in changed for folder in folders)
