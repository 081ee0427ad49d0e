"""One way to make a client of Google's SDK, so that the environment cannot send calls elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.gemini.api_key import ApiKey, split_version
from rag_pipeline.network import check_network

if TYPE_CHECKING:
    import httpx
    from google.genai import Client
    from google.genai.models import AsyncModels


class AsyncGemini:
    """An async client for one event loop, on a transport of its own.

    Args:
        key: the API key.
        base_url: where to; None: the SDK's own address.
        timeout: seconds for one step of a request: connecting, sending, waiting for bytes.
        connections: how many requests may be under way at once.
    """

    def __init__(self, key: ApiKey, *, base_url: str | None, timeout: float, connections: int) -> None:
        check_network()
        import httpx

        # Else the SDK takes aiohttp where it is installed, whose errors and time limits are others.
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._http = httpx.AsyncClient(timeout=timeout, limits=limits)
        self._client = make_client(key, base_url=base_url, timeout=timeout, http=self._http)

    @property
    def models(self) -> AsyncModels:
        """The SDK's async models."""
        return self._client.aio.models

    async def aclose(self) -> None:
        """Close the connections; the SDK leaves a transport it was given to its giver."""
        await self._http.aclose()
        self._client.close()


def make_client(key: ApiKey, *, base_url: str | None, timeout: float, http: httpx.AsyncClient | None = None) -> Client:
    """A client for the Gemini API, not for Vertex AI, that does not retry by itself.

    Args:
        key: the API key.
        base_url: where to; None: the SDK's own address.
        timeout: seconds for one step of a request.
        http: an ``httpx.AsyncClient`` for async use; None: the SDK's own.

    Raises:
        ConfigurationError: the environment names a proxy or certificates that cannot be used.
    """
    check_network()
    from google.genai import Client
    from google.genai.types import HttpOptions, HttpRetryOptions

    base, version = split_version(base_url)
    return Client(
        api_key=key.secret.get_secret_value(),
        vertexai=False,
        http_options=HttpOptions(
            base_url=base,
            api_version=version,
            timeout=round(timeout * 1000),
            # With one attempt, waiting is ours; without this the SDK sleeps up to ten seconds on a lost connection.
            retry_options=HttpRetryOptions(attempts=1),
            httpx_async_client=http,
        ),
    )
