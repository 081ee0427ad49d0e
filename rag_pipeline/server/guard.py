"""Who may ask, and how much at once, decided before any path is looked at."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
import time
import traceback
import uuid
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag_pipeline.config import ServeSettings
from rag_pipeline.server.metrics import Metrics
from rag_pipeline.server.page import is_page
from rag_pipeline.server.problems import ProblemError
from rag_pipeline.server.streams import ClientGoneError

LOCAL = "rag_pipeline.local"
"""In the scope of a request that came by the socket of this machine's user."""
REQUEST_ID = "rag_pipeline.request_id"

_MOST_BYTES = 1_000_000
_BODY_SECONDS = 20
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# What a watchdog asks, which has no token.
_OPEN = frozenset({"/livez", "/readyz"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GIVEN_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_log = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """Whether a host that is listened on can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guard:
    """Checks host, origin, token and size of each request, counts it, and says what went wrong.

    A page of a foreign site can make a browser ask us: under a name of its own that it lets point here, or as itself.
    The first shows in the host, the second in the origin. Who comes by the Unix socket is the user who serves.

    Args:
        app: what is guarded.
        settings: hosts and token.
        metrics: where requests are counted.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, metrics: Metrics) -> None:
        self._app = app
        self._token = None if settings.token is None else settings.token.get_secret_value().encode()
        self._any_address = not is_loopback(settings.host)
        own = {settings.host.lower().strip("[]")} - {"0.0.0.0", "::"}  # noqa: S104
        self._hosts = {*_LOOPBACK, *own, *(name.lower() for name in settings.allowed_hosts)}
        self._root = settings.root_path
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        begun = time.perf_counter()
        if self._root and scope["path"].startswith(f"{self._root}/"):
            # Some proxies take it away, some do not.
            scope = {**scope, "path": scope["path"].removeprefix(self._root)}
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        scope[REQUEST_ID] = request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                added = MutableHeaders(scope=message)
                added["X-Request-Id"] = request_id
                added["X-Content-Type-Options"] = "nosniff"
                added.setdefault("Cache-Control", "no-store")
                added.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
            await send(message)

        try:
            with self._metrics.under_way():
                await self._answer(scope, receive, sending, headers)
        except ClientGoneError:
            status = 499
        except ProblemError as problem:
            if not status:
                await problem.response(scope["path"], request_id)(scope, receive, sending)
        except Exception as error:
            # Its message may hold what was asked.
            frames = traceback.extract_tb(error.__traceback__)
            place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
            _log.error("request %s failed: %s%s", request_id, type(error).__name__, place)
            if not status:
                failed = ProblemError(500, "internal", f"the server failed; its log says where: request {request_id}")
                await failed.response(scope["path"], request_id)(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - begun
            # Neither the query nor the path itself: they may hold what was asked.
            route = str(getattr(scope.get("route"), "path", "unknown"))
            self._metrics.answered(route, status, seconds)
            method = scope["method"] if scope["method"] in _METHODS else "?"
            level = logging.DEBUG if scope.get(LOCAL) else logging.INFO
            _log.log(level, "%s %s %d %.0f ms %s", method, route, status, seconds * 1000, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        if not scope.get(LOCAL):
            self._check_host(headers.getlist("host"))
            self._check_origin(headers.getlist("origin"), headers.get("host", ""))
            self._check_token(headers.getlist("authorization"), scope["path"])
        await self._app(scope, await _whole(headers, receive), send)

    def _check_host(self, given: list[str]) -> None:
        name = _name_of(given[0]) if len(given) == 1 else None
        if name is None or not (name in self._hosts or (self._any_address and _is_address(name))):
            raise ProblemError(421, "foreign_host", "this server is not meant by that name; see serve.allowed_hosts")

    def _check_origin(self, given: list[str], host: str) -> None:
        if not given:
            return
        parts = urlsplit(given[0]) if len(given) == 1 else None
        if parts is None or parts.scheme not in ("http", "https") or parts.netloc.lower() != host.lower():
            raise ProblemError(403, "foreign_origin", "pages of other sites may not ask this server")

    def _check_token(self, given: list[str], path: str) -> None:
        if self._token is None or path in _OPEN or is_page(path):
            return
        kind, _, sent = (given[0] if len(given) == 1 else "").partition(" ")
        fits = hmac.compare_digest(sent.strip().encode("utf-8", "replace"), self._token)
        if not fits or kind.lower() != "bearer":
            raise ProblemError(
                401, "no_token", "send the token as Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
            )


def _name_of(host: str) -> str | None:
    """The name in a Host header, without port and brackets; None: it is none."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?", host)
    return None if found is None else (found[1] or found[2]).lower()


def _is_address(name: str) -> bool:
    """Whether it is an address, which no foreign site can let point anywhere else."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _whole(headers: Headers, receive: Receive) -> Receive:
    """The request with its body read, which must come soon and be small."""
    too_large = ProblemError(413, "too_large", f"the body is larger than {_MOST_BYTES:,} bytes")
    declared = headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > _MOST_BYTES:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                part = message.get("body", b"")
                size += len(part)
                if size > _MOST_BYTES:
                    raise too_large
                parts.append(part)
                if not message.get("more_body"):
                    break
    except TimeoutError:
        raise ProblemError(408, "too_slow", "the body did not come in time") from None
    waiting: Iterable[Message] = iter([{"type": "http.request", "body": b"".join(parts), "more_body": False}])

    async def again() -> Message:
        for message in waiting:
            return message
        return await receive()

    return again
