"""Python processes that start warm: forked from one that has imported the libraries, though nothing of this project.

Such a process is a real one, with its own arguments, folder, environment, pipes, exit code and death; it only does
without the seconds that importing torch, transformers and chromadb take. What is about the start itself (imports,
installing, variables that an interpreter or a library reads at its start) takes a cold one.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import types
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent
# Its sitecustomize closes every socket but those of this machine.
OFFLINE = ROOT / "tests" / "offline"
# Windows has no fork: there every process starts cold.
POSSIBLE = "forkserver" in multiprocessing.get_all_start_methods()


class WarmProcess:
    """``python ARGUMENTS`` started warm, with what the tests use of ``subprocess.Popen``."""

    def __init__(self, arguments: list[str], *, cwd: Path, env: dict[str, str]) -> None:
        self.args = arguments
        ours, theirs = [], []
        for number in range(3):
            reading, writing = os.pipe()
            ours.append(reading if number else writing)
            theirs.append(writing if number else reading)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.warm_libraries"])
        # Not a daemon: one of those may have no children of its own, as Ray and the reading of files need.
        self._process = context.Process(target=_run, args=(arguments, str(cwd), env, _Descriptors(theirs)))
        self._process.start()
        for descriptor in theirs:
            os.close(descriptor)
        self.stdin: IO[str] = os.fdopen(ours[0], "w", encoding="utf-8")
        self.stdout: IO[str] = os.fdopen(ours[1], encoding="utf-8", errors="replace")
        self.stderr: IO[str] = os.fdopen(ours[2], encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, minus a signal's number, or None while the process runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """As ``returncode``."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; ``subprocess.TimeoutExpired`` after `timeout` seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def communicate(self, given: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """Send what is `given` to standard input, and wait: what the process wrote to its two outputs."""
        read = {"stdout": "", "stderr": ""}

        def drain(name: str) -> None:
            if not (pipe := getattr(self, name)).closed:
                with pipe:
                    read[name] = pipe.read()

        threads = [threading.Thread(target=drain, args=(name,)) for name in ("stdout", "stderr")]
        for thread in threads:
            thread.start()
        try:
            with contextlib.suppress(BrokenPipeError), contextlib.closing(self.stdin):
                if given:
                    self.stdin.write(given)
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            for thread in threads:
                thread.join()
        return read["stdout"], read["stderr"]


def start(arguments: list[str], *, cwd: Path, env: dict[str, str], cold: bool = False) -> Any:
    """Start ``python ARGUMENTS`` with three pipes of text: warm, unless told or there is no fork."""
    if POSSIBLE and not cold:
        return WarmProcess(arguments, cwd=cwd, env=env)
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([sys.executable, *arguments], cwd=cwd, env=env, text=True, encoding="utf-8", **pipes)


def run(
    arguments: list[str], *, cwd: Path, env: dict[str, str], given: str | None = None, cold: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run ``python ARGUMENTS`` to its end, which must come within five minutes."""
    process = start(arguments, cwd=cwd, env=env, cold=cold)
    out, err = process.communicate(given, timeout=300)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


class _Descriptors:
    """Open file descriptors on their way into another process."""

    def __init__(self, descriptors: list[int]) -> None:
        self._descriptors = descriptors

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, tuple(DupFd(descriptor) for descriptor in self._descriptors)


def _received(*sent: Any) -> list[int]:
    return [descriptor.detach() for descriptor in sent]


def _run(arguments: list[str], cwd: str, env: dict[str, str], descriptors: list[int]) -> None:
    """In the new process: become what ``python ARGUMENTS`` is."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    unbuffered = 1 if env.get("PYTHONUNBUFFERED") else -1
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=unbuffered)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.set_start_method(None, force=True)
    runpy.run_path(str(OFFLINE / "sitecustomize.py"))
    first = {"-m": cwd, "-c": ""}.get(arguments[0], str(Path(arguments[0]).parent))
    given = [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]
    # What pytest put in front is no part of an interpreter that starts.
    own = [entry for entry in sys.path if Path(entry).is_relative_to(sys.base_prefix) or "site-packages" in entry]
    sys.path[:] = [first, *given, *own]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[0] == "-c":
            sys.argv = ["-c", *arguments[2:]]
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(arguments[1], main.__dict__)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit:
        raise
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        sys.exit(1)
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
