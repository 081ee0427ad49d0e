"""What the loopback Gemini does wrong when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

FaultKind = Literal[
    "status",
    "html",
    "cut",
    "wrong_count",
    "wrong_dimension",
    "nan",
    "blocked_prompt",
    "finish",
    "empty",
    "no_candidate",
    "cut_stream",
    "slow",
    "slow_stream",
]

# Faults that only some methods can have, and what their names hold.
_METHODS = {
    "wrong_count": "embedContent",
    "wrong_dimension": "embedContent",
    "nan": "embedContent",
    "blocked_prompt": "generateContent",
    "finish": "generateContent",
    "empty": "generateContent",
    "no_candidate": "generateContent",
    "cut_stream": "streamGenerateContent",
    "slow_stream": "streamGenerateContent",
}

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass
class Fault:
    """One thing to go wrong, with requests that match.

    Make them with the functions below, and hand them to :meth:`GeminiServer.expect`.
    """

    kind: FaultKind
    times: int | None = 1
    """For how many requests; None: from then on."""
    after: int = 0
    """How many matching requests pass first."""
    route: str | None = None
    """Only for this method of a model, such as ``batchEmbedContents``; None: any."""
    when: Callable[[dict[str, Any]], bool] | None = None
    """Only for bodies for which this is true."""
    values: dict[str, Any] = field(default_factory=dict)
    """What the kind needs to know."""

    def matches(self, route: str, body: dict[str, Any]) -> bool:
        """Whether a request is one of those that it is meant for."""
        method = _METHODS.get(self.kind, "").lower().removesuffix("content")
        return method in route.lower() and self.route in (None, route) and (self.when is None or self.when(body))


class FaultScript:
    """Faults that wait for their turn; the first that matches and is due is taken."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Put a fault at the end."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._faults.clear()

    def take(self, route: str, body: dict[str, Any]) -> Fault | None:
        """The fault of a request, counted down, or None."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(route, body):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
            return None


def status(
    code: int,
    message: str = "scripted",
    *,
    retry_after: int | str | None = None,
    retry_delay: str | None = None,
    quota: str | None = None,
    quota_value: int | None = None,
    reason: str | None = None,
    state: str | None = None,
    **options: Any,
) -> Fault:
    """An error as Google's services send it.

    Args:
        code: HTTP status.
        message: the error's message.
        retry_after: value of the header ``Retry-After``.
        retry_delay: ``retryDelay`` of a ``RetryInfo``, such as ``"2s"``.
        quota: ``quotaId`` of a ``QuotaFailure``, such as ``EmbedContentRequestsPerDayPerProject``.
        quota_value: the limit of that quota.
        reason: ``reason`` of an ``ErrorInfo``, such as ``API_KEY_INVALID``.
        state: the error's status; None: the usual one of the code.
        options: ``times``, ``after``, ``route`` and ``when`` of :class:`Fault`.
    """
    details: list[dict[str, Any]] = []
    if reason:
        details.append(
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        )
    if quota:
        violation = {"quotaMetric": "generativelanguage.googleapis.com/scripted", "quotaId": quota}
        if quota_value is not None:
            violation["quotaValue"] = str(quota_value)
        details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]})
    if retry_delay:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry_delay})
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Fault(
        "status",
        values={"code": code, "headers": headers, "body": error_body(code, message, details, state)},
        **options,
    )


def error_body(
    code: int, message: str, details: list[dict[str, Any]] | None = None, state: str | None = None
) -> dict[str, Any]:
    """The body of an error: code, message, status, details."""
    error: dict[str, Any] = {"code": code, "message": message, "status": state or _STATUS.get(code, "UNKNOWN")}
    if details:
        error["details"] = details
    return {"error": error}


def slow(seconds: float, **options: Any) -> Fault:
    """A reply that comes late."""
    return Fault("slow", values={"seconds": seconds}, **options)


def slow_stream(seconds: float, **options: Any) -> Fault:
    """A stream with a pause after each of its pieces."""
    return Fault("slow_stream", values={"seconds": seconds}, **options)


def cut(**options: Any) -> Fault:
    """A connection closed in place of a reply."""
    return Fault("cut", **options)


def html(code: int = 502, **options: Any) -> Fault:
    """A proxy's page of HTML in place of a reply."""
    return Fault("html", values={"code": code}, **options)


def wrong_count(by: int = -1, **options: Any) -> Fault:
    """Fewer vectors than texts, or more."""
    return Fault("wrong_count", values={"by": by}, **options)


def wrong_dimension(dimension: int = 8, **options: Any) -> Fault:
    """Vectors of another length than was asked for."""
    return Fault("wrong_dimension", values={"dimension": dimension}, **options)


def nan(**options: Any) -> Fault:
    """A vector with a number that is none."""
    return Fault("nan", **options)


def blocked_prompt(reason: str = "SAFETY", **options: Any) -> Fault:
    """A prompt that the service does not answer."""
    return Fault("blocked_prompt", values={"reason": reason}, **options)


def finish(reason: str, text: str = "", **options: Any) -> Fault:
    """An answer that ends with another reason than STOP, such as MAX_TOKENS, SAFETY or MALFORMED_FUNCTION_CALL."""
    return Fault("finish", values={"reason": reason, "text": text}, **options)


def empty(**options: Any) -> Fault:
    """An answer without a text, and without a reason."""
    return Fault("empty", **options)


def no_candidate(**options: Any) -> Fault:
    """A reply that holds no answer at all."""
    return Fault("no_candidate", **options)


def cut_stream(after_frames: int = 1, **options: Any) -> Fault:
    """A stream whose connection is lost after some frames."""
    return Fault("cut_stream", values={"after_frames": after_frames}, **options)
