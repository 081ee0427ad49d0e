"""LangChain's own suites for embeddings, on ours: the bundled model itself, and Google's SDK over loopback."""

from __future__ import annotations

import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from rag_pipeline import GeminiEmbeddings, TransformerEmbeddings

pytestmark = pytest.mark.slow


class _Bundled:
    @pytest.fixture(autouse=True)
    def _checkpoint(self, bundled_folder):
        self.folder = bundled_folder

    @property
    def embeddings_class(self):
        return TransformerEmbeddings

    @property
    def embedding_model_params(self):
        return {"model": self.folder}


class TestMeanPoolingUnit(_Bundled, EmbeddingsUnitTests):
    pass


class TestMeanPooling(_Bundled, EmbeddingsIntegrationTests):
    pass


class _Gemini:
    @pytest.fixture(autouse=True)
    def _service(self, gemini):
        self.gemini = gemini

    @property
    def embeddings_class(self):
        return GeminiEmbeddings

    @property
    def embedding_model_params(self):
        return {"model": "gemini-embedding-001"}


class TestGeminiUnit(_Gemini, EmbeddingsUnitTests):
    pass


class TestGemini(_Gemini, EmbeddingsIntegrationTests):
    pass
