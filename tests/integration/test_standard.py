"""LangChain's own suites for retrievers and vector stores, on ours."""

from __future__ import annotations

import pytest
from langchain_tests.integration_tests import RetrieversIntegrationTests, VectorStoreIntegrationTests

from rag_pipeline.config import load_settings
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.integration.retriever import PipelineRetriever
from rag_pipeline.integration.vector_store import PipelineVectorStore
from rag_pipeline.testing import HashEmbeddings


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _collection(self, tmp_path):
        (tmp_path / "config.yaml").write_text("")
        (tmp_path / "docs").mkdir()
        for name in ("tug", "buoy", "lock", "quay"):
            (tmp_path / "docs" / f"{name}.md").write_text(f"# {name}\n\nA {name} is found in a harbour.\n")
        self.settings = load_settings(tmp_path / "config.yaml")
        ingest(self.settings, IngestTarget("docs", [tmp_path / "docs"], "hash"), embeddings=HashEmbeddings())

    @property
    def retriever_constructor(self):
        return PipelineRetriever

    @property
    def retriever_constructor_params(self):
        return {"settings": self.settings, "collection": "docs", "embeddings": HashEmbeddings()}

    @property
    def retriever_query_example(self):
        return "harbour"


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        (tmp_path / "config.yaml").write_text("")
        store = PipelineVectorStore.open(
            load_settings(tmp_path / "config.yaml"), "docs", self.get_embeddings(), create=True
        )
        yield store
        store.close()
