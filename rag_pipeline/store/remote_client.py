"""Chroma's HTTP client, made patient, and its failures in words.

Chroma's own client waits for ever and tries once. Its transport is wrapped here: the reply is read whole, so that one
cut off in the middle is tried again like one that never came.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
from httpx_retries import Retry, RetryTransport

from rag_pipeline.config import StoreSettings
from rag_pipeline.errors import ConfigurationError, RagPipelineError, ServiceError, StoreError

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

CLOUD_KEY_VARIABLE = "CHROMA_API_KEY"
_CLOUD_HOST = "api.trychroma.com"
_CONNECT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_PASSING = [
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
]
_PAST = {"read": "be read", "write": "be written", "open": "be opened"}
_KEPT = "what was written before is kept: run the same command again"
_LONGEST_REASON = 300


def server_client(settings: StoreSettings) -> ClientAPI:
    """A client of a Chroma server.

    Raises:
        ServiceError: it cannot be reached in time.
        Exception: what Chroma raises; see :func:`translated`.
    """
    import chromadb
    from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings

    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    verify: Any = str(settings.ca_file) if settings.ca_file else None
    _wait_for(settings, headers)
    client = chromadb.HttpClient(
        settings.host,
        settings.port,
        ssl=settings.tls,
        headers=headers,
        settings=Settings(chroma_server_ssl_verify=verify),
        tenant=settings.tenant or DEFAULT_TENANT,
        database=settings.database or DEFAULT_DATABASE,
    )
    return _patient(client, settings)


def cloud_client(settings: StoreSettings) -> ClientAPI:
    """A client of Chroma Cloud; tenant and database are the key's own where the configuration names none.

    Raises:
        ConfigurationError: there is no key.
        Exception: what Chroma raises; see :func:`translated`.
    """
    import chromadb

    key = os.environ.get(CLOUD_KEY_VARIABLE, "").strip()
    if not key:
        raise ConfigurationError(
            f"store.mode is cloud and there is no key: put {CLOUD_KEY_VARIABLE}=… into .env or the environment"
        )
    # A host of its own is for tests and private clouds; the port and TLS are then said, too.
    own = {"cloud_host": settings.host, "cloud_port": settings.port, "enable_ssl": settings.tls}
    place: dict[str, Any] = own if settings.host not in ("localhost", _CLOUD_HOST) else {}
    if place:
        _wait_for(settings, {})
    client = chromadb.CloudClient(tenant=settings.tenant, database=settings.database, api_key=key, **place)
    return _patient(client, settings)


def _wait_for(settings: StoreSettings, headers: dict[str, str]) -> None:
    """Until the server answers, within the attempts: Chroma's client itself would wait for ever."""
    verify = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    with httpx.Client(timeout=_timeout(settings), verify=verify, headers=headers) as client:
        _wrap(client, settings)
        client.get(f"{settings.url}/api/v2/heartbeat")


def _patient(client: ClientAPI, settings: StoreSettings) -> ClientAPI:
    # Neither the time limit nor the transport can be handed over; a test holds that these names are there.
    session: httpx.Client = client._server._session  # type: ignore[attr-defined]
    session.timeout = _timeout(settings)
    _wrap(session, settings)
    return client


def _timeout(settings: StoreSettings) -> httpx.Timeout:
    return httpx.Timeout(settings.timeout, connect=min(settings.timeout, _CONNECT_SECONDS))


def _wrap(client: httpx.Client, settings: StoreSettings) -> None:
    """Let a client try again; whatever proxies it goes through by the environment stay."""
    retry = Retry(
        settings.attempts - 1,
        allowed_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        status_forcelist=_PASSING,
        backoff_factor=_FIRST_PAUSE_SECONDS,
        max_backoff_wait=_LONGEST_PAUSE_SECONDS,
    )
    client._transport = RetryTransport(_WholeReplies(client._transport), retry)
    client._mounts = {
        pattern: None if transport is None else RetryTransport(_WholeReplies(transport), retry)
        for pattern, transport in client._mounts.items()
    }


class _WholeReplies(httpx.BaseTransport):
    """Reads a reply to its end before it counts as one."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        response.read()
        return response

    def close(self) -> None:
        self._inner.close()


@contextlib.contextmanager
def translated(action: str, place: str, *, is_cloud: bool) -> Iterator[None]:
    """Turn a failure of Chroma's HTTP client into an error of ours.

    Nothing is chained: httpx's errors hold the request, and with it the headers.
    """
    from chromadb.errors import AuthorizationError, ChromaAuthError, ChromaError, QuotaError, RateLimitError

    try:
        yield
    except (RagPipelineError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except (httpx.TransportError, httpx.InvalidURL) as error:
        reason = _reason(error)
    except (AuthorizationError, ChromaAuthError) as error:
        remedy = f"check {CLOUD_KEY_VARIABLE}" if is_cloud else "check store.headers"
        raise ServiceError(f"{place} refuses access ({_reason(error)}); {remedy}") from None
    except (QuotaError, RateLimitError) as error:
        raise ServiceError(f"{place} refuses: {_reason(error)}; {_KEPT} when the limit allows") from None
    except ChromaError as error:
        raise StoreError(f"{place}: the collection cannot {_PAST[action]}: {_reason(error)}") from None
    except ValueError as error:
        if "connect to a Chroma server" not in str(error):
            raise ServiceError(f"{place} cannot {_PAST[action]}: {_reason(error)}; {_KEPT}") from None
        reason = "connection refused"
    except Exception as error:
        raise ServiceError(f"{place} cannot {_PAST[action]}: {_reason(error)}; {_KEPT}") from None
    else:
        return
    hint = "check the network" if is_cloud else "is it running there? See store.host and store.port"
    raise ServiceError(f"{place} cannot be reached ({reason}); {hint}; {_KEPT}") from None


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:_LONGEST_REASON]
