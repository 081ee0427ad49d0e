from __future__ import annotations

import pytest

from rag_pipeline.errors import UsageError
from rag_pipeline.store.names import check_collection_name, is_reserved


@pytest.mark.parametrize(
    "name", ["docs.rag-rebuild", "docs.rag-retired", "rag-pipeline-writer", "rag-pipeline-writer.1"]
)
def test_names_of_ours_are_no_names_of_users(name):
    assert is_reserved(name)
    with pytest.raises(UsageError, match="cannot name a collection"):
        check_collection_name(name)


@pytest.mark.parametrize("name", ["docs", "a.b-c_d", "rag-rebuild", "my-rag-pipeline-writer"])
def test_other_names_are_free(name):
    assert not is_reserved(name)
    check_collection_name(name)


@pytest.mark.parametrize("name", ["ab", "-docs", "docs-", "a b c", "docs\n", "한국어", 5, None, ""])
def test_what_cannot_name_a_collection_is_refused(name):
    with pytest.raises(UsageError, match=r"choose another name$"):
        check_collection_name(name)
    with pytest.raises(UsageError, match=r"choose another name with --collection$"):
        check_collection_name(name, "--collection")
