from __future__ import annotations

import pytest

from rag_pipeline.errors import ConfigurationError, ServiceError
from rag_pipeline.gemini.listing import list_models
from rag_pipeline.testing import gemini_faults as faults


def test_models_that_embed_or_chat_are_listed_over_all_pages(gemini):
    listed = {model.name: model for model in list_models()}
    assert list(listed) == ["gemini-3.5-flash", "gemini-3.5-pro", "gemini-embedding-001", "gemini-embedding-2"]
    assert (listed["gemini-embedding-2"].embeds, listed["gemini-embedding-2"].chats) == (True, False)
    assert listed["gemini-embedding-001"].input_tokens == 2048
    assert len(gemini.requests) == 3


def test_a_listing_that_is_refused_says_why(gemini, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "wrong")
    with pytest.raises(ServiceError, match="refused the API key from GOOGLE_API_KEY") as caught:
        list_models()
    assert caught.value.__context__ is None
    monkeypatch.delenv("GOOGLE_API_KEY")
    with pytest.raises(ConfigurationError, match="no Gemini API key"):
        list_models()


def test_a_service_that_is_down_is_an_error(gemini):
    gemini.expect(faults.cut())
    with pytest.raises(ServiceError, match="cannot be reached"):
        list_models()
