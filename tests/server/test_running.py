"""The sockets of a server."""

from __future__ import annotations

import asyncio
import socket

import pytest

from rag_pipeline.server import running


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_replies_do_not_wait_for_acknowledgements(host):
    taken = asyncio.get_running_loop().create_future()

    def take(_, writer):
        own = writer.get_extra_info("socket")
        taken.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with running._listen(host, 0) as listening:
        async with await asyncio.start_server(take, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
            assert await asyncio.wait_for(taken, 30)
            writer.close()
