from __future__ import annotations

import pytest

from rag_pipeline.store.fingerprint import Fingerprint, describe_differences
from rag_pipeline.testing import HashEmbeddings


def fingerprint(chunk_tokens=None, version=1, **changes):
    return Fingerprint.of({**HashEmbeddings().identity.as_dict(), **changes}, chunk_tokens, version)


def test_it_survives_being_written_down():
    original = fingerprint(query_prompt="질문: ")
    assert Fingerprint.from_json(original.to_json()) == original
    assert "\n" not in original.to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "other"},
        {"model": "other"},
        {"revision": "2"},
        {"dimension": 8},
        {"pooling": "cls"},
        {"normalize": False},
        {"query_prompt": "q"},
        {"document_prompt": "d"},
        {"max_tokens": 5},
        {"chunk_tokens": 20},
        {"version": 2},
    ],
)
def test_whatever_changes_a_vector_or_a_chunk_is_a_difference(change):
    differences = fingerprint().differences(fingerprint(**change))
    assert len(differences) == 1
    assert fingerprint().differences(fingerprint()) == []


def test_a_checkpoint_of_the_same_content_is_the_same_under_any_name():
    one = fingerprint(model="owner/name", revision="sha256:ab")
    assert one.differences(fingerprint(model="copy", revision="sha256:ab")) == []
    assert [name for name, *_ in one.differences(fingerprint(model="owner/name", revision="sha256:cd"))] == ["revision"]


def test_a_chunk_limit_above_the_model_own_changes_nothing():
    assert fingerprint(chunk_tokens=128).differences(fingerprint()) == []
    assert fingerprint(chunk_tokens=127).differences(fingerprint()) != []


def test_both_sides_are_put_in_words_without_hashes_where_names_tell():
    one, other = fingerprint(model="a", revision="sha256:1"), fingerprint(model="b", revision="sha256:2", pooling="cls")
    assert describe_differences(one.differences(other)) == ("model 'a', pooling 'sum'", "model 'b', pooling 'cls'")


def test_a_fingerprint_is_spread_over_as_many_keys_as_short_values_need():
    long = Fingerprint({"provider": "mean_pooling", "model": "모델 " * 200, "dimension": 4})
    entries = long.to_metadata(250)
    assert len(entries) > 2
    assert all(len(value.encode()) <= 250 for value in entries.values())
    assert Fingerprint.from_metadata({**entries, "other": 1}) == long
    assert Fingerprint.from_metadata(long.to_metadata()) == long
    assert Fingerprint.from_metadata({"other": 1}) is None
    assert Fingerprint.from_metadata(None) is None
