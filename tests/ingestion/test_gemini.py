"""An ingest through Gemini that is cut off, goes on, and pays for nothing twice."""

from __future__ import annotations

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import ConfigurationError, ServiceError
from rag_pipeline.ingestion import IngestReport
from rag_pipeline.ingestion.dry_run import dry_run
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import open_searcher
from rag_pipeline.testing import gemini_faults as faults

pytestmark = pytest.mark.slow

FILES = 10
CHUNKS = 10 * FILES


@pytest.fixture
def settings(tmp_path, monkeypatch, gemini, request):
    """Files of ten chunks each, one text a request."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    for number in range(getattr(request, "param", FILES)):
        sections = "".join(f"## Section {number}.{part}\n\nBody {number}.{part}.\n\n" for part in range(10))
        (tmp_path / "docs" / f"{number:03}.md").write_text(f"# File {number}\n\n{sections}", "utf-8")
    (tmp_path / "config.yaml").write_text(
        "collections: {docs: {folder: docs, embedding: gemini}}\n"
        "embeddings:\n"
        "  gemini: {provider: gemini, dimension: 256, batch_size: 1, attempts: 2, price_per_million_tokens: 2.0}\n",
        "utf-8",
    )
    return load_settings("config.yaml")


@pytest.fixture
def target(settings):
    return IngestTarget("docs", [settings.base_dir / "docs"], "gemini")


@pytest.mark.parametrize("settings", [30], indirect=True)
@pytest.mark.slow
def test_an_ingest_that_dies_at_request_210_of_300_asks_only_for_the_rest(settings, target, gemini):
    gemini.expect(faults.status(429, quota="RequestsPerDayPerProject", times=None, after=210))
    report = IngestReport("docs", "gemini")
    with pytest.raises(ServiceError, match="quota per day is used up"):
        ingest(settings, target, report=report)
    assert report.chunks_written == report.chunks_total == 210
    assert report.new >= 20
    gemini.forget()
    again = ingest(settings, target)
    assert len(gemini.requests) == 90
    assert (again.chunks_written, again.chunks_total, again.failures) == (90, 300, [])
    assert report.new + again.new == 30
    gemini.forget()
    assert ingest(settings, target).unchanged == 30
    assert gemini.requests == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.status(403, "revoked", times=None, after=70), "refused the API key.*revoked"),
        (faults.cut(times=None, after=70), "cannot be reached"),
        (faults.status(503, times=None, after=70), "answered 503"),
    ],
    ids=["key revoked", "network", "service down"],
)
def test_whatever_ends_an_ingest_what_was_embedded_is_kept(settings, target, gemini, fault, said):
    gemini.expect(fault)
    with pytest.raises(ServiceError, match=said):
        ingest(settings, target)
    gemini.forget()
    again = ingest(settings, target)
    assert len(gemini.requests) == again.chunks_written == CHUNKS - 70
    best = open_searcher(settings, "docs").search("File 9 > Section 9.9 Body 9.9.", 1)[0]
    assert best.section == "Section 9.9"


def test_titles_go_where_the_model_wants_them(settings, target, gemini):
    ingest(settings, target)
    assert "title: File 7 > Section 7.3 | text: Body 7.3." in gemini.embedded()


def test_a_file_with_a_text_that_is_refused_fails_alone(settings, target, gemini):
    gemini.expect(faults.status(400, "too long", when=lambda body: "Body 8.5." in str(body), times=None))
    report = ingest(settings, target)
    ((source, reason),) = [(failure.source, failure.reason) for failure in report.failures]
    assert source == "008.md"
    assert "Section 8.5" in reason
    assert "too long" in reason
    assert (report.new, report.chunks_total) == (FILES - 1, CHUNKS - 10)
    gemini.forget()
    mended = ingest(settings, target)
    assert (mended.new, mended.unchanged, len(gemini.requests)) == (1, FILES - 1, 10)


def test_the_old_chunks_of_a_file_that_is_refused_stay(settings, target, gemini):
    ingest(settings, target)
    changed = settings.base_dir / "docs" / "008.md"
    changed.write_text("# File 8\n\n## New\n\nGood.\n\n## Newer\n\nBad.\n", "utf-8")
    gemini.expect(faults.status(400, "too long", when=lambda body: "Bad." in str(body), times=None))
    report = ingest(settings, target)
    assert [failure.source for failure in report.failures] == ["008.md"]
    assert report.chunks_total == CHUNKS
    gemini.forget()
    report = ingest(settings, target)
    assert (report.updated, report.chunks_total) == (1, CHUNKS - 8)


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(settings, target, gemini, monkeypatch):
    monkeypatch.delenv("GOOGLE_API_KEY")
    planned = dry_run(settings, target)
    assert planned.outgoing.texts == CHUNKS
    assert planned.outgoing.cost == pytest.approx(planned.outgoing.tokens * 2 / 1_000_000)
    assert (
        f"{CHUNKS} texts of about {planned.outgoing.tokens:,} tokens would be sent, at a cost of" in planned.summary()
    )
    assert planned.as_dict()["outgoing"]["texts"] == CHUNKS
    assert gemini.requests == []
    assert not (settings.base_dir / "chroma_db").exists()


def test_a_dry_run_counts_only_what_is_missing(settings, target, gemini):
    gemini.expect(faults.status(403, times=None, after=70))
    with pytest.raises(ServiceError):
        ingest(settings, target)
    assert dry_run(settings, target).outgoing.texts == CHUNKS - 70


def test_without_a_key_no_store_is_made(settings, target, monkeypatch):
    monkeypatch.delenv("GOOGLE_API_KEY")
    with pytest.raises(ConfigurationError, match="no Gemini API key"):
        ingest(settings, target)
    assert not (settings.base_dir / "chroma_db").exists()


def test_a_collection_that_stayed_empty_is_no_obstacle_to_another_embedding(settings, target, gemini, monkeypatch):
    gemini.expect(faults.status(403, times=None))
    with pytest.raises(ServiceError):
        ingest(settings, target)
    gemini.forget()
    monkeypatch.setenv("RAG_PIPELINE_EMBEDDINGS__GEMINI__DIMENSION", "128")
    assert ingest(load_settings("config.yaml"), target).chunks_total == CHUNKS
