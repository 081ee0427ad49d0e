"""The shell's side of the socket: small, since a warm question is faster than most imports."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rag_pipeline.server import place

if TYPE_CHECKING:
    from rag_pipeline.config import Settings

# A server that lives answers this at once; one that is stopped, or busy beyond measure, is not waited for.
_HELLO_SECONDS = 0.5
_LONGEST_HEAD = 65_536


class NoServerError(Exception):
    """There is no server that answers, or it would rather not."""


@dataclass(frozen=True)
class Running:
    """A server as it tells of itself."""

    pid: int
    url: str
    version: str
    ready: bool
    fits: bool
    """Whether it was started with this code and this configuration."""
    same_services: bool
    """Whether its environment has the same keys, addresses and proxies."""


class SocketClient:
    """Asks whoever listens at a socket of this user.

    Args:
        path: the socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, path: str, content: Mapping[str, Any], seconds: float | None = None) -> dict[str, Any]:
        """One question and its answer.

        Raises:
            NoServerError: there is none.
        """
        [said] = list(self.stream(path, content, seconds)) or [None]
        if not isinstance(said, dict):
            raise NoServerError
        return said

    def stream(self, path: str, content: Mapping[str, Any], seconds: float | None = None) -> Iterator[Any]:
        """The lines of an answer as they come, each of them JSON.

        Raises:
            NoServerError: it does not answer, breaks off, or declines.
        """
        try:
            body = json.dumps(content).encode()
            with contextlib.closing(place.connect(self._path, seconds or _HELLO_SECONDS)) as connection:
                connection.settimeout(seconds)
                head = f"POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body)
                with connection.makefile("rb") as reply:
                    length = _read_head(reply)
                    came = 0
                    for line in reply:
                        came += len(line)
                        yield json.loads(line)
                    if length is not None and came != length:
                        raise NoServerError
        except (OSError, ValueError):
            raise NoServerError from None


class LocalClient(SocketClient):
    """Asks the server that listens next to a store.

    Args:
        settings: the configuration, which says where the store is.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(place.socket_path(settings))
        self._settings = settings

    def hello(self) -> Running:
        """Who answers.

        Raises:
            NoServerError: nobody does, at once.
        """
        if not place.is_possible() or not self._path.exists():
            raise NoServerError
        asked = {"identity": place.identity(self._settings), "surroundings": place.surroundings()}
        said = self.ask("/shell/hello", asked, _HELLO_SECONDS)
        try:
            return Running(**said)
        except TypeError:
            raise NoServerError from None


def _read_head(reply: IO[bytes]) -> int | None:
    """The length that a reply declares, if it is a good one."""
    if reply.readline(_LONGEST_HEAD).split()[1:2] != [b"200"]:
        raise NoServerError
    length = None
    while line := reply.readline(_LONGEST_HEAD).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return length
