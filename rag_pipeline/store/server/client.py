"""Chroma's HTTP client, made patient, and its failures in words.

Chroma's own client waits for ever and tries once. Its transport is wrapped here: the reply is read whole, so that one
cut off in the middle is tried again like one that never came.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
from httpx_retries import Retry, RetryTransport

from rag_pipeline.config import StoreSettings
from rag_pipeline.errors import ConfigurationError, RagPipelineError, ServiceError, StoreError, StoreUnreachableError
from rag_pipeline.network import check_network, reason_for
from rag_pipeline.run_in_thread import run_in_thread
from rag_pipeline.text import one_line

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

CLOUD_KEY_VARIABLE = "CHROMA_API_KEY"
LOCAL = "localhost"
_CLOUD_HOST = "api.trychroma.com"
CLOUD_URL = f"https://{_CLOUD_HOST}"
_CONNECT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_AWAY = [HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT]
_PASSING = [HTTPStatus.TOO_MANY_REQUESTS, *_AWAY]
# Chroma Cloud takes ten reads of a collection at once; a server has no use for more.
_AT_ONCE = 8
_PAST = {"read": "be read", "write": "be written", "open": "be opened"}
_KEPT = "; what was written before is kept: run the same command again"
_LONGEST_REASON = 300


def server_client(settings: StoreSettings, before: Callable[[], None]) -> ClientAPI:
    """A client of a Chroma server.

    Args:
        settings: where it is, and how patient to be.
        before: called before each attempt of a request.

    Raises:
        ServiceError: it cannot be reached in time, or refuses.
        StoreError: it has no such database.
        Exception: what Chroma raises; see :func:`translated`.
    """
    import chromadb
    from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT

    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    tenant, database = settings.tenant or DEFAULT_TENANT, settings.database or DEFAULT_DATABASE
    _look(settings, headers, f"/tenants/{quote(tenant)}/databases/{quote(database)}")
    return _patient(
        lambda: chromadb.HttpClient(
            settings.host, settings.port, ssl=settings.tls, headers=headers, tenant=tenant, database=database
        ),
        settings,
        before,
    )


def cloud_client(settings: StoreSettings, before: Callable[[], None]) -> ClientAPI:
    """A client of Chroma Cloud; tenant and database are the key's own where the configuration names none.

    Args:
        settings: where it is, and how patient to be.
        before: called before each attempt of a request.

    Raises:
        ConfigurationError: there is no key.
        ServiceError: it cannot be reached in time, or refuses.
        Exception: what Chroma raises; see :func:`translated`.
    """
    import chromadb

    key = os.environ.get(CLOUD_KEY_VARIABLE, "").strip()
    if not key:
        raise ConfigurationError(
            f"store.mode is cloud and there is no key: put {CLOUD_KEY_VARIABLE}=… into .env or the environment"
        )
    if settings.host == LOCAL:
        settings = settings.model_copy(update={"host": _CLOUD_HOST, "port": 443, "tls": True})
    _look(settings, {"x-chroma-token": key}, "/auth/identity")
    return _patient(
        lambda: chromadb.CloudClient(
            tenant=settings.tenant,
            database=settings.database,
            api_key=key,
            cloud_host=settings.host,
            cloud_port=settings.port,
            enable_ssl=settings.tls,
        ),
        settings,
        before,
    )


def close_client(client: ClientAPI) -> None:
    """Close its connections too, which Chroma leaves to the garbage collector."""
    client._server._session.close()  # type: ignore[attr-defined]
    client.close()  # type: ignore[attr-defined]


def _look(settings: StoreSettings, headers: dict[str, str], path: str) -> None:
    """See that Chroma is there and lets us in, within the attempts: Chroma's own client would wait for ever."""
    check_network()
    with httpx.Client(timeout=_timeout(settings), headers=headers) as client:
        _wrap(client, settings)
        beat = client.get(f"{settings.url}/api/v2/heartbeat")
        is_chroma = "nanosecond heartbeat" in beat.text
        if not is_chroma and not _refuses(beat) and beat.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ServiceError(f"what answers at {settings.url} is no Chroma server; see store.host and store.port")
        reply = client.get(f"{settings.url}/api/v2{path}") if is_chroma else beat
    if _refuses(reply):
        remedy = f"check {CLOUD_KEY_VARIABLE}" if settings.mode == "cloud" else "check store.headers"
        raise ServiceError(f"{settings.url} refuses access (HTTP {reply.status_code}); {remedy}")
    if reply.status_code == HTTPStatus.NOT_FOUND:
        raise StoreError(f"{settings.url}: {_message(reply)}; see store.tenant and store.database")
    if reply.is_error:
        raise ServiceError(f"{settings.url} does not work (HTTP {reply.status_code}: {_message(reply)})")


def _refuses(reply: httpx.Response) -> bool:
    return reply.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def _message(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["message"])[:_LONGEST_REASON]
    except (ValueError, KeyError, TypeError):
        return one_line(reply.text, _LONGEST_REASON)


def _patient(make: Callable[[], ClientAPI], settings: StoreSettings, before: Callable[[], None]) -> ClientAPI:
    """Make a client, whose first requests are sent while it is being made, and give it patience for the others."""
    for attempt in range(settings.attempts):
        try:
            client = _within(settings.timeout, make)
            break
        except (httpx.TransportError, ValueError):  # what the network did, in Chroma's words
            if attempt == settings.attempts - 1:
                raise
            time.sleep(min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS))
    # Neither the time limit nor the transport can be handed over; a test holds that these names are there.
    session: httpx.Client = client._server._session  # type: ignore[attr-defined]
    session.timeout = _timeout(settings)
    _wrap(session, settings, before)
    client._admin_client._server._session.close()  # type: ignore[attr-defined]  # it has looked, and is done
    return client


def _within(seconds: float, make: Callable[[], ClientAPI]) -> ClientAPI:
    """Chroma's client waits for ever for the replies to its first requests: it is waited for in a thread."""
    try:
        return run_in_thread(make).result(seconds)
    except TimeoutError:
        raise httpx.ConnectTimeout(f"no reply within {seconds:g} s") from None


def _timeout(settings: StoreSettings) -> httpx.Timeout:
    return httpx.Timeout(settings.timeout, connect=min(settings.timeout, _CONNECT_SECONDS))


def _wrap(client: httpx.Client, settings: StoreSettings, before: Callable[[], None] = lambda: None) -> None:
    """Let a client try again; whatever proxies it goes through by the environment stay."""
    retry = Retry(
        settings.attempts - 1,
        allowed_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        status_forcelist=_PASSING,
        backoff_factor=_FIRST_PAUSE_SECONDS,
        max_backoff_wait=_LONGEST_PAUSE_SECONDS,
    )
    at_once = threading.BoundedSemaphore(_AT_ONCE)

    def patient(transport: httpx.BaseTransport) -> httpx.BaseTransport:
        return _Replies(RetryTransport(_WholeReplies(transport, before, at_once), retry))

    client._transport = patient(client._transport)
    client._mounts = {
        pattern: None if transport is None else patient(transport) for pattern, transport in client._mounts.items()
    }


class _WholeReplies(httpx.BaseTransport):
    """One attempt: reads a reply to its end before it counts as one."""

    def __init__(
        self, inner: httpx.BaseTransport, before: Callable[[], None], at_once: threading.BoundedSemaphore
    ) -> None:
        self._inner = inner
        self._before = before
        self._at_once = at_once

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._at_once:
            self._before()
            response = self._inner.handle_request(request)
            response.read()
            return response

    def close(self) -> None:
        self._inner.close()


class _Replies(httpx.BaseTransport):
    """All attempts: a proxy that says to the last that its server is away means that it cannot be reached."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        if response.status_code in _AWAY:
            raise httpx.NetworkError(f"HTTP {response.status_code}")
        return response

    def close(self) -> None:
        self._inner.close()


@contextlib.contextmanager
def translated(action: str, address: str, *, is_cloud: bool, url: str = "") -> Iterator[None]:
    """Turn a failure of Chroma's HTTP client into an error of ours.

    Nothing is chained: httpx's errors hold the request, and with it the headers.
    """
    from chromadb.errors import AuthorizationError, ChromaAuthError, ChromaError, QuotaError, RateLimitError

    kept = _KEPT if action == "write" else ""
    environment = None
    try:
        yield
    except (RagPipelineError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except (httpx.TransportError, httpx.InvalidURL) as error:
        reason = _reason(error)
        environment = reason_for(url, error)
    except (AuthorizationError, ChromaAuthError) as error:
        remedy = f"check {CLOUD_KEY_VARIABLE}" if is_cloud else "check store.headers"
        raise ServiceError(f"{address} refuses access ({_reason(error)}); {remedy}") from None
    except (QuotaError, RateLimitError) as error:
        raise ServiceError(f"{address} refuses: {_reason(error)}{kept}") from None
    except ChromaError as error:
        raise StoreError(f"{address}: the collection cannot {_PAST[action]}: {_reason(error)}") from None
    except ValueError as error:
        if "connect to a Chroma server" not in str(error):
            raise ServiceError(f"{address} cannot {_PAST[action]}: {_reason(error)}{kept}") from None
        reason = "connection refused"
    except Exception as error:
        raise ServiceError(f"{address} cannot {_PAST[action]}: {_reason(error)}{kept}") from None
    else:
        return
    if environment is not None:
        raise StoreUnreachableError(f"{address} cannot be reached: {environment}{kept}") from None
    hint = "check the network" if is_cloud else "is it running there? See store.host and store.port"
    raise StoreUnreachableError(f"{address} cannot be reached ({reason}); {hint}{kept}") from None


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:_LONGEST_REASON]
