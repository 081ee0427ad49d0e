"""What is counted, for Prometheus."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counts of one server. None of them holds what was asked."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "rag_pipeline_requests", "Requests answered.", ("route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "rag_pipeline_request_seconds", "Seconds from a request to the end of its reply.", ("route",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._under_way = Gauge("rag_pipeline_requests_under_way", "Requests under way.", registry=self._registry)
        self._ready = Gauge("rag_pipeline_ready", "Whether questions are answered.", registry=self._registry)
        self._refused = Counter(
            "rag_pipeline_refused", "Requests for which there was no place.", registry=self._registry
        )
        self._tokens = Counter(
            "rag_pipeline_chat_tokens", "Tokens of the chat model.", ("direction",), registry=self._registry
        )

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Around each request."""
        with self._under_way.track_inprogress():
            yield

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request came to its end."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self) -> None:
        """There was no place for a request."""
        self._refused.inc()

    def used(self, usage: dict[str, int]) -> None:
        """What an answer took."""
        for direction in ("input", "output"):
            self._tokens.labels(direction).inc(usage.get(f"{direction}_tokens", 0))

    def ready(self, ready: bool) -> None:
        """Whether questions are answered."""
        self._ready.set(ready)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)
