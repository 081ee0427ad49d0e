"""Collections that plain LangChain made, taken over by the command; the real bundled model and a real Chroma."""

from __future__ import annotations

import json

import chromadb
import numpy as np
import pytest
from langchain_chroma import Chroma

from rag_pipeline import Pipeline, TransformerEmbeddings
from rag_pipeline.cli import run

pytestmark = pytest.mark.slow

TEXTS = [f"{thing} 은(는) 항구 {number}에 있다. A {thing} is found in harbour {number}." for number, thing in
         enumerate(["tug", "buoy", "lock", "quay", "crane", "pilot boat", "ferry", "lighthouse"])]  # fmt: skip


class Stock(TransformerEmbeddings):
    """As LangChain's HuggingFaceEmbeddings gives them: lengths are not one."""

    def embed_documents(self, texts):
        return (np.asarray(super().embed_documents(texts)) * 3).tolist()


@pytest.fixture
def place(tmp_path, bundled_folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(
        f"embeddings:\n  plain: {{provider: mean_pooling, model: {json.dumps(str(bundled_folder))}}}\n"
        f"  prompted: {{provider: mean_pooling, model: {json.dumps(str(bundled_folder))},"
        " document_prompt: 'Represent this drawing: '}\n"
        "  gemini: {provider: gemini, model: gemini-embedding-001, dimension: 384}\n"
    )
    return tmp_path


def make(folder, embeddings, texts=TEXTS, name="theirs"):
    store = Chroma(name, embeddings, persist_directory=str(folder))  # Chroma's own default space: l2
    metadatas = [{"source": f"/data/{number}.txt", "page": number} for number in range(len(texts))]
    store.add_texts(texts, metadatas, ids=[f"id-{number}" for number in range(len(texts))])
    store._client.close()


@pytest.fixture
def theirs(place, bundled_folder):
    make(place / "chroma_db", Stock(bundled_folder))
    return place


def adopt(capsys, *arguments):
    code = run("adopt", list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_an_adopted_collection_is_asked_like_any_other(theirs, capsys):
    code, out, _ = adopt(capsys, "theirs", "--embedding", "plain")
    assert code == 0
    assert out.startswith("theirs-adopted: 8 chunks, made with plain (in a sample of 8, the lowest cosine is 1.0000)")
    with Pipeline("config.yaml", collection="theirs-adopted") as pipeline:
        for mode in ("dense", "lexical", "hybrid"):
            best = pipeline.retrieve("lighthouse in harbour 7", mode=mode)[0]
            assert (best.id, best.text, best.source, best.place) == ("id-7", TEXTS[7], "/data/7.txt", "page 7")
        assert pipeline.retrieve(TEXTS[7], mode="dense")[0].score == pytest.approx(1, abs=1e-3)
    assert run("verify", ["--collection", "theirs-adopted"]) == 0
    assert "whole; 8 chunks, 8 of them of no file" in capsys.readouterr().out
    client = chromadb.PersistentClient(str(theirs / "chroma_db"))
    assert client.get_collection("theirs", embedding_function=None).count() == 8
    client.close()


def test_it_may_take_the_place_of_the_old_one(theirs, capsys):
    assert adopt(capsys, "theirs", "--embedding", "plain", "--replace")[0] == 0
    with Pipeline("config.yaml", collection="theirs") as pipeline:
        assert pipeline.retrieve("lighthouse in harbour 7")[0].id == "id-7"
    assert run("status", []) == 0
    assert "theirs-adopted" not in capsys.readouterr().out


def test_it_may_lie_in_another_folder(place, bundled_folder, capsys):
    make(place / "elsewhere", Stock(bundled_folder))
    code, out, _ = adopt(capsys, "theirs", "--embedding", "plain", "--from", "elsewhere", "--as", "ours", "--json")
    assert code == 0
    assert json.loads(out) == {
        "collection": "ours",
        "embedding": "plain",
        "chunks": 8,
        "sampled": 8,
        "lowest_cosine": pytest.approx(1, abs=1e-3),
    }


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["theirs", "--embedding", "prompted"], 3, r"the cosine of stored and new vectors goes down to 0\.\d+ .*'Repr"),
        (["other", "--embedding", "plain"], 2, "unknown collection 'other' .*; known: theirs"),
        (["theirs", "--embedding", "nosuch"], 2, "nosuch"),
        (["theirs", "--embedding", "plain", "--as", "theirs"], 2, "'theirs' is there already.*--as"),
        (
            ["theirs", "--embedding", "plain", "--as", "x"],
            2,
            "'x' cannot name a collection.*choose another name with --as",
        ),
        (["theirs", "--embedding", "plain", "--replace", "--as", "mine"], 2, "--replace goes with neither"),
        (["theirs", "--embedding", "plain", "--from", "nowhere"], 2, "unknown collection 'theirs' in .*nowhere"),
        (["theirs", "--embedding", "plain", "--from", "nowhere"], 2, "holds no Chroma store"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(theirs, capsys, arguments, code, message):
    found, _, err = adopt(capsys, *arguments)
    assert found == code
    line = " ".join(err.split())
    import re

    assert re.search(message, line), line
    client = chromadb.PersistentClient(str(theirs / "chroma_db"))
    assert [collection.name for collection in client.list_collections()] == ["theirs"]
    client.close()


def test_another_dimension_is_named(place, capsys, gemini):
    class Short(TransformerEmbeddings):
        def embed_documents(self, texts):
            return [vector[:100] for vector in super().embed_documents(texts)]

    from rag_pipeline.embeddings.bundled import embeddings as bundled

    make(place / "chroma_db", Short(bundled.unpack_bundled_checkpoint(place / "cache")))
    code, _, err = adopt(capsys, "theirs", "--embedding", "plain")
    assert code == 3
    assert "vectors of dimension 100, and the embedding gives 384" in " ".join(err.split())


def test_vectors_without_texts_and_empty_collections_are_refused(place, bundled_folder, capsys):
    client = chromadb.PersistentClient(str(place / "chroma_db"))
    client.create_collection("bare", embedding_function=None).add(ids=["a"], embeddings=[[1.0] * 384])
    client.create_collection("empty", embedding_function=None)
    client.close()
    assert "without their texts" in adopt(capsys, "bare", "--embedding", "plain")[2]
    assert "is empty" in adopt(capsys, "empty", "--embedding", "plain")[2]


def test_a_collection_of_mixed_vectors_is_refused_wherever_the_foreign_ones_lie(place, bundled_folder, capsys):
    """Twice the sample less one: the last third was never looked at when steps were whole numbers."""
    texts = [f"{text} ({number})" for number in range(8) for text in TEXTS][:63]

    class Mixed(TransformerEmbeddings):
        def embed_documents(self, texts):
            vectors = super().embed_documents(texts)
            return vectors[:42] + [vector[::-1] for vector in vectors[42:]]

    make(place / "chroma_db", Mixed(bundled_folder), texts)
    code, _, err = adopt(capsys, "theirs", "--embedding", "plain")
    assert code == 3
    assert "in a sample of 32" in " ".join(err.split())


def test_a_vector_of_zeros_is_named(place, bundled_folder, capsys):
    class Failed(TransformerEmbeddings):
        def embed_documents(self, texts):
            vectors = super().embed_documents(texts)
            vectors[6] = [0.0] * len(vectors[6])
            return vectors

    make(place / "chroma_db", Failed(bundled_folder))
    code, _, err = adopt(capsys, "theirs", "--embedding", "plain")
    assert code == 3
    assert "holds a vector of zeros, that of 'id-6'" in " ".join(err.split())
