"""A collection asked with other vectors, and the text that comes along."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

from rag_pipeline.assembly import open_store
from rag_pipeline.evaluation.questions import language_of
from rag_pipeline.text import normalized
from rag_pipeline.training.judging import WithVectors

ROWS = [
    json.loads(line)
    for line in files("rag_pipeline.training").joinpath("other_text.jsonl").read_text("utf-8").splitlines()
]


def test_the_text_that_comes_along_is_as_much_korean_as_english_and_asks_across():
    counts = {"ko": 0, "en": 0}
    for row in ROWS:
        counts[row["language"]] += 1
    assert counts == {"ko": 70, "en": 70}
    asked = [(question["language"], row["language"]) for row in ROWS for question in row["questions"]]
    assert {pair: asked.count(pair) for pair in set(asked)} == {
        ("ko", "ko"): 70,
        ("en", "en"): 70,
        ("ko", "en"): 35,
        ("en", "ko"): 35,
    }


def test_its_passages_and_questions_are_whole_and_no_two_are_the_same():
    texts = [row["text"] for row in ROWS]
    questions = [question["text"] for row in ROWS for question in row["questions"]]
    assert len(set(texts)) == len({row["id"] for row in ROWS}) == 140
    assert len(set(questions)) == len(questions) == 210
    assert all(language_of(row["text"]) == row["language"] for row in ROWS)
    assert all(text == normalized("NFC", text).strip() for text in (*texts, *questions))


@pytest.mark.slow
def test_a_collection_with_other_vectors_keeps_its_words_and_is_not_written_to(settings):
    store = open_store(settings)
    collection = store.get("docs")
    ids = sorted(collection.ids())
    before = collection.vectors_of(ids)
    turned = np.roll(np.stack([before[chunk_id] for chunk_id in ids]), 1, axis=0)
    other = WithVectors(collection, ids, turned)
    # The vector of the last one is now that of the first.
    [(found, score)] = other.nearest(before[ids[-1]], 1).items()
    assert (found, round(score, 4)) == (ids[0], 1.0)
    assert np.array_equal(other.vectors_of(ids[:1])[ids[0]], before[ids[-1]])
    vectors, texts = other.sample(10)
    assert (vectors.shape, len(texts)) == ((10, 32), 10)
    assert other.rows_of(ids[:2]) == collection.rows_of(ids[:2])
    after = collection.vectors_of(ids)
    assert all(np.array_equal(before[chunk_id], after[chunk_id]) for chunk_id in ids)
    store.close()
