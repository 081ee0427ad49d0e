"""One process that serves: its sockets, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from filelock import FileLock, Timeout
from starlette.types import ASGIApp, Receive, Scope, Send

from rag_pipeline.config import Settings
from rag_pipeline.errors import ConfigurationError, StoreError, UsageError
from rag_pipeline.server import place
from rag_pipeline.server.app import create_app
from rag_pipeline.server.guard import LOCAL, is_loopback
from rag_pipeline.server.shell import Shell

# A stream that is still open is ended then; everything has ended within five seconds.
_GRACE_SECONDS = 2
# Of a server that ends when nobody holds it: how often it looks, and for how long it waits to be held at all.
_LOOK_SECONDS = 1
_LOOKS = 2
_FIRST_HELD_SECONDS = 60
_OWN_ALONE = 0o177
_MOST_HEADERS = 65_536


def run_server(settings: Settings, announce: Callable[[str], None], while_held: bool = False) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        settings: the configuration.
        announce: called with the address once connections are taken.
        while_held: end as well when none is left of those who hold the server by its socket.

    Raises:
        ConfigurationError: a host that others can reach, and no token.
        UsageError: the port is taken, or another server serves the store.
        StoreError: the socket next to the store cannot be made.
    """
    serve = settings.serve
    if serve.token is None and not is_loopback(serve.host):
        raise ConfigurationError(
            f"serve.host {serve.host} can be reached by others: set a token, RAG_PIPELINE_SERVE__TOKEN or serve.token"
        )
    with contextlib.ExitStack() as open_sockets:
        local = open_sockets.enter_context(_local_socket(place.socket_path(settings)))
        listening = open_sockets.enter_context(_listen(serve.host, serve.port))
        host, port = listening.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        app = create_app(settings)
        app.state.shell.url = url
        loop = asyncio.new_event_loop()
        # It is not closed: threads that are held up are left to the end of the process.
        loop.run_until_complete(_serve(app, listening, local, lambda: announce(url), while_held))


async def _serve(
    app: FastAPI, listening: socket.socket, local: socket.socket | None, begun: Callable[[], None], while_held: bool
) -> None:
    main = _Server(_configured(app, "on"))
    servers, sockets = [main], [listening]
    if local is not None:
        servers.append(_Server(_configured(_from_socket(app), "off")))
        sockets.append(local)

    def end() -> None:
        for server in servers:
            server.force_exit = server.should_exit
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, end)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
    running = [asyncio.create_task(server.serve([one])) for server, one in zip(servers, sockets, strict=True)]
    while not all(server.started for server in servers) and not any(task.done() for task in running):
        await asyncio.sleep(0.01)
    begun()
    watching = asyncio.create_task(_end_unheld(app.state.shell, end)) if while_held else None
    await asyncio.gather(*running)
    if watching is not None:
        watching.cancel()


async def _end_unheld(shell: Shell, end: Callable[[], None]) -> None:
    """End when nobody has held the server at two looks: a program that restarts its agent holds it again at once."""
    starter, begun, unheld = os.getppid(), time.monotonic(), 0
    while unheld < _LOOKS:
        await asyncio.sleep(_LOOK_SECONDS)
        # Whoever started it holds it in a moment, unless that has ended before.
        awaited = not shell.was_held and os.getppid() == starter and time.monotonic() - begun < _FIRST_HELD_SECONDS
        unheld = 0 if shell.holders or awaited else unheld + 1
    end()


class _Server(uvicorn.Server):
    """One of several in a process, which are told together when to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to who runs them."""
        yield


def _configured(app: ASGIApp, lifespan: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="on" if lifespan == "on" else "off",
        http="h11",
        loop="asyncio",
        ws="none",
        log_config=None,
        access_log=False,  # ours holds no question
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=_MOST_HEADERS,
    )


def _from_socket(app: ASGIApp) -> ASGIApp:
    """The application for those who come by the socket."""

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        scope[LOCAL] = True
        await app(scope, receive, send)

    return marked


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, address = _address(host.strip("[]"), port)
        # By the name of its protocol asyncio knows that small pieces must not wait for the client's acknowledgement,
        # which takes 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)
        except BaseException:
            listening.close()
            raise
    except OSError as error:
        raise UsageError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}; choose another with --port or serve.port"
        ) from None
    return listening


def _address(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return found[0][0], found[0][4]
    return (socket.AF_INET6 if version == 6 else socket.AF_INET), (host, port)


@contextlib.contextmanager
def _local_socket(path: Path) -> Iterator[socket.socket | None]:
    """The socket next to the store, for this user alone; None where the system has none."""
    if not place.is_possible():
        yield None
        return
    lock = FileLock(path.with_name(path.name + ".lock"), timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UsageError("a server of this store is running; end it first: rag-pipeline serve --stop") from None
    except OSError as error:
        raise StoreError(f"{path.parent}: {error.strerror}; the server keeps its socket there") from None
    try:
        try:
            path.unlink(missing_ok=True)  # of a server that was killed: the lock is ours
            local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(_OWN_ALONE)
            try:
                with place.address_of(path) as address:
                    local.bind(address)
            finally:
                os.umask(before)
            local.listen(128)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}; the server keeps its socket there") from None
        with local:
            yield local
    finally:
        path.unlink(missing_ok=True)
        lock.release()
