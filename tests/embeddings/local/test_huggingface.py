from __future__ import annotations

import numpy as np
import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.embeddings import TransformerEmbeddings, make_embeddings
from rag_pipeline.embeddings.local.huggingface import StockHuggingFaceEmbeddings

pytest.importorskip("sentence_transformers")

TEXTS = ["선박", "가나다라마바사", "a b c"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of sentence-transformers, not ours
def test_vectors_are_the_stock_class_and_agree_with_ours(tiny_checkpoint):
    stock = StockHuggingFaceEmbeddings(tiny_checkpoint, document_prompt="d: ", query_prompt="q: ")
    ours = TransformerEmbeddings(tiny_checkpoint, document_prompt="d: ", query_prompt="q: ", dtype="float32")
    np.testing.assert_allclose(stock.embed_documents(TEXTS), ours.embed_documents(TEXTS), atol=1e-5)
    np.testing.assert_allclose(stock.embed_query("선박"), ours.embed_query("선박"), atol=1e-5)
    assert stock.count_document_tokens(TEXTS) == ours.count_document_tokens(TEXTS)
    assert stock.count_document_tokens([]) == []


def test_its_identity_is_not_that_of_ours(tiny_checkpoint):
    stock, ours = StockHuggingFaceEmbeddings(tiny_checkpoint).identity, TransformerEmbeddings(tiny_checkpoint).identity
    assert stock.provider != ours.provider
    assert stock.revision == ours.revision


def test_it_is_made_from_the_configuration(tiny_checkpoint, tmp_path):
    (tmp_path / "config.yaml").write_text(f"embeddings: {{stock: {{provider: huggingface, model: {tiny_checkpoint}}}}}")
    assert isinstance(make_embeddings(load_settings(tmp_path / "config.yaml"), "stock"), StockHuggingFaceEmbeddings)
