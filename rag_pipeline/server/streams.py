"""Replies that take a while: they end when nobody listens any more, and what they wait for ends with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rag_pipeline.server.problems import dump

T = TypeVar("T")

# Proxies close what is silent for a minute.
_BEAT_SECONDS = 15
_BEAT = b": still here\n\n"


class ClientGoneError(Exception):
    """Nobody waits for the reply any more."""


def event(name: str, content: Any) -> bytes:
    """One server-sent event."""
    return b"event: " + name.encode() + b"\ndata: " + dump(content) + b"\n\n"


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What some work gives; it is cancelled when the client goes away.

    Raises:
        ClientGoneError: it did.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGoneError
        return working.result()
    finally:
        await _end(working, leaving)


class Stream(Response):
    """Pieces as they come, until they end, the client goes away, or the time is over.

    Args:
        pieces: closed in any case.
        media_type: of the whole; server-sent events get a sign of life now and then.
        seconds: for all of it; None: no limit.
        on_end: called when it is over.
    """

    def __init__(
        self, pieces: AsyncGenerator[bytes, None], media_type: str, seconds: float | None, on_end: Callable[[], None]
    ) -> None:
        super().__init__(media_type=media_type, headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._pieces = pieces
        self._seconds = seconds
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""

        async def produce() -> None:
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})

        async def beat() -> None:
            while self.media_type == "text/event-stream":
                await asyncio.sleep(_BEAT_SECONDS)
                await send({"type": "http.response.body", "body": _BEAT, "more_body": True})

        del scope
        tasks: list[asyncio.Future[None]] = []
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            producing, leaving, beating = map(asyncio.ensure_future, (produce(), _gone(receive), beat()))
            tasks += [producing, leaving, beating]
            await asyncio.wait({producing, leaving}, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            if not producing.done():
                raise ClientGoneError
            producing.result()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await _end(*tasks)
            self._on_end()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
