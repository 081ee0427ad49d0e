"""An ingest, another one, and questions, all at once, in processes of their own."""

from __future__ import annotations

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import StoreLockedError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import Searcher
from rag_pipeline.store import Store
from rag_pipeline.testing import HashEmbeddings
from tests.ingestion.test_killed import make_documents, start, unbroken
from tests.ingestion.test_sync import contents

pytestmark = pytest.mark.slow


@pytest.fixture
def workplace(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    make_documents(tmp_path / "docs", "첫")
    return tmp_path


@pytest.mark.slow
def test_questions_and_a_second_ingest_during_an_ingest_do_no_harm(workplace):
    settings = load_settings(workplace / "config.yaml")
    target = IngestTarget("docs", [workplace / "docs"], "bundled")
    before = ingest(settings, target, embeddings=HashEmbeddings()).chunks_total
    make_documents(workplace / "docs", "둘째")
    process = start(workplace, "slowly")
    assert process.stdout.readline() == "started\n"
    asked = refused = 0
    while process.poll() is None:
        store = Store(settings.resolve_path("chroma_db"))
        collection = store.get("docs")
        passages = Searcher(collection, HashEmbeddings()).search("문서 7의 3번째 글", 5)
        writing = collection.count > before
        store.close()
        assert passages
        assert [passage for passage in passages if "글" not in passage.text or not passage.source] == []
        asked += 1
        if writing and not refused:  # the other one has the lock
            with pytest.raises(StoreLockedError):
                ingest(settings, target, embeddings=HashEmbeddings())
            refused += 1
    assert process.communicate()[0].endswith("done\n")
    assert asked > 0
    assert refused > 0
    ingest(settings, target, embeddings=HashEmbeddings())
    assert contents(settings) == unbroken(workplace)
