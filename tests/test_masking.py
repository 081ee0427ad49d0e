from __future__ import annotations

from base64 import b64encode

import pytest
from pydantic import BaseModel, SecretStr

from rag_pipeline.cli import run
from rag_pipeline.config import load_settings
from rag_pipeline.errors import ConfigurationError
from rag_pipeline.gemini.api_key import find_base_url
from rag_pipeline.masking import mask_keys, mask_values, secrets_in

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


SIGNED = "https://host/x?X-Amz-Signature=abcdef0123&X-Amz-Credential=AKIAMADEUP&page=2"


def test_signatures_and_credentials_in_an_address_are_masked():
    assert mask_keys(SIGNED) == "https://host/x?X-Amz-Signature=***&X-Amz-Credential=***&page=2"
    assert mask_keys("az://c/x?sv=2024&sig=abc%2F123&se=x") == "az://c/x?sv=2024&sig=***&se=x"


def test_values_of_a_configuration_are_masked_by_name_and_in_addresses():
    masked = mask_values(
        {
            "api_key": "made-up",
            "list": [{"auth_token": "made-up"}, "ftp://user:made-up@host/x"],
            "max_tokens": 5,
            "headers": {"password": ""},
            "base_url": SIGNED,
        }
    )
    assert masked == {
        "api_key": "***",
        "list": [{"auth_token": "***"}, "ftp://***@host/x"],
        "max_tokens": 5,
        "headers": {"password": ""},
        "base_url": "https://host/x?X-Amz-Signature=***&X-Amz-Credential=***&page=2",
    }


CONFIGURATION = """
collections:
  docs: {folder: "ftp://user:FTPSECRET@127.0.0.1:1/x", embedding: gemini}
embeddings:
  gemini:
    provider: gemini
    model: gemini-embedding-001
    dimension: 1536
    base_url: "http://u:BASESECRET@127.0.0.1:9/?key=QSECRET"
answer: {model: gemini-3.5-flash, base_url: "http://u:ANSSECRET@127.0.0.1:9", options: {client_secret: OPTSECRET}}
"""


@pytest.mark.parametrize("show", [repr, str, lambda settings: repr(settings.collections["docs"])])
def test_settings_are_shown_without_secrets(tmp_path, show):
    file = tmp_path / "config.yaml"
    file.write_text(CONFIGURATION, "utf-8")
    shown = show(load_settings(file))
    assert "SECRET" not in shown
    assert "127.0.0.1" in shown


@pytest.mark.parametrize("command", [["config"], ["config", "--json"], ["doctor"], ["models"]])
def test_commands_show_no_secrets_of_the_configuration(tmp_path, capsys, command):
    file = tmp_path / "config.yaml"
    file.write_text(CONFIGURATION, "utf-8")
    run(None, [*command, "--config", str(file)])
    assert "SECRET" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "wrong",
    [
        "store: ftp://user:MADESECRET@host/x",
        "collections: {docs: 'ftp://user:MADESECRET@host/x?sig=MADESECRET'}",
        "answer: {timeout: 'https://host/?X-Goog-Signature=MADESECRET'}",
        "answer: {base_url: {password: MADESECRET}}",
    ],
)
def test_an_error_about_a_wrong_value_shows_no_secret(tmp_path, capsys, wrong):
    file = tmp_path / "config.yaml"
    file.write_text(wrong, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert "SECRET" not in str(caught.value)


def test_an_address_that_is_none_is_named_without_its_password():
    with pytest.raises(ConfigurationError, match="base_url: found") as caught:
        find_base_url("ftp://user:MADESECRET@host")
    assert "SECRET" not in str(caught.value)
