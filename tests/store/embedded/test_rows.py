"""Rows read past Chroma are those that Chroma gives."""

from __future__ import annotations

import chromadb
import pytest

from rag_pipeline.errors import StoreError
from rag_pipeline.store.embedded.rows import RowsAlone
from tests.store.test_store import vectors

METADATAS = [
    {"kind": "bulk", "year": 2020, "draft": 1.5, "fast": True},
    {"kind": "tanker", "year": 2021, "tags": ["steel", "강철"]},
    {"kind": "bulk", "year": 2022, "fast": False, "numbers": [3, 1, 2]},
    None,
    {"kind": "ferry", "draft": 2.0, "ratios": [0.5, 0.25]},
]


@pytest.fixture
def both(tmp_path):
    client = chromadb.PersistentClient(str(tmp_path))
    chroma = client.create_collection("docs", embedding_function=None, configuration={"hnsw": {"space": "ip"}})
    texts = ["하나", "둘", None, "넷", ""]
    ids = [f"id-{number}" for number in range(5)]
    chroma.add(ids=ids[::-1], embeddings=vectors(5), documents=texts, metadatas=METADATAS)
    yield chroma, RowsAlone(tmp_path, chroma, "it is damaged")
    client.close()


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"limit": 2},
        {"limit": 2, "offset": 2},
        {"offset": 4, "limit": 5},
        {"ids": ["id-3", "id-0", "none"]},
        {"ids": ["id-3", "id-4"], "where": {"kind": "bulk"}},
        {"where": {"kind": "bulk"}},
        {"where": {"$and": [{"kind": "bulk"}, {"year": {"$gte": 2021}}]}},
        {"where": {"kind": "bulk"}, "limit": 1, "offset": 1},
        {"where": {"tags": {"$contains": "steel"}}},
        {"include": ["metadatas"]},
        {"include": []},
    ],
)
def test_what_is_asked_for_is_what_chroma_gives(both, asked):
    chroma, rows = both
    asked = {"include": ["documents", "metadatas"], **asked}
    expected, found = chroma.get(**asked), rows.get(**asked)
    assert {key: found[key] for key in ("ids", "documents", "metadatas")} == {
        key: expected[key] for key in ("ids", "documents", "metadatas")
    }
    assert rows.count() == chroma.count() == 5
    assert (rows.id, rows.name, rows.metadata) == (chroma.id, chroma.name, chroma.metadata)


def test_vectors_and_writes_are_refused(both):
    _, rows = both
    for call in (lambda: rows.get(include=["embeddings"]), rows.query, rows.upsert, lambda: rows.delete(ids=["id-1"])):
        with pytest.raises(StoreError, match="it is damaged"):
            call()
    with pytest.raises(AttributeError):
        _ = rows.peek
