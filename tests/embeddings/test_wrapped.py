from __future__ import annotations

import pytest
from langchain_core.embeddings import Embeddings

from rag_pipeline.embeddings.wrapped import as_pipeline_embeddings
from rag_pipeline.errors import EmbeddingError


class Theirs(Embeddings):
    """Gives, or raises, what a test says."""

    def __init__(self, given):
        self.given = given

    def embed_documents(self, texts):
        if isinstance(self.given, Exception):
            raise self.given
        return [self.given for _ in texts] if texts != ["long", "short"] else [[1.0, 2.0], [1.0]]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


async def test_whatever_it_raises_is_an_error_in_one_line():
    embeddings = as_pipeline_embeddings(Theirs(OSError("no\n\nroute")))
    for call in (
        lambda: embeddings.embed_query("a"),
        lambda: embeddings.embed_documents(["a"]),
        lambda: embeddings.identity,
    ):
        with pytest.raises(EmbeddingError, match=r"Theirs failed: OSError: no route$") as failure:
            call()
        assert failure.value.__cause__ is failure.value.__context__ is None
    with pytest.raises(EmbeddingError, match="Theirs failed"):
        await embeddings.aembed_query("a")
    with pytest.raises(EmbeddingError, match="Theirs failed"):
        await embeddings.aembed_documents(["a"])


@pytest.mark.parametrize("given", [None, 5, "abc", [], [float("nan")], [["a"]], [None]])
def test_what_is_no_vector_is_refused(given):
    with pytest.raises(EmbeddingError, match="not 1 rows of finite numbers"):
        as_pipeline_embeddings(Theirs(given)).embed_query("a")


def test_rows_of_different_length_are_refused():
    with pytest.raises(EmbeddingError, match="not 2 rows of finite numbers"):
        as_pipeline_embeddings(Theirs([1.0])).embed_documents(["long", "short"])
