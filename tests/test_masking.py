from __future__ import annotations

from base64 import b64encode

import pytest
from pydantic import BaseModel, SecretStr

from rag_pipeline.masking import mask_keys, secrets_in

GOOGLE = "AIza" + "SyB0" + "x" * 31


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"the key {GOOGLE} is bad", "the key *** is bad"),
        (f"Consumer 'api_key:{GOOGLE}' has been suspended.", "Consumer 'api_key:***' has been suspended."),
        (
            "GET https://host/v1beta/models?key=made-up&alt=sse failed",
            "GET https://host/v1beta/models?key=***&alt=sse failed",
        ),
        ("at /models?alt=sse&key=made-up", "at /models?alt=sse&key=***"),
        ("at %3Fkey%3Dmade-up", "at %3Fkey%3D***"),
        ("Authorization: Bearer made.up-token_1", "Authorization: Bearer ***"),
        ("Authorization: Basic bWFkZTp1cA==", "Authorization: Basic ***"),
        ("{'x-goog-api-key': 'made-up'}", "{'x-goog-api-key': '***'}"),
        ("[(b'x-goog-api-key', b'made-up')]", "[(b'x-goog-api-key', b'***')]"),
        ('{"refresh_token": "made-up"}', '{"refresh_token": "***"}'),
        ("token ya29.a0ARrdaM-made_up.up expired", "token *** expired"),
        ("AQ.Ab8RN6I-made-up-made-up is revoked", "*** is revoked"),
        ("Incorrect API key provided: sk-proj-abcdefghijkl", "Incorrect API key provided: ***"),
        ("proxy http://user:made-up@proxy:8080 refused", "proxy http://***@proxy:8080 refused"),
        ('{"error": "{\\"api_key\\": \\"made-up\\"}"}', '{"error": "{\\"api_key\\": \\"***\\"}"}'),
        ("x-goog-api-key&quot;:&quot;made-up&quot;", "x-goog-api-key&quot;:&quot;***&quot;"),
        ("x-goog-api-key%3A%20made-up", "x-goog-api-key%3A%20***"),
        ("aws_secret_access_key=made/up+1", "aws_secret_access_key=***"),
        ('{"password": "made-up-1", "user": "me"}', '{"password": "***", "user": "me"}'),
        ("API key: made-up-1", "API key: ***"),
        ("Cookie: session=made-up; other=1", "Cookie: ***"),
        (f"sent {b64encode(GOOGLE.encode()).decode()}", "sent ***"),
    ],
)
def test_what_looks_like_a_key_is_masked(said, shown):
    assert mask_keys(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "API key not valid. Please pass a valid API key.",
        "no Gemini API key: set GOOGLE_API_KEY in the environment",
        "The input token count (9000) exceeds max_tokens=8192.",
        "the password: required, at least 8 characters",
        "see https://ai.google.dev/gemini-api/docs/rate-limits?hl=en",
        "task: search result | query: 최대 흘수",
        "basic authentication failed",
    ],
)
def test_other_words_are_left_alone(said):
    assert mask_keys(said) == said


def test_keys_of_the_environment_and_those_given_are_masked(monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "made-up one")
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "made-up-two")
    monkeypatch.setenv("SOME_SETTING", "plain")
    said = mask_keys("made-up one, made-up-two, three/four, three%2Ffour and plain", ["three/four", ""])
    assert said == "***, ***, ***, *** and plain"


def test_a_key_is_masked_in_base64_too():
    assert mask_keys(f"sent {b64encode(b'made-up').decode()}", ["made-up"]) == "sent ***"


def test_secrets_are_found_in_objects_and_mappings():
    class Model(BaseModel):
        google_api_key: SecretStr = SecretStr("made-up-one")
        model: str = "gemini"
        headers: dict[str, str] = {"Authorization": "Bearer made-up-two", "accept": "text"}

    class Credentials:
        def __init__(self):
            self.token = "made-up-three"
            self.project_id = "plain"

    holder = {"credentials": Credentials(), "max_tokens": 5, "tokens": "made-up-four"}
    assert secrets_in(Model()) == {"made-up-one", "made-up-two"}
    assert secrets_in(holder) == {"made-up-three", "made-up-four"}
    assert secrets_in(None) == secrets_in(5) == set()
