"""The SDK's own client, in each of the protocol's eras."""

from __future__ import annotations

import asyncio
import contextlib
import json

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

# Sessions and a handshake; none of both; whichever the server knows.
ERAS = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28", "auto": "2026-07-28"}


@contextlib.asynccontextmanager
async def over_http(url, era, **headers):
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=60, headers=headers) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=era) as client,
    ):
        yield client


def told(result):
    """What a tool gave, which is the same in both of its forms."""
    assert not result.is_error, result.content
    [content] = result.content
    assert json.loads(content.text) == result.structured_content
    return result.structured_content


def run(work):
    """The result of a coroutine, which has a minute."""

    async def limited():
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(limited())
