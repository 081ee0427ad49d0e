"""What rows say of the files they are of."""

from __future__ import annotations

import pytest

from rag_pipeline.store.records import ChunkOrigin, ChunkRecord, FileKey, FileVersion, StoredFiles, chunk_id

KEY = FileKey("docs", "a.md")
NOW, BEFORE = FileVersion(KEY, "now"), FileVersion(KEY, "before")


def chunk(version=NOW, index=0, count=3, **more):
    return ChunkRecord(version, index, count, "글", "제목", "절", **more)


def test_metadata_of_a_file_cannot_take_the_place_of_what_a_chunk_says_of_itself():
    made = chunk(index=1, text_sha256="t", extra={"source": "other", "chunk_index": 9, "type": "bulk"})
    assert made.metadata == {
        "type": "bulk",
        "source": "a.md",
        "folder": "docs",
        "title": "제목",
        "section": "절",
        "file_sha256": "now",
        "text_sha256": "t",
        "chunk_index": 1,
        "chunk_count": 3,
    }
    assert ChunkOrigin.of(made.metadata) == ChunkOrigin(NOW, 1, 3)


@pytest.mark.parametrize("lacking", ["folder", "source", "file_sha256", "chunk_index", "chunk_count"])
def test_a_row_that_lacks_any_of_where_it_is_from_is_of_no_file(lacking):
    known = chunk().metadata
    del known[lacking]
    assert ChunkOrigin.of(known) is None
    assert ChunkOrigin.of({**chunk().metadata, "chunk_index": "first"}) is None
    assert ChunkOrigin.of(None) is None


def test_parts_of_an_id_cannot_run_into_each_other():
    assert chunk_id(FileVersion(FileKey("a", "b"), "c"), 0) != chunk_id(FileVersion(FileKey("ab", ""), "c"), 0)
    assert len(chunk().id) == 32


def test_a_content_is_held_when_each_of_its_chunks_is():
    files = StoredFiles()
    assert not files.holds(NOW)
    for index in range(3):
        assert not files.holds(NOW)
        files.add(chunk(index=index).id, chunk(index=index).metadata)
    assert files.holds(NOW)
    assert not files.holds(BEFORE)
    assert dict(files.chunk_ids(NOW)) == {index: chunk(index=index).id for index in range(3)}
    assert dict(files.chunk_ids(BEFORE)) == {}
    assert (files.chunks, files.all_ids()) == (3, set(files.chunk_ids(NOW).values()))


def test_a_chunk_that_is_stored_twice_counts_once():
    files = StoredFiles()
    files.add("first", chunk().metadata)
    files.add("second", chunk().metadata)
    assert dict(files.chunk_ids(NOW)) == {0: "first"}
    assert files.chunks == 2


def test_a_files_other_contents_are_told_apart_from_the_one_that_stays():
    files = StoredFiles()
    files.add("new", chunk().metadata)
    files.add("old", chunk(BEFORE).metadata)
    files.add("foreign", {"source": "a.md"})
    assert sorted(files.ids(KEY)) == ["new", "old"]
    assert files.ids(KEY, except_sha256="now") == ["old"]
    assert files.ids(FileKey("docs", "b.md")) == []
    assert files.foreign == ["foreign"]


def test_a_files_chunks_follow_from_one_of_them_as_far_as_they_are_there():
    there = {chunk(index=0).id, chunk(index=2).id}
    files = StoredFiles([*there, "foreign"])
    assert files.add_file(chunk().metadata) == there
    assert dict(files.chunk_ids(NOW)) == {0: chunk(index=0).id, 2: chunk(index=2).id}
    assert files.add_file(chunk(BEFORE).metadata) == set()
    assert list(files.versions[KEY]) == ["now"]
    assert files.add_file({"source": "a.md"}) == files.add_file(None) == set()


def test_a_vector_is_used_again_only_of_a_chunk_that_was_there_when_the_files_were_read():
    asked = []

    def holders(hashes):
        asked.append(list(hashes))
        return {"one": ["c", "b", "later"], "two": ["later"]}

    files = StoredFiles(["b", "c"], holders)
    assert files.texts(["one", "two", "three"]) == {"one": "b"}
    assert files.texts([]) == {}
    assert StoredFiles([], holders).texts(["one"]) == {}
    assert StoredFiles(["b"]).texts(["one"]) == {}
    assert asked == [["one", "two", "three"]]
