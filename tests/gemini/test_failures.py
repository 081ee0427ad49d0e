"""Google's errors in words. What the SDK makes of real replies is tested with the embeddings."""

from __future__ import annotations

import email.utils
import time

import httpx
import pytest
from google.auth.exceptions import RefreshError, TransportError
from google.genai.errors import ClientError, ServerError

from rag_pipeline.gemini.api_key import find_api_key
from rag_pipeline.gemini.failures import _MESSAGE_LENGTH, GeminiCall, Kind, read_call_failure, read_failure

KEY = find_api_key("very-secret")


def failure(code, message="said", details=None, headers=None, model="gemini-embedding-2"):
    body = {"error": {"code": code, "message": message, "status": "S", "details": details or []}}
    response = httpx.Response(code, headers=headers or {}, json=body)
    error = (ServerError if code >= 500 else ClientError)(code, body, response)
    return read_failure(error, model=model, key=KEY)


def quota(name, value=None):
    return [{"violations": [{"quotaId": name, **({"quotaValue": value} if value else {})}]}]


@pytest.mark.parametrize(
    ("found", "kind", "passing"),
    [
        (failure(429, details=quota("EmbedContentRequestsPerDayPerProject", "1000")), Kind.DAY_QUOTA, False),
        (failure(429, details=quota("EmbedContentRequestsPerMinutePerProject")), Kind.MINUTE_QUOTA, True),
        (failure(429), Kind.MINUTE_QUOTA, True),
        (failure(401), Kind.KEY, False),
        (failure(403), Kind.KEY, False),
        (failure(400, details=[{"reason": "API_KEY_INVALID"}]), Kind.KEY, False),
        (failure(400, "User location is not supported for the API use."), Kind.REGION, False),
        (failure(400), Kind.REQUEST, False),
        (failure(404), Kind.MODEL, False),
        (failure(408), Kind.BUSY, True),
        (failure(500), Kind.BUSY, True),
        (failure(503), Kind.BUSY, True),
        (failure(529), Kind.BUSY, True),
    ],
)
def test_each_failure_is_told_apart(found, kind, passing):
    assert (found.kind, found.passing) == (kind, passing)
    assert found.exit_code == 4
    assert "\n" not in str(found)


def test_quotas_are_named():
    assert "PerDayPerProject 1000" in str(failure(429, details=quota("RequestsPerDayPerProject", "1000")))
    assert "requests_per_minute" in str(failure(429))


@pytest.mark.parametrize(
    ("name", "successor"),
    [("text-embedding-004", "gemini-embedding-2"), ("models/embedding-001", "gemini-embedding-2")],
)
def test_a_retired_model_names_its_successor(name, successor):
    assert f"retired, use {successor}" in str(failure(404, model=name))


def test_the_service_is_waited_for_as_long_as_it_asks():
    assert failure(429, headers={"retry-after": "12"}).retry_after == 12
    assert failure(429, details=[{"retryDelay": "3.5s"}]).retry_after == 3.5
    assert failure(429, details=[{"retryDelay": "3s"}], headers={"retry-after": "9"}).retry_after == 9
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 50 < failure(503, headers={"retry-after": in_a_minute}).retry_after <= 60
    assert failure(503, headers={"retry-after": "soon"}).retry_after is None
    assert failure(429).retry_after is None


def test_a_page_of_html_is_read_for_its_text():
    page = "<!DOCTYPE html><html><head><style>b{}</style><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    assert "an HTML page: 502 Bad Gateway nginx" in str(failure(502, page))


def test_the_key_is_masked_and_long_messages_are_cut():
    shown = str(failure(403, "key very-secret was leaked " + "x" * 1000))
    assert "very-secret" not in shown
    assert len(shown) < 600


def test_transport_errors_are_failures_and_others_are_not():
    connect = read_failure(httpx.ConnectError("refused"), model="m", key=KEY, base_url="http://127.0.0.1:1")
    assert connect.kind is Kind.UNREACHABLE
    assert "http://127.0.0.1:1" in str(connect)
    assert read_failure(httpx.ReadTimeout("slow"), model="m", key=KEY).kind is Kind.TIMEOUT
    assert read_failure(ZeroDivisionError(), model="m", key=KEY) is None


def test_a_key_is_masked_before_a_long_message_is_cut():
    padded = "x" * (_MESSAGE_LENGTH - 4)
    for code in (400, 403, 503):
        said = str(failure(code, f"{padded}very-secret and more"))
        assert "very" not in said
        assert "***" in said


def test_keys_are_masked_wherever_the_service_repeats_them():
    for code, details in ((429, quota("PerDay of very-secret")), (429, quota("PerMinute", "very-secret")), (429, [])):
        assert "very-secret" not in str(failure(code, "the key very-secret", details))
    call = GeminiCall("gemini", KEY, "http://host/?key=other", secrets=["hidden"])
    assert "other" not in str(read_call_failure(httpx.ConnectError("hidden"), call))
    assert "hidden" not in str(read_call_failure(httpx.ConnectError("hidden"), call))


def test_vertex_ai_is_named_with_its_credentials_and_not_with_a_key():
    call = GeminiCall("gemini-x", None, service="Vertex AI")

    def said(code):
        body = {"error": {"code": code, "message": "said", "status": "S"}}
        return str(read_call_failure(ClientError(code, body, httpx.Response(code, json=body)), call))

    assert said(403).startswith("Vertex AI refused the credentials: said")
    assert said(404) == (
        "Vertex AI has no model 'gemini-x' in this project and location; check its name, the project and the location"
    )
    assert said(429).startswith("Vertex AI's quota per minute")
    away = read_call_failure(TransportError("no route"), call)
    assert (away.kind, str(away)) == (Kind.UNREACHABLE, "Vertex AI cannot be reached: no route")
    lapsed = read_call_failure(RefreshError("the token Bearer made-up-token lapsed"), call)
    assert lapsed.kind is Kind.KEY
    assert str(lapsed) == ("Vertex AI cannot be asked: Google's credentials do not work: the token Bearer *** lapsed")
