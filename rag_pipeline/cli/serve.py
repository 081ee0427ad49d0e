"""``serve``: one process that keeps collections open and models loaded."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from rag_pipeline.cli.options import ConfigOption
from rag_pipeline.cli.output import note, print_error, result, shown
from rag_pipeline.errors import RagPipelineError, ServiceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rag_pipeline.config import Settings
    from rag_pipeline.server.client import Running

_READY_SECONDS = 300
_STOP_SECONDS = 15
_LAST_BYTES = 4000


def command(
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Where to listen.  [default: serve.host, 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", help="On which port; 0: any.  [default: serve.port, 8010]")
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(metavar="PATH", help="Below which a proxy has it.  [default: serve.root_path, none]")
    ] = None,
    daemon: Annotated[bool, typer.Option("--daemon", help="Serve in the background, and return when ready.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the server of this store.")] = False,
    while_held: Annotated[bool, typer.Option("--while-held", hidden=True)] = False,
    config: ConfigOption = None,
) -> int:
    """Answer questions over HTTP, and those of `query` on this machine.

    Collections stay open and models loaded. Others than this machine need a token: serve.token.
    """
    from rag_pipeline.config import load_settings

    settings = load_settings(config)
    if stop:
        return _stop(settings)
    given = {"host": host, "port": port, "root_path": root_path}
    settings = _changed(settings, given)
    if daemon:
        return _start(settings, given, config)
    try:
        from rag_pipeline.server.running import run_server
    except ImportError as error:
        raise UsageError(f"serving needs {error.name}: pip install 'rag-pipeline[serve]'") from None

    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("rag_pipeline.server")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    # It would say what came in, which may be what was asked.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    code = 0
    try:
        run_server(settings, lambda url: note(f"serving at {url}; Ctrl-C ends it"), while_held)
    except RagPipelineError as error:
        print_error(str(error))
        code = error.exit_code
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that waits for a service would hold up the end of the interpreter.
    os._exit(code)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One line, with nothing in it that a terminal obeys."""
        return shown(super().format(record))


def _changed(settings: Settings, options: Mapping[str, object]) -> Settings:
    from pydantic import ValidationError

    given = {name: value for name, value in options.items() if value is not None}
    if not given:
        return settings
    try:
        serve = settings.serve.model_validate({**settings.serve.model_dump(), **given})
    except ValidationError as error:
        from rag_pipeline.config.problems import describe

        raise UsageError(describe(error, None, type(settings.serve))) from None
    return settings.model_copy(update={"serve": serve})


def find_server(settings: Settings) -> Running | None:
    """The server of a store; None: none answers."""
    from rag_pipeline.server.client import LocalClient, NoServerError

    try:
        return LocalClient(settings).hello()
    except NoServerError:
        return None


def _stop(settings: Settings) -> int:
    running = find_server(settings)
    if running is None:
        note("no server of this store is running")
        return 0
    # It has just told its number itself, so this is no other process.
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    end = time.monotonic() + _STOP_SECONDS
    while find_server(settings) is not None:
        if time.monotonic() > end:
            print_error(f"the server (process {running.pid}) does not end")
            return ServiceError.exit_code
        time.sleep(0.05)
    result(f"ended the server at {running.url}")
    return 0


def _start(settings: Settings, options: Mapping[str, object], config: Path | None) -> int:
    from rag_pipeline.server.place import is_possible

    if not is_possible():
        raise UsageError(
            "this system has no Unix sockets, by which a server in the background is found; leave --daemon"
        )
    running = find_server(settings)
    if running is not None:
        raise UsageError(f"a server of this store is running at {running.url}; end it first: rag-pipeline serve --stop")
    given: list[str] = []
    for name, value in {**options, "config": config}.items():
        given += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    started = StartedServer(settings, given)
    end = time.monotonic() + _READY_SECONDS
    while started.process.poll() is None and time.monotonic() < end:
        running = find_server(settings)
        if running is not None and running.ready:
            result(f"serving at {running.url} (process {running.pid}); its log: {started.log}")
            return 0
        time.sleep(0.1)
    if started.process.returncode is not None:
        started.show_end_of_log()
        return started.process.returncode or 1
    note(f"the server is not ready yet; see rag-pipeline status, and {started.log}")
    return 0


class StartedServer:
    """A server in the background, of a session of its own, with a log next to the store.

    Args:
        settings: of the store.
        arguments: of ``serve``.

    Raises:
        UsageError: its log cannot be written.
    """

    def __init__(self, settings: Settings, arguments: list[str]) -> None:
        from rag_pipeline.server.place import log_path

        self.log = log = log_path(settings)
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise UsageError(f"{log}: {error.strerror}; a server in the background writes its log there") from None
        with os.fdopen(descriptor, "ab") as writing:
            self._said_before = log.stat().st_size
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "rag_pipeline", "serve", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )

    def show_end_of_log(self) -> None:
        """What it said last, on standard error."""
        with self.log.open("rb") as reading:
            reading.seek(max(self._said_before, self.log.stat().st_size - _LAST_BYTES))
            sys.stderr.write(shown(reading.read().decode("utf-8", "replace"), lines=True))
