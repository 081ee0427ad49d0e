"""A collection knows the model that made it by the vector of one text, whatever the model calls itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from rag_pipeline import Pipeline, PipelineVectorStore, TransformerEmbeddings, probe
from rag_pipeline.config import load_settings
from rag_pipeline.errors import CollectionMismatchError
from rag_pipeline.store import Store
from rag_pipeline.testing import HashEmbeddings


class Turned(HashEmbeddings):
    """Calls itself what HashEmbeddings does, and gives other vectors."""

    def embed_documents(self, texts):
        return np.roll(super().embed_documents(texts), 1, axis=1).tolist()


@pytest.fixture
def folder(project):
    with Pipeline("config.yaml", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest()
    return project


def test_the_model_that_made_it_is_known_again(folder):
    with Pipeline("config.yaml", embeddings=HashEmbeddings()) as pipeline:
        assert pipeline.retrieve("배")
        assert pipeline.ingest().unchanged == 3


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
async def test_another_model_of_the_same_name_is_refused_before_it_finds_anything(folder, mode):
    with Pipeline("config.yaml", embeddings=Turned()) as pipeline:
        with pytest.raises(CollectionMismatchError, match=r"another model than trigrams.*have cosine 0\.\d+"):
            pipeline.retrieve("배", mode=mode)
        with pytest.raises(CollectionMismatchError, match="another model"):
            await pipeline.retriever(mode=mode).ainvoke("배")
        assert pipeline.retrieve("최대 흘수", mode="lexical")


@pytest.mark.slow
def test_another_model_of_the_same_name_writes_nothing(folder):
    (folder / "docs" / "more.md").write_text("# 더\n\n글", "utf-8")
    with Pipeline("config.yaml", embeddings=Turned()) as pipeline:
        with pytest.raises(CollectionMismatchError, match="recreate it"):
            pipeline.ingest()
        assert {passage.source for passage in pipeline.retrieve("글", k=9, mode="lexical")}.isdisjoint({"more.md"})
        pipeline.ingest(rebuild=True)
        assert pipeline.retrieve("글", k=9)


def test_a_vector_store_keeps_and_compares_it_too(project):
    settings = load_settings("config.yaml")
    made = PipelineVectorStore.open(settings, "notes", HashEmbeddings(), create=True)
    made.add_texts(["a tug"])
    assert [found.page_content for found in made.similarity_search("tug")] == ["a tug"]
    made.close()
    other = PipelineVectorStore.open(settings, "notes", Turned())
    with pytest.raises(CollectionMismatchError, match="another model"):
        other.similarity_search("tug")
    with pytest.raises(CollectionMismatchError, match="another model"):
        other.add_texts(["a buoy"])
    other.close()


@pytest.mark.slow
def test_a_collection_without_a_probe_gets_one_from_the_next_writer(folder):
    def kept():
        store = Store(Path("chroma_db").resolve())
        try:
            return store.get("docs").probe
        finally:
            store.close()

    first = kept()
    assert first is not None
    store = Store(Path("chroma_db").resolve())
    with store._changing() as opened:
        chroma = opened.client.get_collection("docs", embedding_function=None)
        chroma.modify(metadata={key: value for key, value in chroma.metadata.items() if key != "rag_pipeline:probe"})
    store.close()
    assert kept() is None
    with Pipeline("config.yaml", embeddings=HashEmbeddings()) as pipeline:
        assert pipeline.retrieve("배")
        pipeline.ingest()
        assert kept() is None  # nothing was embedded
        (folder / "docs" / "more.md").write_text("# 더\n\n글", "utf-8")
        pipeline.ingest()
    assert kept() == first


@pytest.mark.slow
def test_weights_changed_where_nobody_hashes_are_noticed(project, tiny_checkpoint, monkeypatch):
    copy = shutil.copytree(tiny_checkpoint, project / "model")
    config = (project / "config.yaml").read_text("utf-8")
    (project / "config.yaml").write_text(config.replace(str(tiny_checkpoint), str(copy)), "utf-8")
    # The whole weights of so small a model are hashed; of a real one the middle of each tensor is not.
    monkeypatch.setattr("rag_pipeline.embeddings.local.checkpoint.sample", lambda _file: iter([b""]))
    with Pipeline("config.yaml") as pipeline:
        pipeline.ingest()
    tensors = load_file(copy / "model.safetensors")
    save_file({name: tensor.roll(1, 0) for name, tensor in tensors.items()}, copy / "model.safetensors")
    assert isinstance(TransformerEmbeddings(copy).identity.revision, str)
    with Pipeline("config.yaml") as pipeline, pytest.raises(CollectionMismatchError, match="another model than model"):
        pipeline.retrieve("배")


def test_a_kept_vector_keeps_its_direction():
    chosen = np.random.default_rng(3)
    for dimension in (8, 384, 3072):
        vector = chosen.normal(size=dimension).astype(np.float32)
        vector /= np.linalg.norm(vector)
        text = probe._written(vector)
        assert len(text) <= 4 * dimension / 3 + 4
        assert float(probe._read(text) @ vector) > 0.999
