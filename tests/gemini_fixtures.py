"""A loopback Gemini for the tests of several folders."""

from __future__ import annotations

import pytest

from rag_pipeline.embeddings.gemini import pacing
from rag_pipeline.testing import GeminiServer


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch):
    """A loopback Gemini that this process's environment points at; waiting between attempts is short."""
    monkeypatch.setattr(pacing, "_FIRST_WAIT", 0.01)
    with GeminiServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
