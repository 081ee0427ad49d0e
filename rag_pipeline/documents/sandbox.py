"""Reading with limits: parsers that may hang, crash or eat memory run in a process that can be killed."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rag_pipeline.documents.document import Document
from rag_pipeline.documents.readers import Readers
from rag_pipeline.documents.selection import Selection
from rag_pipeline.errors import DocumentError

if TYPE_CHECKING:
    from rag_pipeline.documents.conservation import FileCheck

# -P: nothing is imported from the current folder, which may be the folder of documents.
_COMMAND = (sys.executable, "-P", "-m", "rag_pipeline.documents.worker")
# What of the environment a parser may need. Keys and tokens are none of its business.
_PASSED_ON = frozenset(
    {"PATH", "HOME", "USER", "TZ", "LANG", "LANGUAGE", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV"}
    | {"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONUTF8", "PYTHONPYCACHEPREFIX"}
    | {"SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"}
)
# What a fresh process may take to import its libraries; not a part of any file's time.
_START_SECONDS = 60.0


class LimitedReader:
    """Reads files one at a time, each within limits; a context manager.

    Args:
        readers: which reader a file gets.
        seconds: time for one file.
        memory_mb: address space of the process that parses, where the system can limit it (not on Windows or macOS).
        max_file_mb: size of one file, for whoever fetches it.
    """

    def __init__(
        self,
        readers: Readers | None = None,
        *,
        seconds: float = 60.0,
        memory_mb: int = 4096,
        max_file_mb: float = Selection.max_file_mb,
    ) -> None:
        self.max_bytes = Selection(max_file_mb=max_file_mb).max_bytes
        """The largest file that is to be read."""
        self._readers = readers or Readers()
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._worker: _Worker | None = None

    @property
    def readers(self) -> Readers:
        """The readers."""
        return self._readers

    def read(self, name: str, content: bytes) -> Document:
        """Read one file.

        Raises:
            DocumentError: it cannot be read, or not within the limits; the message is the reason.
        """
        if not self._readers.runs_in_sandbox(name, len(content)):
            return self._readers.read(name, content)
        return Document.from_dict(self._ask(name, content)["document"])

    def check(self, name: str, content: bytes) -> FileCheck | None:
        """Read one file, and tell how many of its letters reached the document; None for a format that has no walk.

        Raises:
            DocumentError: it cannot be read, or not within the limits; the message is the reason.
        """
        from rag_pipeline.documents.conservation import FileCheck

        found = self._ask(name, content, "check")["check"]
        return None if found is None else FileCheck.from_dict(found)

    def _ask(self, name: str, content: bytes, task: str = "read") -> dict[str, Any]:
        worker = self._worker = self._worker or _Worker()
        request = {
            "name": name,
            "size": len(content),
            "options": asdict(self._readers.options),
            "memory_mb": self._memory_mb,
            "task": task,
            "cpu_seconds": self._seconds,
        }
        try:
            answer = worker.ask(request, content, self._seconds)
        except _OverdueError:
            self._drop()
            raise DocumentError(f"took its parser longer than {self._seconds:g} s (reading.seconds_per_file)") from None
        except _GoneError as error:
            self._drop()
            raise DocumentError(f"brought its parser down ({error})") from None
        if "error" in answer:
            raise DocumentError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _drop(self) -> None:
        # It may be closed in one thread while another waits for an answer.
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()


class _OverdueError(Exception):
    """No answer in time."""


class _GoneError(Exception):
    """The process ended; the message says how."""


class _Worker:
    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd=_neutral_folder(),
            # Ctrl-C is for the caller, who then ends this process.
            start_new_session=True,
        )
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._fresh = True
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, request: dict[str, Any], content: bytes, seconds: float) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        assert self._process.stdin is not None
        # A parser that hangs does not read on either: a long file must not block here without a limit.
        sending = threading.Thread(target=self._send, args=(json.dumps(request).encode() + b"\n", content), daemon=True)
        sending.start()
        limit = seconds + (_START_SECONDS if self._fresh else 0.0)
        try:
            line = self._answers.get(timeout=limit)
        except queue.Empty:
            raise _OverdueError from None
        if not line:
            code = self._process.wait()
            raise _GoneError(f"signal {-code}" if code < 0 else f"exit code {code}")
        self._fresh = False
        answer: dict[str, Any] = json.loads(line)
        return answer

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # what was still to be sent to it has nowhere to go

    def _send(self, line: bytes, content: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except (OSError, ValueError):
            return  # it has ended; the answer says so

    def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._answers.put(line)
        except ValueError:
            pass  # closed by kill
        self._answers.put(b"")


def _environment() -> dict[str, str]:
    # The package must be found there as it is found here, installed or not, from another folder too.
    package = str(Path(__file__).resolve().parents[2])
    named = [str(Path(folder).resolve()) for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    passed_on = {
        name: value for name, value in os.environ.items() if name.upper() in _PASSED_ON or name.startswith("LC_")
    }
    return {**passed_on, "PYTHONPATH": os.pathsep.join([*named, package])}


def _neutral_folder() -> str:
    """A folder in which nobody keeps documents."""
    return os.path.abspath(os.sep)  # noqa: PTH100  # Path has no word for the root of the current drive
