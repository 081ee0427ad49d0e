"""The one writer of a sync, fed by hand, on a real collection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag_pipeline.embeddings.base import DocumentText
from rag_pipeline.ingestion import writing
from rag_pipeline.ingestion.plan import Plan, PlannedFile
from rag_pipeline.ingestion.report import Failure, IngestReport, Progress
from rag_pipeline.ingestion.writing import ChunkInProgress, ChunkWriter
from rag_pipeline.store import ChunkRecord, Fingerprint, Store
from rag_pipeline.store.records import FileKey, FileVersion
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def collection(tmp_path):
    store = Store(tmp_path / "store")
    with store.writer():
        yield store.create("docs", Fingerprint.of(HashEmbeddings(dimension=8).identity.as_dict(), None, 1), "hash")
    store.close()


def unit(count, seed=0):
    made = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return list(made / np.linalg.norm(made, axis=1, keepdims=True))


def planned(source="a.md", *, is_new=True, size=10, renamed_from=None):
    return PlannedFile(FileKey("docs", source), Path(source), is_new, size, renamed_from=renamed_from)


def record(file, index, count, sha="now", text="글", section="", text_sha256=""):
    return ChunkRecord(FileVersion(file.key, sha), index, count, text, "T", section, text_sha256 or f"{text}{index}")


class Work:
    """A writer, and what came of it."""

    def __init__(self, collection, *pending):
        self.report = IngestReport("docs", "hash")
        self.told: list[Progress] = []
        self.collection = collection
        self.pending = pending
        self.writer = ChunkWriter(
            collection, self.report, collection.stored_files(), Plan(pending=list(pending)), self.told.append
        )

    def open(self, file, count, sha="now", **more):
        opened = self.writer.open(file, FileVersion(file.key, sha), count)
        return [
            ChunkInProgress(opened, record(file, index, count, sha, **more), DocumentText("글", tokens=5))
            for index in range(count)
        ]

    @property
    def counts(self):
        return self.report.new, self.report.updated, self.report.renamed, len(self.report.failures)


def test_a_file_counts_when_its_last_chunk_is_written_in_whatever_order(collection):
    one, other = planned("a.md"), planned("b.md", is_new=False, size=30)
    work = Work(collection, one, other)
    first, second = work.open(one, 2), work.open(other, 1)
    work.writer.store([first[1]], unit(1), seconds=0.5)
    assert work.counts == (0, 0, 0, 0)
    work.writer.store([second[0], first[0]], unit(2, seed=1), seconds=0.25)
    assert work.counts == (1, 1, 0, 0)
    assert (work.report.chunks_written, work.report.chunks_removed, work.report.tokens) == (3, 0, 15)
    shares = [told.share for told in work.told]
    assert [replace(told, share=None) for told in work.told] == [
        Progress(0, 2, 0, 40, 1, 5, 0.5),
        Progress(2, 2, 40, 40, 3, 15, 0.75),
    ]
    assert shares[0] is not None
    assert 0 < shares[0] < shares[1] == 1
    assert collection.count == 3


def test_the_chunks_before_go_only_when_the_new_ones_are_all_there(collection):
    file = planned(is_new=False)
    collection.write([record(file, index, 3, "before") for index in range(3)], unit(3))
    work = Work(collection, file)
    chunks = work.open(file, 2)
    work.writer.store(chunks[:1], unit(1))
    assert (collection.count, work.report.chunks_removed) == (4, 0)
    work.writer.store(chunks[1:], unit(1))
    assert collection.ids() == {chunk.record.id for chunk in chunks}
    assert (work.report.chunks_removed, work.counts) == (3, (0, 1, 0, 0))


def test_a_file_goes_on_with_the_chunks_that_an_earlier_run_has_written(collection):
    file = planned()
    collection.write([record(file, 0, 2)], unit(1))
    work = Work(collection, file)
    chunks = work.open(file, 2)
    assert chunks[0].file.missing == {1}
    work.writer.store(chunks[1:], unit(1))
    assert (work.counts, work.report.chunks_written) == ((1, 0, 0, 0), 1)


def test_a_file_whose_chunks_are_all_there_counts_at_once_and_so_does_one_without_any(collection):
    file, empty = planned(), planned("empty.md", renamed_from=FileKey("docs", "old.md"))
    collection.write([record(file, 0, 1), record(file, 0, 1, "before")], unit(2))
    work = Work(collection, file, empty)
    work.open(file, 1)
    work.open(empty, 0)
    assert work.counts == (1, 0, 1, 0)
    assert work.writer.renamed == {FileKey("docs", "old.md")}
    assert collection.ids() == {record(file, 0, 1).id}


def test_a_refused_chunk_costs_its_file_with_what_was_written_of_it_and_keeps_what_was_there(collection):
    file, other = planned(is_new=False), planned("b.md", size=30)
    old = record(file, 0, 1, "before")
    collection.write([old, record(file, 0, 4)], unit(2))
    work = Work(collection, file, other)
    chunks = work.open(file, 4, section="제원")
    (whole,) = work.open(other, 1)
    work.writer.store([], [], refused=[(chunks[1], "too long")])
    assert collection.ids() == {old.id}
    work.writer.store([chunks[2], whole], unit(2), refused=[(chunks[3], "another reason")])
    assert collection.ids() == {old.id, whole.record.id}
    assert work.report.failures == [Failure("a.md", "section '제원': too long")]
    assert (work.counts, work.report.chunks_written, work.report.chunks_removed) == ((1, 0, 0, 1), 1, 1)
    assert work.told[-1].files_done == 2


def test_a_chunk_that_the_store_cannot_keep_fails_its_file_too(collection, monkeypatch):
    file = planned()
    monkeypatch.setattr(type(collection), "rejection_reason", lambda _, text, known: f"{text} of {known['source']}")
    work = Work(collection, file)
    work.writer.store(work.open(file, 1), unit(1))
    assert work.report.failures == [Failure("a.md", "글 of a.md")]
    assert (collection.count, work.report.chunks_written) == (0, 0)


def test_a_file_that_cannot_be_read_is_counted_and_nothing_of_it_goes(collection):
    file = planned(size=7)
    collection.write([record(file, 0, 1, "before")], unit(1))
    work = Work(collection, file)
    work.writer.fail(file, "broken")
    work.writer.remove([])
    assert (work.report.failures, collection.count) == ([Failure("a.md", "broken")], 1)
    (chunk,) = work.open(planned("b.md", size=3), 1)
    work.writer.store([chunk], unit(1))
    assert (work.told[-1].files_done, work.told[-1].bytes_done) == (2, 10)


def test_texts_that_are_stored_are_written_with_their_vectors_again(collection):
    known = planned("known.md")
    stored = [record(known, index, 2, text_sha256=f"t{index}") for index in range(2)]
    vectors = unit(2)
    collection.write(stored, vectors)
    file = planned("b.md")
    work = Work(collection, file)
    assert work.writer.known_texts() == {"t0", "t1"}
    chunks = work.open(file, 3)
    chunks = [
        ChunkInProgress(chunk.file, record(file, index, 3, text_sha256=f"t{index}"), chunk.text)
        for index, chunk in enumerate(chunks)
    ]
    fresh, reused = work.writer.split(chunks)
    assert (fresh, reused) == (chunks[2:], chunks[:2])
    work.writer.store(fresh, unit(1, seed=5))
    assert [work.writer.reuse(chunk) for chunk in reused] == [[], []]
    assert collection.count == 3
    assert work.writer.flush() == []
    assert (work.counts, work.report.chunks_written, work.report.chunks_reused) == ((1, 0, 0, 0), 3, 2)
    kept = collection.vectors_of([chunk.record.id for chunk in reused])
    np.testing.assert_allclose([kept[chunk.record.id] for chunk in reused], vectors, atol=1e-6)
    assert work.report.tokens == 5
    told = len(work.told)
    assert work.writer.flush() == []
    assert len(work.told) == told


def test_what_is_reused_is_written_in_batches_and_what_has_gone_meanwhile_comes_back(collection, monkeypatch):
    monkeypatch.setattr(writing, "_REUSED", 2)
    known = planned("known.md")
    stored = [record(known, index, 3, text_sha256=f"t{index}") for index in range(3)]
    collection.write(stored, unit(3))
    file = planned("b.md")
    work = Work(collection, file)
    opened = work.open(file, 4)
    chunks = [
        ChunkInProgress(one.file, record(file, index, 4, text_sha256=f"t{index}"), one.text)
        for index, one in enumerate(opened)
    ]
    collection.delete([stored[1].id])
    # Not asked for by split: who holds a text is looked up at the end, too.
    assert work.writer.reuse(chunks[0]) == []
    assert work.writer.reuse(chunks[1]) == [chunks[1]]
    assert (work.report.chunks_written, work.report.chunks_reused) == (1, 1)
    assert work.writer.reuse(chunks[3]) == []
    assert work.writer.flush() == [chunks[3]]
    assert chunks[0].file.missing == {1, 2, 3}


def test_an_empty_collection_knows_no_texts_and_is_not_asked(collection, monkeypatch):
    work = Work(collection)
    monkeypatch.setattr(collection, "text_hashes", lambda: pytest.fail("asked"))
    assert work.writer.known_texts() == set()


def test_nobody_has_to_be_told(collection):
    file = planned()
    writer = ChunkWriter(collection, IngestReport("docs", "hash"), collection.stored_files(), Plan(), None)
    opened = writer.open(file, FileVersion(file.key, "now"), 1)
    writer.store([ChunkInProgress(opened, record(file, 0, 1), DocumentText("글"))], unit(1))
    assert collection.count == 1
