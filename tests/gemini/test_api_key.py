from __future__ import annotations

import pytest
from pydantic import SecretStr

from rag_pipeline.errors import ConfigurationError
from rag_pipeline.gemini.api_key import find_api_key, find_base_url, has_api_key


def test_google_api_key_comes_before_gemini_api_key(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "second")
    assert find_api_key().origin == "GEMINI_API_KEY"
    monkeypatch.setenv("GOOGLE_API_KEY", "first")
    assert find_api_key().secret.get_secret_value() == "first"


def test_an_empty_key_does_not_hide_a_good_one(monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", " ")
    monkeypatch.setenv("GEMINI_API_KEY", "good\n")
    assert find_api_key().secret.get_secret_value() == "good"


def test_a_key_that_is_handed_over_wins(monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "first")
    assert find_api_key(SecretStr("mine")).secret.get_secret_value() == "mine"


def test_no_key_says_how_to_get_one():
    assert not has_api_key()
    with pytest.raises(ConfigurationError, match=r"GOOGLE_API_KEY .*\.env.*aistudio"):
        find_api_key()


def test_a_key_is_not_shown_and_is_masked_in_what_others_say():
    key = find_api_key("very-secret")
    assert "very-secret" not in repr(key)
    assert key.scrub("bad key very-secret!") == "bad key ***!"


@pytest.mark.parametrize("value", ["한글", "two words", "two\nlines"])
def test_a_key_that_cannot_be_one_is_named_without_showing_it(monkeypatch, value):
    monkeypatch.setenv("GOOGLE_API_KEY", value)
    with pytest.raises(ConfigurationError, match="GOOGLE_API_KEY holds characters that no key has") as caught:
        find_api_key()
    assert value not in str(caught.value)


def test_an_address_is_one_of_http(monkeypatch):
    assert find_base_url() is None
    assert find_base_url("http://127.0.0.1:1") == "http://127.0.0.1:1"
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "127.0.0.1:8089")
    with pytest.raises(ConfigurationError, match="GOOGLE_GEMINI_BASE_URL: found '127.0.0.1:8089'"):
        find_base_url()
    with pytest.raises(ConfigurationError, match="base_url: found 'htp:/x'"):
        find_base_url("htp:/x")
