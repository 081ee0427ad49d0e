"""Passages are joined with the chunks around them, on real rows of files."""

from __future__ import annotations

import pytest

from rag_pipeline.passages import Passage
from rag_pipeline.retrieval.neighbours import joined
from rag_pipeline.store import ChunkRecord, Fingerprint, Store
from rag_pipeline.store.records import FileKey, FileVersion
from rag_pipeline.testing import HashEmbeddings

pytestmark = pytest.mark.slow


@pytest.fixture
def collection(tmp_path):
    store = Store(tmp_path / "store")
    with store.writer():
        yield store.create("docs", Fingerprint.of(HashEmbeddings().identity.as_dict(), None, 1), "hash")
    store.close()


@pytest.fixture
def passage_of(collection):
    """Write a file of ten chunks; passages of them by number."""

    def write(source="a.md"):
        version = FileVersion(FileKey("docs", source), "sha")
        texts = [f"T > P{number // 2}\n\n{source} part {number}" for number in range(10)]
        rows = [ChunkRecord(version, number, 10, text, "T", "") for number, text in enumerate(texts)]
        collection.write(rows, HashEmbeddings().embed_documents(texts))

        def passage(number, rank=1):
            row = rows[number]
            return Passage(rank, 1.0, row.id, "T", "", source, row.text, row.metadata)

        return passage

    return write


def parts(passages):
    """Which parts each passage holds."""
    return [[line[-1] for line in passage.text.split("\n\n") if " part " in line] for passage in passages]


@pytest.mark.parametrize(
    ("number", "width", "expected"),
    [(5, 1, "456"), (0, 1, "01"), (0, 2, "012"), (1, 2, "0123"), (9, 1, "89"), (8, 2, "6789"), (4, 99, "0123456789")],
)
def test_so_many_on_each_side_as_there_are(collection, passage_of, number, width, expected):
    assert parts(joined(collection, [passage_of()(number)], width)) == [list(expected)]


def test_passages_side_by_side_stay_two_and_those_that_share_a_chunk_become_one(collection, passage_of):
    passage = passage_of()
    assert parts(joined(collection, [passage(4), passage(1)], 1)) == [list("345"), list("012")]
    assert parts(joined(collection, [passage(4), passage(2)], 1)) == [list("12345")]


def test_one_that_lies_between_two_others_makes_one_of_all_three(collection, passage_of):
    passage = passage_of()
    found = joined(collection, [passage(8), passage(2), passage(5)], 2)
    assert parts(found) == [list("0123456789")]
    assert found[0].id == passage(8).id


def test_the_same_places_of_another_file_are_others(collection, passage_of):
    one, other = passage_of("a.md"), passage_of("b.md")
    found = joined(collection, [one(3), other(3)], 1)
    assert [passage.source for passage in found] == ["a.md", "b.md"]
    assert parts(found) == [list("234"), list("234")]
    assert "b.md" not in found[0].text


def test_a_heading_that_the_chunk_before_had_is_said_once(collection, passage_of):
    (found,) = joined(collection, [passage_of()(2)], 1)
    assert found.text == "T > P0\n\na.md part 1\n\nT > P1\n\na.md part 2\n\na.md part 3"


def test_chunks_that_are_gone_leave_those_that_are_there(collection, passage_of):
    passage = passage_of()
    collection.delete([passage(4).id])
    assert parts(joined(collection, [passage(5)], 1)) == [list("56")]
    collection.delete([passage(6).id])
    assert joined(collection, [passage(5)], 1) == [passage(5)]


def test_what_is_of_no_file_stays_as_it_is_among_others(collection, passage_of):
    passage = passage_of()
    foreign = Passage(1, 1.0, "x", "", "", "", "a lighthouse", {"source": "a.md"})
    found = joined(collection, [foreign, passage(3), passage(4)], 1)
    assert found[0] is foreign
    assert parts(found[1:]) == [list("2345")]
