"""``mcp``: the collections as tools of an agent that starts a program for them."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from rag_pipeline.cli.options import ConfigOption
from rag_pipeline.cli.output import print_error
from rag_pipeline.cli.serve import StartedServer, find_server
from rag_pipeline.errors import RagPipelineError, ServiceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from rag_pipeline.config import Settings

_START_SECONDS = 120


def command(config: ConfigOption = None) -> int:
    """Answer an agent over standard input and output, by the Model Context Protocol.

    The server of the store answers; where none is running, one is started, and ends with the last agent. Agents that
    speak HTTP ask /mcp of `serve` instead.
    """
    from rag_pipeline.config import load_settings

    settings = load_settings(config)
    try:
        from rag_pipeline.server.mcp.stdio import pass_on
    except ImportError as error:
        raise UsageError(f"agents need {error.name}: pip install 'rag-pipeline[serve]'") from None
    # Nothing is kept here that would have to be closed: the server sees that this process has ended.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _ensure_server(settings, config)
    code = 0
    try:
        pass_on(settings, _server_ended)
    except RagPipelineError as error:
        print_error(str(error))
        code = error.exit_code
    sys.stderr.flush()
    # A thread that waits for the next line of standard input would hold up the end of the interpreter.
    os._exit(code)


def _server_ended() -> None:
    print_error("the server has ended; start this again")
    sys.stderr.flush()
    os._exit(ServiceError.exit_code)


def _ensure_server(settings: Settings, config: Path | None) -> None:
    """Wait for a server that answers, and start one if there is none."""
    from rag_pipeline.server.place import is_possible, socket_path

    if not is_possible():
        raise UsageError("this system has no Unix sockets; run rag-pipeline serve, and let the agent ask its /mcp")
    started: StartedServer | None = None
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        running = find_server(settings)
        if running is not None:
            if not running.fits:
                raise UsageError(
                    f"the server of this store (process {running.pid}) has another configuration or version;"
                    " end it first: rag-pipeline serve --stop"
                )
            return
        if started is None:
            # On any port: the agent comes by the socket, and the configured one may be taken by another store's.
            given = ["--host", "127.0.0.1", "--port", "0", "--while-held"]
            started = StartedServer(settings, given + ([] if config is None else ["--config", str(config)]))
        # Of two agents that begin at once one starts the server, and the other's gives way to it.
        if started.process.poll() is not None and not socket_path(settings).exists():
            started.show_end_of_log()
            raise ServiceError(f"the server did not start; its log: {started.log}")
        time.sleep(0.05)
    raise ServiceError("the server does not answer; see rag-pipeline status")
