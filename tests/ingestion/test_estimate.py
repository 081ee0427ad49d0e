from __future__ import annotations

from pathlib import Path

from rag_pipeline.ingestion.estimate import WorkEstimate
from rag_pipeline.ingestion.plan import PlannedFile
from rag_pipeline.store.records import FileKey


def planned(name, size):
    return PlannedFile(FileKey("docs", name), Path(name), True, size)


def done(work, file, tokens):
    work.embedded(file, tokens)
    work.finished(file, tokens)


def test_nothing_is_said_before_something_is_done():
    assert WorkEstimate([planned("a.md", 4000)]).share() is None
    assert WorkEstimate([]).share() is None


def test_a_large_picture_book_is_not_taken_for_hours_of_text():
    """A short text and 100 MB of PDF with few words: by bytes alone the rest would take 25,000 times as long."""
    text, pictures = planned("a.md", 4000), [planned(f"{number}.pdf", 10_000_000) for number in range(10)]
    work = WorkEstimate([text, *pictures])
    done(work, text, 1000)
    assert work.share() is None, "nothing is known of these PDFs yet"
    done(work, pictures[0], 500)
    share = work.share()
    assert share is not None
    # 1,500 tokens are done, and by what the first one held 9 * 500 are left; what was supposed before makes it more.
    assert 1500 / (1500 + 9 * 750) < share < 1500 / (1500 + 9 * 500)


def test_what_is_under_way_counts():
    large = planned("a.txt", 40_000)
    work = WorkEstimate([large])
    work.embedded(large, 5_000)
    assert work.share() == 0.5
    work.embedded(large, 5_000)
    work.finished(large, 10_000)
    assert work.share() == 1.0


def test_a_file_with_more_text_than_was_supposed_does_not_go_beyond_the_whole():
    large = planned("a.pdf", 1500)
    work = WorkEstimate([large, planned("b.pdf", 1500)])
    work.embedded(large, 100_000)
    share = work.share()
    assert share is not None
    assert share <= 1.0


def test_a_file_that_failed_leaves_nothing_to_wait_for():
    good, bad = planned("a.md", 4000), planned("b.md", 4000)
    work = WorkEstimate([good, bad])
    done(work, good, 1000)
    work.finished(bad, 0)
    assert work.share() == 1.0
