"""Sends batches of texts to Gemini: when, how often, and what to make of a refusal."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
import weakref
from collections.abc import Sequence

from pydantic import SecretStr

from rag_pipeline.embeddings.base import EmbeddedBatch
from rag_pipeline.embeddings.gemini.event_loop import background_loop
from rag_pipeline.embeddings.gemini.pacing import Pacer, backoff
from rag_pipeline.embeddings.gemini.requests import Item, Vectors, read_vectors, request_body
from rag_pipeline.gemini.api_key import ApiKey, find_api_key, find_base_url
from rag_pipeline.gemini.client import AsyncGemini
from rag_pipeline.gemini.failures import GeminiError, Kind, read_failure
from rag_pipeline.network import check_network

# A service that refuses this many single texts in a row, and has taken none, refuses something else than the texts;
# and so it does where it has taken some before, after this many more.
_REFUSALS_AT_FIRST = 3
_REFUSALS_LATER = 25


class SendingRun:
    """One call's requests, which stop trying again once one of them has failed for good.

    Args:
        attempts: how often a request is sent, at most.
    """

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts
        self._stopped = asyncio.Event()

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be sent."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Send nothing more; to be called on the loop of the requests."""
        self._stopped.set()

    async def sleep(self, seconds: float) -> None:
        """Wait, but not longer than until the stop."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), seconds)


class GeminiSender:
    """Batches in, vectors out; shared by all calls of one embedding, on any event loop.

    Args:
        model: the model's name.
        dimension: length of the vectors.
        api_key: the key; None: that of the environment, looked up at the first request.
        base_url: where to; None: as the environment says, or the SDK's own address.
        pacer: keeps the limits per minute.
        timeout: seconds for one request.
        deadline: seconds for a request with all its attempts.
        connections: requests under way at once.
    """

    def __init__(
        self,
        model: str,
        dimension: int,
        *,
        api_key: SecretStr | None,
        base_url: str | None,
        pacer: Pacer,
        timeout: float,
        deadline: float,
        connections: int,
    ) -> None:
        self._model = model
        self._dimension = dimension
        self._given_key = api_key
        self._given_base_url = base_url
        self._pacer = pacer
        self._timeout = timeout
        self._deadline = deadline
        self._connections = connections
        self._key: ApiKey | None = None
        # An HTTP client belongs to the event loop it was first used on.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGemini] = weakref.WeakKeyDictionary()
        self._accepted = False
        self._refused_in_a_row = 0

    def check_ready(self) -> None:
        """Find out whether there is a key, an address that can be one, and a way to it.

        Raises:
            ConfigurationError: there is not.
        """
        self._api_key()
        find_base_url(self._given_base_url)
        check_network()

    def close(self) -> None:
        """Close the connections."""
        client = self._clients.pop(background_loop(), None)
        if client is not None:
            _close(client, background_loop()).result()

    async def aclose(self) -> None:
        """Close the connections."""
        client = self._clients.pop(background_loop(), None)
        if client is not None:
            await asyncio.wrap_future(_close(client, background_loop()))

    async def embed_batch(self, batch: Sequence[Item], run: SendingRun) -> EmbeddedBatch:
        """Vectors of a batch; one that is refused is halved until the text that is to blame stands alone."""
        try:
            vectors = await self._send(batch, run)
        except GeminiError as error:
            if error.kind is not Kind.REQUEST:
                raise
            if len(batch) == 1:
                return self._refused(batch[0], error)
            middle = len(batch) // 2
            halves = [await self.embed_batch(half, run) for half in (batch[:middle], batch[middle:])]
            return EmbeddedBatch(
                [position for half in halves for position in half.positions],
                [vector for half in halves for vector in half.vectors],
                {position: reason for half in halves for position, reason in half.refused.items()},
            )
        self._accepted = True
        self._refused_in_a_row = 0
        return EmbeddedBatch([item.position for item in batch], list(vectors))

    def _refused(self, item: Item, error: GeminiError) -> EmbeddedBatch:
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= (_REFUSALS_LATER if self._accepted else _REFUSALS_AT_FIRST):
            raise error
        return EmbeddedBatch([], [], {item.position: f"{error} (about {item.tokens} tokens)"})

    async def _send(self, batch: Sequence[Item], run: SendingRun) -> Vectors:
        """One request, sent again while failures are passing ones."""
        tokens = sum(item.tokens for item in batch)
        attempt = 1
        started: float | None = None
        while True:
            await run.sleep(self._pacer.reserve(time.monotonic(), len(batch), tokens))
            if run.stopped:
                raise GeminiError(Kind.BUSY, "not sent: an earlier request of the same run failed for good")
            started = started or time.monotonic()
            try:
                return await self._send_once(batch)
            except GeminiError as error:
                if not error.passing or run.stopped:
                    raise
                if attempt >= run.attempts:
                    raise GeminiError(error.kind, f"{error} (after {attempt} attempts)", error.retry_after) from None
                wait = backoff(attempt, error.retry_after)
                now = time.monotonic()
                if now + wait - started > self._deadline:
                    raise GeminiError(
                        error.kind, f"{error} (given up: the deadline of {self._deadline:g} s would pass)"
                    ) from None
                if error.kind is Kind.MINUTE_QUOTA:
                    self._pacer.pause(now + wait)  # the others would meet the same
                await run.sleep(wait)
                if run.stopped:
                    raise
                attempt += 1

    async def _send_once(self, batch: Sequence[Item]) -> Vectors:
        from google.genai.types import Content, EmbedContentConfig, HttpOptions, Part

        key, base_url = self._api_key(), find_base_url(self._given_base_url)
        client = self._client(key, base_url)
        body = request_body(batch, self._model, self._dimension)
        try:
            # The SDK's time limit is for each step; a server that drips bytes would never meet it.
            async with asyncio.timeout(self._timeout):
                reply = await client.models.embed_content(
                    model=self._model,
                    # The SDK has one title and task for all texts: the body below takes the place of what it makes of
                    # its arguments, each text in a Content of its own. (Plain strings would become one vector.)
                    contents=[Content(parts=[Part(text=batch[0].text)])],
                    config=EmbedContentConfig(
                        output_dimensionality=self._dimension,
                        http_options=HttpOptions(extra_body=body, timeout=round(self._timeout * 1000)),
                    ),
                )
            return read_vectors(reply, len(batch), self._dimension)
        except Exception as error:
            failure = read_failure(error, model=self._model, key=key, base_url=base_url)
            if failure is None:
                raise
        # Outside of the handler: what the SDK raised holds the request, headers and all, and must not hang on.
        raise failure

    def _client(self, key: ApiKey, base_url: str | None) -> AsyncGemini:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = AsyncGemini(key, base_url=base_url, timeout=self._timeout, connections=self._connections)
            self._clients[loop] = client
            weakref.finalize(self, _close, client, loop)
        return client

    def _api_key(self) -> ApiKey:
        if self._key is None:
            self._key = find_api_key(self._given_key)
        return self._key


def _close(client: AsyncGemini, loop: asyncio.AbstractEventLoop) -> concurrent.futures.Future[None]:
    return asyncio.run_coroutine_threadsafe(client.aclose(), loop)
