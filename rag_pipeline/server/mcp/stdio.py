"""The tools over a program's standard input and output: passed on to the server of the store, by its socket."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server

from rag_pipeline.config import Settings
from rag_pipeline.errors import ServiceError
from rag_pipeline.server import place
from rag_pipeline.server.mcp.endpoint import PATH

# By the socket there is no name; the guard does not ask for one there.
_URL = "http://localhost"

Context = ServerRequestContext[Any]


def pass_on(settings: Settings, when_ended: Callable[[], None]) -> None:
    """Answer at standard input and output until the input ends.

    The server is held meanwhile, so that one that was started for agents lives as long as they do.

    Args:
        settings: the configuration, which says where the store is.
        when_ended: called when the server has ended, and is to end this process: a thread that waits for a line of
            standard input can be stopped by nothing else.

    Raises:
        ServiceError: the server cannot be reached.
    """
    anyio.run(_pass_on, settings, when_ended)


async def _pass_on(settings: Settings, when_ended: Callable[[], None]) -> None:
    with place.address_of(place.socket_path(settings)) as address:
        transport = httpx2.AsyncHTTPTransport(uds=address)
        async with httpx2.AsyncClient(transport=transport, base_url=_URL, timeout=None) as http:
            try:
                async with (
                    _held(http, when_ended),
                    Client(streamable_http_client(f"{_URL}{PATH}", http_client=http)) as client,
                    stdio_server() as (reading, writing),
                ):
                    server = _server(client)
                    await server.run(reading, writing, server.create_initialization_options())
            except (httpx2.HTTPError, OSError, MCPError) as error:
                raise ServiceError(f"the server cannot be reached: {type(error).__name__}") from None


@contextlib.asynccontextmanager
async def _held(http: httpx2.AsyncClient, when_ended: Callable[[], None]) -> AsyncIterator[None]:
    """Hold the server."""
    async with http.stream("POST", "/shell/hold") as reply, anyio.create_task_group() as tasks:
        reply.raise_for_status()

        async def watch() -> None:
            with contextlib.suppress(httpx2.HTTPError):
                async for _ in reply.aiter_raw():
                    pass
            when_ended()

        tasks.start_soon(watch)
        yield
        tasks.cancel_scope.cancel()


def _server(client: Client) -> Server[Any]:
    """A server whose answers are those of another."""

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return await client.list_tools()

    async def call_tool(_: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        return await client.call_tool(params.name, params.arguments)

    async def list_resources(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        return await client.list_resources()

    async def list_templates(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourceTemplatesResult:
        return await client.list_resource_templates()

    async def read_resource(_: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        return await client.read_resource(params.uri)

    known = client.server_info
    return Server(
        "rag-pipeline",
        version=known.version if known else "",
        title="rag-pipeline",
        instructions=client.instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )
