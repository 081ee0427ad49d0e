"""Where a training keeps what it has done, so that one that was cut off goes on; and the folder that comes of it."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rag_pipeline.errors import UsageError

_PLAN = "plan.json"
_SUFFIX = ".part"


class Room:
    """The folder of a training under way, next to the folder that it will become.

    Every step leaves its result in a file of its own, written whole or not at all. A run of another plan starts anew.
    """

    def __init__(self, output: Path, plan: dict[str, Any]) -> None:
        self.path = output.with_name(output.name + _SUFFIX)
        self._plan = plan

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Hold the room; nobody else trains into it.

        Raises:
            UsageError: another process does, or the place is taken by something else.
        """
        from filelock import FileLock, Timeout

        if self.path.exists() and not (self.path / _PLAN).is_file() and any(self.path.iterdir()):
            raise UsageError(
                f"{self.path} is in the way, and is no training of ours; move it, or choose another --output"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be made: {error.strerror or error}") from None
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise UsageError(f"another process is training into {self.path}; wait until it is done") from None
        try:
            if self._read(_PLAN) != self._plan:
                shutil.rmtree(self.path)
                self.path.mkdir()
                self._write(_PLAN, self._plan)
            yield
        finally:
            lock.release()
            with contextlib.suppress(OSError):
                Path(lock.lock_file).unlink()

    @property
    def begun(self) -> bool:
        """Whether a run of the same plan was cut off here."""
        return bool(self._read(_PLAN) == self._plan)

    def result(self, name: str, make: Callable[[], Any]) -> Any:
        """What a step gave, as JSON; made and kept where there is none yet."""
        found = self._read(f"{name}.json")
        if found is None:
            found = make()
            self._write(f"{name}.json", found)
        return found

    def has(self, name: str) -> bool:
        """Whether a step was done."""
        return (self.path / f"{name}.json").is_file()

    def folder(self, name: str) -> Path:
        """A folder in the room."""
        return self.path / name

    def remove(self) -> None:
        """Delete the room."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _read(self, name: str) -> Any:
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        return None

    def _write(self, name: str, value: Any) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        temporary.replace(file)


def check_output(output: Path) -> None:
    """Refuse a place that is taken before hours of work, not after them.

    Raises:
        UsageError: something is there already.
    """
    if output.exists():
        raise UsageError(f"{output} is there already; choose another folder with --output, or delete it")
