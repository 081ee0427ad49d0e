from __future__ import annotations

import pytest

from rag_pipeline.errors import UsageError
from rag_pipeline.ingestion.targets import IngestTarget


@pytest.mark.parametrize("name", ["md", "-docs", "문서", "docs.rag-rebuild", ""])
def test_what_cannot_name_a_collection_is_refused_before_a_folder_is_looked_at(name, tmp_path):
    with pytest.raises(UsageError, match="cannot name a collection"):
        IngestTarget(name, [tmp_path])
