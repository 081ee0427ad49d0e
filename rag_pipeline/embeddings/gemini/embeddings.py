"""Gemini embeddings on Google's own SDK, made to survive a real account."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Any, Literal, Self, TypeVar

import numpy as np
from pydantic import SecretStr

from rag_pipeline.config import GeminiEmbedding
from rag_pipeline.config.arguments import check_arguments
from rag_pipeline.embeddings.base import DocumentText, EmbeddedBatch, EmbeddingIdentity, PipelineEmbeddings, Vector
from rag_pipeline.embeddings.gemini.event_loop import background_loop
from rag_pipeline.embeddings.gemini.pacing import Pacer
from rag_pipeline.embeddings.gemini.requests import (
    DOCUMENT_PROMPT,
    QUERY_PROMPT,
    Item,
    TaskStyle,
    batches,
    document_item,
    query_item,
    resolve_model,
)
from rag_pipeline.embeddings.gemini.sending import GeminiSender, SendingRun
from rag_pipeline.errors import EmbeddingError

T = TypeVar("T")

_SHOWN = 40
# Someone waits for the answer to a question: rather an early error than half a minute of trying.
_QUERY_ATTEMPTS = 3


class GeminiEmbeddings(PipelineEmbeddings):
    """A LangChain ``Embeddings`` over Gemini's embedding models, through ``google.genai.Client``.

    Vectors have length one. Texts go in batches, several requests at a time; a request that meets a passing failure
    (408, 429, 5xx, a time limit, a lost connection, a broken reply) is sent again, after the time that the service
    asks for. A blank text is never sent and gets a vector of zeros, whose inner product with everything is 0.

    Sync and async calls share one implementation; sync ones run it on an event loop in a thread of its own, so they
    work where a loop is running too. A copy opens connections of its own. One that goes through pickle leaves its key
    behind, and takes that of the environment where it arrives.

    Args:
        model: ``gemini-embedding-2``, ``gemini-embedding-001``, or another with ``task_style`` and ``max_tokens``.
        api_key: the key; None: GOOGLE_API_KEY or GEMINI_API_KEY of the environment, looked up at the first call.
        dimension: length of the vectors, 128 to 3072 for the known models.
        task_style: how the model is told question from document: ``prompt``, ``task_type``, ``none``, or ``auto``
            for a known model.
        max_tokens: tokens the model reads of one text; None: as documented for a known model.
        base_url: where to; None: GOOGLE_GEMINI_BASE_URL, or the SDK's own address.
        batch_size: texts in a request, 100 at most.
        batch_bytes: bytes of a request's body.
        concurrency: requests under way at once.
        requests_per_minute: the account's limit, in which each text counts as one; None: no limit is kept.
        tokens_per_minute: the account's limit in tokens, which are estimated; None: no limit is kept.
        timeout: seconds for one request.
        attempts: how often a request is sent, at most.
        deadline: seconds for a request with all its attempts.

    Raises:
        ConfigurationError: the model is unknown and the arguments do not say how to use it, or one has a value that is
            not allowed.
    """

    def __init__(
        self,
        model: str = "gemini-embedding-2",
        *,
        api_key: str | SecretStr | None = None,
        dimension: int = 1536,
        task_style: TaskStyle | Literal["auto"] = "auto",
        max_tokens: int | None = None,
        base_url: str | None = None,
        batch_size: int = 100,
        batch_bytes: int = 2_000_000,
        concurrency: int = 4,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        timeout: float = 60.0,
        attempts: int = 6,
        deadline: float = 600.0,
    ) -> None:
        given = {name: value for name, value in locals().items() if name in GeminiEmbedding.model_fields}
        check_arguments("GeminiEmbeddings", GeminiEmbedding, {"provider": "gemini", **given})
        self._arguments = {"model": model, "max_tokens": max_tokens, **given}
        self._given_key = SecretStr(api_key) if isinstance(api_key, str) else api_key
        self._model = model.removeprefix("models/")
        self._style, self._max_tokens = resolve_model(self._model, task_style, max_tokens)
        self._dimension = dimension
        self._batch_size = min(batch_size, requests_per_minute or batch_size)
        self._batch_bytes = batch_bytes
        self._batch_tokens = tokens_per_minute
        self._concurrency = concurrency
        self._attempts = attempts
        self._sender = GeminiSender(
            self._model,
            dimension,
            api_key=self._given_key,
            base_url=base_url,
            pacer=Pacer(requests_per_minute, tokens_per_minute),
            timeout=timeout,
            deadline=deadline,
            connections=concurrency,
        )

    def __getstate__(self) -> dict[str, Any]:
        return dict(self._arguments)  # the key goes nowhere

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        GeminiEmbeddings.__init__(self, **arguments)

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self))
        GeminiEmbeddings.__init__(made, api_key=self._given_key, **self._arguments)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        memo[id(self)] = made = self.__copy__()
        return made

    def __repr__(self) -> str:
        return f"GeminiEmbeddings(model={self._model!r}, dimension={self._dimension})"

    @property
    def identity(self) -> EmbeddingIdentity:
        """What the vectors depend on."""
        prompts = {"prompt": (QUERY_PROMPT, DOCUMENT_PROMPT), "task_type": ("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT")}
        query, document = prompts.get(self._style, ("", ""))
        return EmbeddingIdentity(
            provider="gemini",
            model=self._model,
            revision="",
            pooling="",
            normalize=True,
            query_prompt=query,
            document_prompt=document,
            dimension=self._dimension,
            max_tokens=self._max_tokens,
        )

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of one text."""
        return self._max_tokens

    @property
    def sends_texts_away(self) -> bool:
        """They go to Google."""
        return True

    def check_ready(self) -> None:
        """Find out whether there is a key, and an address that can be one.

        Raises:
            ConfigurationError: there is not.
        """
        self._sender.check_ready()

    def count_document_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as a document, estimated on the high side: the tokenizer is Google's."""
        return [document_item(0, DocumentText(text), self._style).tokens for text in texts]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of documents, shape (len(texts), dimension), in the order of the texts.

        Raises:
            ConfigurationError: there is no key.
            EmbeddingError: the service refuses one of the texts.
            ServiceError: the service cannot be reached, or refuses.
        """
        wanted = _not_blank(texts)
        return self._in_order(texts, wanted, self.embed_stream(DocumentText(texts[index]) for index in wanted))

    def embed_query(self, text: str) -> list[float]:
        """Vector of a question, shape (dimension,).

        Raises:
            ConfigurationError, EmbeddingError, ServiceError: as :meth:`embed_documents`.
        """
        if not text.strip():
            return self._zeros()
        return self._wait(self._embed_query(text))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """As :meth:`embed_documents`, without holding up the event loop; the connections outlive it."""
        return await asyncio.wrap_future(_in_background(self._embed_documents(texts)))

    async def _embed_documents(self, texts: list[str]) -> list[list[float]]:
        wanted = _not_blank(texts)
        self.check_ready()
        free = asyncio.Semaphore(self._concurrency)
        run = SendingRun(self._attempts)

        async def embed(batch: list[Item]) -> EmbeddedBatch:
            async with free:
                return await self._sender.embed_batch(batch, run)

        tasks = [
            asyncio.create_task(embed(batch)) for batch in self._batches(DocumentText(texts[index]) for index in wanted)
        ]
        try:
            return self._in_order(texts, wanted, await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def aembed_query(self, text: str) -> list[float]:
        """As :meth:`embed_query`, without holding up the event loop; the connections outlive it."""
        return await asyncio.wrap_future(_in_background(self._embed_query(text))) if text.strip() else self._zeros()

    def embed_stream(self, texts: Iterable[DocumentText]) -> Iterator[EmbeddedBatch]:
        """Embed documents as they come, with several requests under way.

        When one fails for good, those under way are waited for and handed over before the error is raised.
        """
        self.check_ready()
        loop = background_loop()
        waiting = self._batches(texts)
        run = SendingRun(self._attempts)
        under_way: set[concurrent.futures.Future[EmbeddedBatch]] = set()
        failure: BaseException | None = None
        last = time.monotonic()

        def fill() -> None:
            while failure is None and len(under_way) < self._concurrency and (batch := next(waiting, None)):
                under_way.add(asyncio.run_coroutine_threadsafe(self._sender.embed_batch(batch, run), loop))

        try:
            fill()
            while under_way:
                done, under_way = concurrent.futures.wait(under_way, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    error = future.exception()
                    if error is not None:
                        failure = failure or error
                        loop.call_soon_threadsafe(run.stop)
                fill()  # before the results are handed over: the service need not wait for what becomes of them
                for future in done:
                    if future.exception() is None:
                        result, now = future.result(), time.monotonic()
                        yield EmbeddedBatch(result.positions, result.vectors, result.refused, now - last)
                        last = time.monotonic()
        finally:
            for future in under_way:
                future.cancel()
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    def _in_order(self, texts: list[str], wanted: list[int], done: Iterable[EmbeddedBatch]) -> list[list[float]]:
        """Vectors in the order of the texts, of which only those wanted were sent."""
        vectors: list[list[float]] = [[]] * len(texts)
        for batch in done:
            for position, reason in batch.refused.items():
                index = wanted[position]
                raise EmbeddingError(f"text {index + 1} of {len(texts)} ({texts[index][:_SHOWN]!r}…): {reason}")
            for position, vector in zip(batch.positions, batch.vectors, strict=True):
                vectors[wanted[position]] = _plain(vector)
        return [vector or self._zeros() for vector in vectors]

    def _zeros(self) -> list[float]:
        return [0.0] * self._dimension

    def _batches(self, texts: Iterable[DocumentText]) -> Iterator[list[Item]]:
        items = (document_item(position, text, self._style) for position, text in enumerate(texts))
        return batches(items, texts=self._batch_size, size=self._batch_bytes, tokens=self._batch_tokens)

    async def _embed_query(self, text: str) -> list[float]:
        item = query_item(text, self._style)
        batch = await self._sender.embed_batch([item], SendingRun(min(self._attempts, _QUERY_ATTEMPTS)))
        if batch.refused:
            raise EmbeddingError(f"the question: {batch.refused[0]}")
        return _plain(batch.vectors[0])

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the background loop; an interrupt cancels it."""
        future = _in_background(work)
        try:
            return future.result()
        finally:
            future.cancel()


def _in_background(work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    return asyncio.run_coroutine_threadsafe(work, background_loop())


def _not_blank(texts: list[str]) -> list[int]:
    return [index for index, text in enumerate(texts) if text.strip()]


def _plain(vector: Vector) -> list[float]:
    """A vector as LangChain wants it."""
    plain: list[float] = np.asarray(vector, dtype=np.float64).tolist()
    return plain
