"""Commands of the project in processes of their own, with a deadline and, if wanted, less room and fewer rights.

A process is forked from one that has imported everything and has never opened a store: it starts in milliseconds, and
is a real one, with its own folder, outputs, exit code and death.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromadb  # noqa: F401
import numpy as np  # noqa: F401
import psutil
import pytest
import tantivy  # noqa: F401

from rag_pipeline import cli
from rag_pipeline.embeddings import base
from rag_pipeline.ingestion import preparation
from rag_pipeline.lexical import load as load_analyser
from rag_pipeline.lexical import writer as lexical_writer
from rag_pipeline.retrieval import factory
from rag_pipeline.testing import HashEmbeddings
from tests.saving import save_often

load_analyser()  # which takes seconds, and works on in forked processes

DEADLINE = 120.0
# An index is saved after so many records, so that a small collection is saved several times.
SAVED_EACH = 20
CRASH = 70
"""Exit code of a process in which an exception reached the top: what a user would see as a traceback."""
_POLL = 0.005
# Threads that only look around now and then compute less than this in so many seconds.
_WINDOW, _SAMPLES, _IDLE = 30.0, 60, 0.3
# Linux: rights of root over the modes of files (capability.h), and how they are dropped (prctl.h).
_DAC_OVERRIDE, _DAC_READ_SEARCH, _FOWNER = 1, 2, 3
_CAPBSET_DROP = 24
_CAPABILITY_VERSION = 0x20080522


@dataclass(frozen=True)
class Ending:
    """How a process ended."""

    code: int
    """Its exit code, or minus the signal that ended it."""
    out: str
    err: str
    seconds: float
    hung: bool
    """It stood still after its deadline, or had computed for longer than that, and was killed."""

    @property
    def said(self) -> list[str]:
        """What it printed on standard error, line by line."""
        return [line for line in self.err.splitlines() if line.strip()]


@dataclass
class Running:
    """A process that was started; its outputs go to files, so that none waits for a reader."""

    pid: int
    outputs: Path
    started: float
    status: int | None = None

    @property
    def ended(self) -> bool:
        """Whether it has."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal, unless it has ended."""
        if not self.ended:
            os.kill(self.pid, number)

    def wait(self, deadline: float = DEADLINE) -> Ending:
        """Its end, which must come by so many seconds after its start.

        On a machine that is busy with other things it may take longer, as long as it has something to compute.
        """
        hung = False
        while not self.ended:
            if time.monotonic() - self.started > deadline and (hung or self._stands_still(deadline)):
                hung = True
                self.kill(signal.SIGABRT if os.environ.get("TORTURE_STACKS") else signal.SIGKILL)
                deadline += DEADLINE
            time.sleep(_POLL)
        out, err = ((self.outputs / name).read_text("utf-8", errors="replace") for name in ("out", "err"))
        for name in ("out", "err"):
            (self.outputs / name).unlink()
        self.outputs.rmdir()
        assert self.status is not None
        return Ending(self.status, out, err, time.monotonic() - self.started, hung)

    def _stands_still(self, most: float) -> bool:
        """Whether it has computed for so many seconds, or does not for half a minute though nothing keeps it."""
        before, waiting = self._computed(), 0
        for _ in range(_SAMPLES):
            time.sleep(_WINDOW / _SAMPLES)
            if self.ended:
                return False
            waiting += self._is_runnable()
        now = self._computed()
        return now > most or (now - before < _IDLE and waiting < _SAMPLES / 2)

    def _family(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _computed(self) -> float:
        seconds = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                seconds += times.user + times.system
        return seconds

    def _is_runnable(self) -> bool:
        """Whether any thread of it waits for a processor, or has one; or for the disk."""
        for process in self._family():
            for stat in Path(f"/proc/{process.pid}/task").glob("*/stat"):
                with contextlib.suppress(OSError):
                    if stat.read_text().rpartition(")")[2].split()[0] in "RD":
                        return True
        return False


def start(
    function: Callable[..., int | None],
    *arguments: Any,
    folder: Path,
    most_bytes: int | None = None,
    as_user: bool = False,
) -> Running:
    """Start a function in a process of its own, whose exit code it returns.

    Args:
        function: what is called there.
        arguments: with these.
        folder: the current one.
        most_bytes: the size that no file may grow beyond; a write that would fails as on a full disk.
        as_user: that the modes of files count, as they do not for root.
    """
    outputs = Path(tempfile.mkdtemp(prefix="torture-out-"))
    for name in ("out", "err"):
        (outputs / name).touch()
    sys.stdout.flush()
    sys.stderr.flush()
    began = time.monotonic()
    pid = os.fork()
    if pid:
        return Running(pid, outputs, began)
    code = CRASH
    try:
        _become(folder, outputs)
        if as_user:
            drop_rights()
        if most_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
        code = function(*arguments) or 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def call(function: Callable[..., int | None], *arguments: Any, deadline: float = DEADLINE, **options: Any) -> Ending:
    """As :func:`start`, to its end."""
    return start(function, *arguments, **options).wait(deadline)


def command(arguments: Sequence[str]) -> int:
    """``rag-pipeline ARGUMENTS``, with embeddings that cost no time and an index that is saved often."""
    patch = pytest.MonkeyPatch()
    for module in (factory, preparation):
        patch.setattr(module, "make_embeddings", lambda *_: HashEmbeddings())
    save_often(patch, SAVED_EACH)
    patch.setattr(base, "_GROUP_TEXTS", 20)
    patch.setattr(lexical_writer, "_SECONDS_BETWEEN_COMMITS", 0.0)
    signal.signal(signal.SIGTERM, cli._terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    name, *rest = arguments
    return cli.run(name, rest)


def run(folder: Path, *arguments: str, **options: Any) -> Ending:
    """A command of the project in a folder, to its end."""
    return call(command, arguments, folder=folder, **options)


def _become(folder: Path, outputs: Path) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number, name in ((1, "out"), (2, "err")):
        written = os.open(outputs / name, os.O_WRONLY | os.O_APPEND)
        os.dup2(written, number)
        os.close(written)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    os.chdir(folder)


def drop_rights() -> None:
    """Have the modes of files count: for root, by giving up the rights that pass over them, for children as well."""
    if os.geteuid() != 0:
        return
    library = ctypes.CDLL(None, use_errno=True)
    rest = (1 << 64) - 1
    for right in (_DAC_OVERRIDE, _DAC_READ_SEARCH, _FOWNER):
        library.prctl(_CAPBSET_DROP, right, 0, 0, 0)
        rest &= ~(1 << right)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    known = (ctypes.c_uint32 * 6)()
    library.capget(header, known)
    for part in range(2):
        mask = (rest >> 32 * part) & 0xFFFFFFFF
        for kind in range(3):
            known[3 * part + kind] &= mask
    if library.capset(header, known):
        raise OSError(ctypes.get_errno(), "cannot drop rights")
