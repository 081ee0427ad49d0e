"""``/mcp``: the tools and documents over streamable HTTP, for clients with sessions (2025) and without (2026)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import mcp_types as types
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.uri_template import UriTemplate
from pydantic import BaseModel, ValidationError
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import rag_pipeline
from rag_pipeline.errors import UsageError
from rag_pipeline.server.mcp.quoting import NOTICE, cut, quoted
from rag_pipeline.server.mcp.tools import TOOLS, Tool, uri
from rag_pipeline.server.problems import ProblemError, dump
from rag_pipeline.server.service import Service

PATH = "/mcp"
_TEMPLATE = UriTemplate.parse("rag://{collection}/{+source}")
_MOST_CHARS = 200_000
_INSTRUCTIONS = (
    "Documents of the user. Ask search first, in the language of the user; read on with fetch where a passage is not"
    f" enough; cite sources. {NOTICE}"
)
_log = logging.getLogger(__name__)

Context = ServerRequestContext[Any]


class Endpoint:
    """The protocol's server for one service, as a route of the application.

    Args:
        service: what answers.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._manager: StreamableHTTPSessionManager | None = None
        self._server: Server[Any] = Server(
            "rag-pipeline",
            version=rag_pipeline.__version__,
            title="rag-pipeline",
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )
        self.route = Route(PATH, endpoint=self, include_in_schema=False)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer while this is open; all streams end with it."""
        # Without sessions, so that a restart costs no client anything; with answers as events, so that a client that
        # goes away, or cancels, ends what it asked for. Host and origin are looked at before any route is.
        self._manager = StreamableHTTPSessionManager(self._server, stateless=True)
        try:
            async with self._manager.run():
                yield
        finally:
            self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope["route"] = self.route
        if self._manager is None:
            raise ProblemError(503, "not_ready", "the server is about to begin, or to end")
        await self._manager.handle_request(scope, receive, send)

    async def _list_tools(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS.values()])

    async def _call_tool(self, _: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no such tool; there are {', '.join(TOOLS)}")
        try:
            given = tool.arguments.model_validate(params.arguments or {})
            async with self._service.limits():
                return _told(await tool.call(self._service, given))
        except ValidationError as error:
            return _failed(_which_is_wrong(error))
        except ProblemError as problem:
            return _failed(problem.detail)
        except Exception as error:
            # Its message may hold what was asked.
            _log.error("tool %s failed: %s", tool.name, type(error).__name__)
            return _failed("the server failed; its log says where")

    async def _list_resources(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        # Documents may be many: they are found by search, and read by the address that each of its results has.
        return types.ListResourcesResult(resources=[])

    async def _list_templates(
        self, _: Context, __: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        template = types.ResourceTemplate(
            name="document",
            title="A document",
            uri_template=str(_TEMPLATE),
            description="A document of a collection, put together from its passages; `url` of a result of search.",
            mime_type="text/plain",
        )
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(self, _: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        try:
            async with self._service.limits():
                found = await asyncio.to_thread(self._documents, params.uri)
        except ProblemError as problem:
            code = types.INVALID_PARAMS if problem.status < 500 else types.INTERNAL_ERROR
            raise MCPError(code, problem.detail) from None
        if not found:
            raise MCPError(types.INVALID_PARAMS, "no document has this address: take one that search gave")
        return types.ReadResourceResult(contents=list(found))

    def _documents(self, address: str) -> list[types.TextResourceContents]:
        """The documents of a source: folders of one collection may hold several."""
        try:
            matched = _TEMPLATE.match(address)
        except ValueError:
            matched = None
        if matched is None:
            raise UsageError(f"addresses of documents are {_TEMPLATE}")
        # Both are looked up among what the store holds; neither is ever a part of a path.
        collection, source = str(matched["collection"]), str(matched["source"])
        contents = []
        for document in self._service.collections.documents(collection).values():
            if document.version.key.source == source:
                found = self._service.collections.document(collection, document.id)
                if found is not None:
                    text, truncated = cut(found["text"], _MOST_CHARS)
                    contents.append(
                        types.TextResourceContents(
                            uri=uri(collection, source),
                            mime_type="text/plain",
                            text=quoted(text, title=found["title"], source=source),
                            _meta={"document": document.id, "truncated": truncated},
                        )
                    )
        return contents


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.model_json_schema(),
        output_schema=tool.result.model_json_schema(),
        annotations=types.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )


def _told(result: BaseModel) -> types.CallToolResult:
    """The same as text, for agents, and as values, for programs."""
    values = result.model_dump(mode="json")
    text = types.TextContent(type="text", text=dump(values).decode())
    return types.CallToolResult(content=[text], structured_content=values)


def _failed(reason: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=reason)], is_error=True)


def _which_is_wrong(error: ValidationError) -> str:
    """Which arguments are wrong, without what was in them."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))[:100] or 'arguments'}: {one['msg'][:200]}" for one in wrong[:5])
