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
    assert fingerprint(chunk_tokens=127, max_tokens=None).values["chunk_tokens"] == 127
    assert fingerprint(max_tokens=None).values["chunk_tokens"] is None


def test_fields_of_json_records_are_a_difference_and_are_not_said_where_the_configuration_does_not():
    identity = HashEmbeddings().identity.as_dict()
    named = Fingerprint.of(identity, None, 1, "title, text")
    assert named.differences(fingerprint()) == [("json_fields", "title, text", None)]
    assert fingerprint().differences(named) == [("json_fields", None, "title, text")]
    assert "json_fields" not in fingerprint().values


def test_differences_come_in_the_order_in_which_they_tell_most():
    other = fingerprint(version=2, pooling="cls", dimension=8, revision="2", model="other", provider="other")
    names = [name for name, *_ in fingerprint().differences(other)]
    assert names == ["provider", "model", "revision", "dimension", "pooling", "chunking_version"]


def test_models_without_a_hash_of_their_content_are_told_apart_by_name():
    one = fingerprint(model="a", revision="1")
    assert [name for name, *_ in one.differences(fingerprint(model="b", revision="1"))] == ["model"]
    assert [name for name, *_ in one.differences(fingerprint(model="b", revision="sha256:1"))] == ["model", "revision"]


def test_both_sides_are_put_in_words_without_hashes_where_names_tell():
    one, other = fingerprint(model="a", revision="sha256:1"), fingerprint(model="b", revision="sha256:2", pooling="cls")
    assert describe_differences(one.differences(other)) == ("model 'a', pooling 'sum'", "model 'b', pooling 'cls'")
    same_name = fingerprint(model="a", revision="sha256:2")
    assert describe_differences(one.differences(same_name)) == ("revision 'sha256:1'", "revision 'sha256:2'")


def test_the_dimension_is_a_whole_number_and_json_is_sorted_and_readable():
    assert fingerprint(dimension=8).dimension == 8
    made = fingerprint(model="모델").to_json()
    assert "모델" in made
    assert list(Fingerprint.from_json(made).values) == sorted(Fingerprint.from_json(made).values)


def test_a_fingerprint_is_spread_over_as_many_keys_as_short_values_need():
    long = Fingerprint({"provider": "mean_pooling", "model": "모델 " * 200, "dimension": 4})
    entries = long.to_metadata(250)
    assert list(entries)[:3] == [f"rag_pipeline:fingerprint{part}" for part in ("", ":1", ":2")]
    assert all(len(value.encode()) <= 250 for value in entries.values())
    assert Fingerprint.from_metadata({**entries, "other": 1}) == long
    assert Fingerprint.from_metadata(long.to_metadata()) == long
    assert Fingerprint.from_metadata({"other": 1}) is None
    assert Fingerprint.from_metadata(None) is None
