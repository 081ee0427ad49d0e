"""A reply piece by piece, and the end of its request when nobody listens any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any


def close(chunks: Iterator[Any]) -> None:
    """End a request whose reply nobody waits for any more, rather than when the garbage collector comes by."""
    if isinstance(chunks, Generator):
        chunks.close()


async def pumped(chunks: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    """Pieces as they come, whose request ends when this generator is closed.

    The generators of the libraries, closed between two pieces, leave the request open until the garbage collector comes
    by. So they are read in a task that always waits for the network, and is cancelled there.
    """
    came: asyncio.Queue[Any] = asyncio.Queue()
    end = object()

    async def pump() -> Exception | None:
        try:
            async for chunk in chunks:
                came.put_nowait(chunk)
        except Exception as error:
            return error
        finally:
            came.put_nowait(end)
        return None

    pumping = asyncio.create_task(pump())
    try:
        while (chunk := await came.get()) is not end:
            yield chunk
        failure = await pumping
        if failure is not None:
            raise failure
    finally:
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)


async def one_piece(piece: Any) -> AsyncGenerator[Any, None]:
    """A whole reply as a stream of one piece."""
    yield piece
