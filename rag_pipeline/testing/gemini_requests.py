"""What the HTTP side of the loopback Gemini records, and what it asks of the server behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rag_pipeline.testing import gemini_replies as replies
from rag_pipeline.testing.gemini_faults import Fault


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it came in."""

    method: str
    path: str
    route: str
    """The method of the model, such as ``batchEmbedContents``, or ``models``."""
    model: str
    body: dict[str, Any]
    headers: dict[str, str]
    """Names in lower case."""
    at: float
    """Seconds of a monotonic clock."""
    size: int
    """Bytes of the body."""
    query: dict[str, str] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        """The texts of an embedding request."""
        requests = self.body.get("requests", [self.body])
        return [replies.content_text(request["content"]) for request in requests]


class LoopbackGemini(Protocol):
    """What answers depend on; :class:`rag_pipeline.testing.GeminiServer` has it."""

    latency: float
    api_key: str
    reply: str | Callable[[Mapping[str, Any]], str] | None
    models: dict[str, dict[str, Any]]
    make_vector: Callable[[str, int], list[float]]
    abandoned: int

    def started(self, request: RecordedRequest) -> Fault | None:
        """Record a request; return what is to go wrong with it."""

    def ended(self) -> None:
        """A request has been answered."""
