"""A real Chroma server on loopback, and a network before it that fails to order."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

CHROMA = Path(sys.executable).with_name("chroma")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ChromaServer:
    """``chroma run`` in a process of its own; may be killed and started again on the same folder and port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._log = folder.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> ChromaServer:
        command = [str(CHROMA), "run", "--path", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{self.port}/api/v2/heartbeat"
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
                return self
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Network:
    """A TCP proxy on loopback, whose ``fault`` is asked at each connection.

    It is one of pass, drop, reset, cut, late and 502.

    502: what a web server says whose own server is away. drop: closed before anything is sent on. reset: sent on, and
    reset instead of the reply. cut: the reply ends after
    some bytes. late: the reply comes after the client has given up.
    """

    LATE_SECONDS = 3.0

    def __init__(self, port: int, fault: Callable[[], str] = lambda: "pass", tls: ssl.SSLContext | None = None) -> None:
        self._to = port
        self.fault = fault
        self.faults: list[str] = []
        self.sent: list[bytes] = []
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One request a connection, so that each may fail."""
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.closing(client))
            if self._tls is not None:
                client = stack.enter_context(self._tls.wrap_socket(client, server_side=True))
            request = _message(client)
            self.sent.append(request)
            fault = self.fault()
            self.faults.append(fault)
            if fault == "drop":
                return
            if fault == "502":
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")
                return
            server = stack.enter_context(socket.create_connection(("127.0.0.1", self._to)))
            head, _, body = request.partition(b"\r\n\r\n")
            server.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
            reply = b"".join(iter(lambda: server.recv(65_536), b""))
            if fault == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if fault == "cut":
                client.sendall(reply[: max(1, len(reply) - 5)])
                return
            if fault == "late":
                time.sleep(self.LATE_SECONDS)
            client.sendall(reply.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))


def often(seed: int, share: float) -> Callable[[], str]:
    """Faults of every kind, for a share of the requests."""
    chosen = random.Random(seed)
    kinds = ["drop", "reset", "cut", "late"]
    # One that is late costs seconds of a test.
    return lambda: chosen.choices(kinds, [10, 10, 10, 1])[0] if chosen.random() < share else "pass"


def _message(client: socket.socket) -> bytes:
    """A whole request, by its length or its chunks."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(client)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += _more(client)
    return head + b"\r\n\r\n" + body


def _more(client: socket.socket) -> bytes:
    received = client.recv(65_536)
    if not received:
        raise OSError("closed")
    return received


@contextlib.contextmanager
def running(folder: Path) -> Iterator[ChromaServer]:
    server = ChromaServer(folder).start()
    try:
        yield server
    finally:
        server.kill()
