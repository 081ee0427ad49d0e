"""What went wrong in a call to Gemini, in words and as a reason to try again or not.

The forms are those of Google's API errors: a code, a status, a message, and details such as ``ErrorInfo``,
``QuotaFailure`` and ``RetryInfo`` (google.rpc, https://google.aip.dev/193).
"""

from __future__ import annotations

import email.utils
import json
import re
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rag_pipeline.errors import ServiceError
from rag_pipeline.gemini.api_key import KEY_PAGE, ApiKey
from rag_pipeline.masking import mask_keys
from rag_pipeline.network import proxy_for, reason_for
from rag_pipeline.text import one_line

# Models that were shut down or are about to be, and what takes their place.
SUCCESSORS = {
    "embedding-001": "gemini-embedding-2",
    "text-embedding-004": "gemini-embedding-2",
    "gemini-embedding-exp-03-07": "gemini-embedding-2",
    "gemini-embedding-2-preview": "gemini-embedding-2",
    "gemini-embedding-001": "gemini-embedding-2",
    "gemini-1.5-flash": "gemini-3.5-flash",
    "gemini-1.5-pro": "gemini-3.5-flash",
    "gemini-2.0-flash": "gemini-3.5-flash",
    "gemini-2.5-flash": "gemini-3.5-flash",
}
LIMITS_PAGE = "https://ai.google.dev/gemini-api/docs/rate-limits"
_REGIONS_PAGE = "https://ai.google.dev/gemini-api/docs/available-regions"
_MESSAGE_LENGTH = 300
# RFC 9110, 15.5.8.
_PROXY_WANTS_ACCOUNT = 407
_ADDRESS = "https://generativelanguage.googleapis.com"


class Kind(StrEnum):
    """What sort of failure it was."""

    KEY = "key refused"
    MODEL = "no such model"
    REGION = "region"
    DAY_QUOTA = "quota per day"
    MINUTE_QUOTA = "quota per minute"
    REQUEST = "request refused"
    BUSY = "service busy"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    REPLY = "broken reply"
    OTHER_REPLY = "reply to something else"
    PROXY = "proxy refused"


# Failures that may pass in a moment.
_PASSING = frozenset({Kind.MINUTE_QUOTA, Kind.BUSY, Kind.TIMEOUT, Kind.UNREACHABLE, Kind.REPLY})


class GeminiError(ServiceError):
    """A call to Gemini failed.

    Args:
        kind: what sort of failure it was.
        message: in words, with what to do.
        retry_after: seconds the service asked to wait, if it did.
    """

    def __init__(self, kind: Kind, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.kind in _PASSING


class ReplyError(Exception):
    """A reply came, but not what was asked for.

    Args:
        message: what is wrong with it.
        lasting: whether the next one would be no better.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


@dataclass(frozen=True)
class GeminiCall:
    """What was asked, and how: what a failure is told with."""

    model: str
    key: ApiKey | None
    """None: the call goes by Google's credentials, as to Vertex AI."""
    base_url: str | None = None
    """None: the SDK's own address."""
    paced: bool = True
    """Whether the caller keeps limits per minute that can be set."""
    service: str = "Gemini"
    """``Gemini``, or ``Vertex AI``."""
    secrets: Collection[str] = ()
    """What must not be shown, besides the key."""

    @property
    def place(self) -> str:
        """The service, and where it is."""
        return self.scrub(f"{self.service} at {self.base_url}" if self.base_url else self.service)

    def scrub(self, text: str) -> str:
        """The text without keys."""
        own = [self.key.secret.get_secret_value()] if self.key else []
        return mask_keys(text, [*own, *self.secrets])

    def said(self, text: str) -> str:
        """Google's message, or what is readable of a page of HTML that a proxy put in its place.

        Masked before it is cut: half a key would no longer be known as one.
        """
        if "<html" in text.lower() or "<!doctype" in text.lower():
            text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL | re.IGNORECASE)
            text = f"an HTML page: {text}"
        return one_line(self.scrub(one_line(text)), _MESSAGE_LENGTH)


def read_failure(
    error: BaseException, *, model: str, key: ApiKey, base_url: str | None = None, paced: bool = True
) -> GeminiError | None:
    """As :func:`read_call_failure`, of a call with a key to the Gemini API."""
    return read_call_failure(error, GeminiCall(model, key, base_url, paced))


def read_call_failure(error: BaseException, call: GeminiCall) -> GeminiError | None:
    """An error of the SDK, of its transport or of a reply as a :class:`GeminiError`; None for any other.

    Args:
        error: what was raised.
        call: what was asked.
    """
    import httpx
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        return _read_api_error(error, call) if error.code != _PROXY_WANTS_ACCOUNT else _refused_by_proxy(call)
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        said = call.said(str(error)) or type(error).__name__
        return GeminiError(Kind.KEY, f"{call.place} cannot be asked: Google's credentials do not work: {said}")
    if isinstance(error, httpx.TransportError | OSError | TransportError) or _is_of_aiohttp(error):
        return _read_transport(error, call)  # a time limit of Python's is an OSError
    if isinstance(error, ReplyError | json.JSONDecodeError):
        said = "it is not JSON" if isinstance(error, json.JSONDecodeError) else call.scrub(str(error))
        kind = Kind.OTHER_REPLY if isinstance(error, ReplyError) and error.lasting else Kind.REPLY
        return GeminiError(kind, f"{call.place} sent a reply that cannot be used: {said}")
    return None


def _read_transport(error: BaseException, call: GeminiCall) -> GeminiError:
    import httpx

    is_late = isinstance(error, TimeoutError | httpx.TimeoutException)
    if reason := reason_for(call.base_url or _ADDRESS, error):
        kind = Kind.TIMEOUT if is_late else Kind.UNREACHABLE
        return GeminiError(kind, f"{call.place} cannot be reached: {call.scrub(reason)}")
    if is_late:
        return GeminiError(Kind.TIMEOUT, f"{call.place} did not answer in time; raise timeout if this goes on")
    said = call.said(str(error)) or type(error).__name__
    return GeminiError(Kind.UNREACHABLE, f"{call.place} cannot be reached: {said}")


def _refused_by_proxy(call: GeminiCall) -> GeminiError:
    proxy = proxy_for(call.base_url or _ADDRESS)
    return GeminiError(Kind.PROXY, f"the proxy {proxy} wants a user and password; put them into its address")


def _is_of_aiohttp(error: BaseException) -> bool:
    """Whether it is of the other HTTP library, which the SDK takes for async calls where it is installed."""
    aiohttp = sys.modules.get("aiohttp")
    return aiohttp is not None and isinstance(error, aiohttp.ClientError)


def _read_api_error(error: Any, call: GeminiCall) -> GeminiError:
    code = int(error.code or 0)
    details = _details(error.details)
    said = call.said(str(error.message or ""))
    reason = next((str(detail["reason"]) for detail in details if "reason" in detail), "")
    wait = _retry_after(error, details)
    if code == 429:
        return _read_quota(details, said, wait, call)
    if code in (401, 403) or reason in ("API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED"):
        return GeminiError(Kind.KEY, _refused(call, said))
    if code == 404:
        return GeminiError(Kind.MODEL, _no_model(call))
    if code == 400 and "location" in said.lower():
        return GeminiError(
            Kind.REGION, f"{call.service} is not offered where this machine is: {said}; regions: {_REGIONS_PAGE}"
        )
    status = call.scrub(str(error.status or ""))
    if code == 408 or code >= 500:
        return GeminiError(Kind.BUSY, f"{call.place} answered {code} {status}: {said or 'no reason given'}", wait)
    return GeminiError(Kind.REQUEST, f"{call.service} refused the request ({code} {status}): {said}")


def _refused(call: GeminiCall, said: str) -> str:
    if call.key is None:
        return f"{call.service} refused the credentials: {said}; check them, the project and its permissions"
    return f"{call.service} refused the API key from {call.key.origin}: {said}; keys are made at {KEY_PAGE}"


def _no_model(call: GeminiCall) -> str:
    name = call.model.removeprefix("models/")
    whose = "for this key" if call.key is not None else "in this project and location"
    if name in SUCCESSORS:
        instead = f"it is retired, use {SUCCESSORS[name]}"
    elif call.key is not None:
        instead = "rag-pipeline models lists those your key may use"
    else:
        instead = "check its name, the project and the location"
    return f"{call.service} has no model {name!r} {whose}; {instead}"


def _read_quota(details: list[dict[str, Any]], said: str, wait: float | None, call: GeminiCall) -> GeminiError:
    violations = [violation for detail in details for violation in detail.get("violations", [])]
    names = [str(violation.get("quotaId") or violation.get("quotaMetric") or "") for violation in violations]
    known = ", ".join(
        f"{name} {violation['quotaValue']}" if violation.get("quotaValue") else name
        for name, violation in zip(names, violations, strict=True)
        if name
    )
    shown = f" ({call.said(known)})" if known else f" ({said})" if said else ""
    if any("perday" in name.lower() for name in names):
        return GeminiError(
            Kind.DAY_QUOTA,
            f"{call.service}'s quota per day is used up{shown}; run the same command again after it is renewed"
            f" (midnight, US Pacific time), or raise it: {LIMITS_PAGE}",
            wait,
        )
    remedy = (
        f"set requests_per_minute and tokens_per_minute of the embedding to your account's limits: {LIMITS_PAGE}"
        if call.paced
        else f"ask again in a minute, or see your account's limits: {LIMITS_PAGE}"
    )
    return GeminiError(Kind.MINUTE_QUOTA, f"{call.service}'s quota per minute is used up{shown}; {remedy}", wait)


def _details(body: Any) -> list[dict[str, Any]]:
    error = body.get("error", body) if isinstance(body, dict) else {}
    details = error.get("details", []) if isinstance(error, dict) else []
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []


def _retry_after(error: Any, details: list[dict[str, Any]]) -> float | None:
    """The longer of the header ``Retry-After`` (RFC 9110, 10.2.3) and google.rpc.RetryInfo, in seconds."""
    waits = [_seconds(str(detail["retryDelay"])) for detail in details if "retryDelay" in detail]
    headers = getattr(error.response, "headers", None) or {}
    header = headers.get("retry-after")
    if header is not None:
        waits.append(_seconds(header) if _seconds(header) is not None else _until(header))
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def _seconds(text: str) -> float | None:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)s?\s*", text)
    return float(match[1]) if match else None


def _until(date: str) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
