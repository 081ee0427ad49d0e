"""Folders compared with what a collection holds: real files, and rows as a collection gives them."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter

import pytest

from rag_pipeline.documents.sandbox import LimitedReader
from rag_pipeline.documents.selection import Selection
from rag_pipeline.documents.walking import FolderScan, scan_folder
from rag_pipeline.ingestion.plan import FolderOptions, PlannedFile, folder_name, plan_sync
from rag_pipeline.ingestion.reading import read_files
from rag_pipeline.ingestion.report import Failure
from rag_pipeline.store import ChunkRecord
from rag_pipeline.store.records import FileKey, FileVersion, StoredFiles
from rag_pipeline.testing import HashEmbeddings


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def docs(tmp_path):
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


class Stored(StoredFiles):
    """What a collection holds, said file by file."""

    def keep(self, source, text="", *, version=None, folder="docs", chunks=1, of=None):
        made = FileVersion(FileKey(folder, source), version or sha(text))
        for index in range(chunks):
            record = ChunkRecord(made, index, of or chunks, "글", "T", "")
            self.add(record.id, record.metadata)
        return self


def plan(docs, stored, *scans, **options):
    return plan_sync(scans or [scan_folder(docs)], docs.parent, stored, **options)


def keys(files):
    return [(file.folder, file.source) for file in files]


def test_each_file_is_new_changed_or_as_it_was(docs):
    for name, text in (("new.md", "n"), ("changed.md", "after"), ("same.md", "same"), ("half.md", "half")):
        (docs / name).write_text(text)
    stored = Stored().keep("changed.md", "before").keep("same.md", "same").keep("half.md", "half", chunks=1, of=2)
    found = plan(docs, stored)
    assert {(file.key.source, file.is_new, file.size) for file in found.pending} == {
        ("new.md", True, 1),
        ("changed.md", False, 5),
        ("half.md", True, 4),
    }
    assert (found.unchanged, found.removed, found.stale_ids, found.failures) == (1, [], [], [])
    assert found.versions[FileKey("docs", "changed.md")] == sha("after")
    assert {file.path.name for file in found.pending} == {"new.md", "changed.md", "half.md"}


def test_earlier_contents_of_an_unchanged_file_are_to_go(docs):
    (docs / "a.md").write_text("now")
    stored = Stored().keep("a.md", "now").keep("a.md", "before")
    ids = stored.ids(FileKey("docs", "a.md"), except_sha256=sha("now"))
    assert len(ids) == 1
    assert plan(docs, stored).stale_ids == ids


def test_files_that_are_gone_are_removed_in_order_and_those_of_other_folders_stay(docs):
    (docs / "a.md").write_text("a")
    stored = Stored().keep("z.md", "z").keep("b.md", "b").keep("a.md", "a").keep("b.md", "x", folder="more")
    (docs.parent / "more").mkdir()
    found = plan(docs, stored)
    assert keys(found.removed) == keys(found.lost) == [("docs", "b.md"), ("docs", "z.md")]
    assert found.gone_folders == []
    alone = plan(docs, stored, exclusive=True)
    assert keys(alone.removed) == [("docs", "b.md"), ("docs", "z.md"), ("more", "b.md")]
    assert alone.gone_folders == []


def test_folders_that_are_no_longer_there_are_named_those_behind_urls_left_out(docs):
    (docs / "a.md").write_text("a")
    stored = Stored()
    for folder in ("zoo", "gone", "https://host/docs", "docs"):
        stored.keep("a.md", "a", folder=folder)
    assert plan(docs, stored).gone_folders == ["gone", "zoo"]


def test_a_new_file_with_the_content_of_a_deleted_one_is_that_one_renamed(docs):
    for name in ("new.md", "copy.md", "other.md"):
        (docs / name).write_text("same" if name != "other.md" else "else")
    (docs / "kept.md").write_text("now")
    stored = Stored().keep("old.md", "same").keep("half.md", "else", chunks=1, of=2).keep("kept.md", "before")
    stored.keep("gone.md", "now")
    found = plan(docs, stored)
    renamed = {file.key.source: file.renamed_from for file in found.pending}
    assert renamed == {
        "copy.md": FileKey("docs", "old.md"),  # the first of two; a deleted file is renamed once
        "new.md": None,
        "other.md": None,  # what was not whole has no name to lose
        "kept.md": None,  # it was there before
    }
    assert keys(found.removed) == [("docs", "gone.md"), ("docs", "half.md"), ("docs", "old.md")]
    assert keys(found.lost) == [("docs", "gone.md"), ("docs", "half.md")]


def test_what_could_not_be_looked_at_is_a_failure_and_not_gone(docs):
    stored = Stored()
    for source in ("sub", "sub/a.md", "sub/deep/b.md", "subway.md", "other.md"):
        stored.keep(source, source)
    stored.keep("sub/a.md", "x", folder="more")
    scan = FolderScan(docs, unreadable=[("sub", "permission denied")], skipped=Counter({".xyz": 2}))
    found = plan(docs, stored, scan)
    assert found.failures == [Failure("sub", "permission denied")]
    assert keys(found.removed) == [("docs", "other.md"), ("docs", "subway.md")]
    assert found.skipped == Counter({".xyz": 2})


def test_a_file_that_cannot_be_read_is_a_failure_and_the_others_go_on(docs):
    for name in "abc":
        (docs / f"{name}.md").write_text(name)
    (docs / "b.md.meta.yaml").write_text("- a list")
    scan = scan_folder(docs)
    (docs / "a.md").unlink()
    found = plan(docs, Stored().keep("a.md", "a").keep("b.md", "b"), scan)
    assert found.failures == [
        Failure("a.md", "cannot be read: No such file or directory"),
        Failure("b.md", "b.md.meta.yaml holds no keys and values"),
    ]
    assert [file.key.source for file in found.pending] == ["c.md"]
    assert found.removed == []


def test_metadata_from_the_configuration_and_from_beside_the_file_are_part_of_its_version(docs):
    (docs / "a.md").write_text("a")
    options = FolderOptions(metadata=[(["*.md"], {"type": "bulk", "year": 2001})])
    found = plan(docs, Stored(), options=options)
    (file,) = found.pending
    assert file.mapped == {"type": "bulk", "year": 2001}
    assert file.version(sha("a")).sha256 == found.versions[file.key] != sha("a")
    stored = Stored().keep("a.md", version=found.versions[file.key])
    assert plan(docs, stored, options=options).unchanged == 1
    assert plan(docs, stored).unchanged == 0
    one = PlannedFile(file.key, file.path, True, 1, {"type": "bulk"}, {"type": "tanker"})
    two = PlannedFile(file.key, file.path, True, 1, {}, {"type": "tanker"})
    assert one.version("x") == two.version("x") != PlannedFile(file.key, file.path, True, 1).version("x")


def test_folders_are_named_below_the_base_where_they_lie_there_in_whole_letters(tmp_path):
    decomposed = tmp_path / unicodedata.normalize("NFD", "문서")
    decomposed.mkdir()
    assert folder_name(decomposed, tmp_path) == "문서"
    assert folder_name(tmp_path / "a" / ".." / "b", tmp_path) == "b"
    assert folder_name(tmp_path, tmp_path) == "."
    assert folder_name(tmp_path, tmp_path / "below") == tmp_path.resolve().as_posix()


def test_a_file_that_changed_into_a_pipe_or_grew_since_it_was_listed_is_a_failure(docs):
    for name in ("grown.md", "pipe.md"):
        (docs / name).write_text("x")
    scan = scan_folder(docs)
    (docs / "pipe.md").unlink()
    os.mkfifo(docs / "pipe.md")
    (docs / "grown.md").write_bytes(b"x" * 2000)
    found = plan(docs, Stored(), scan, options=FolderOptions(Selection(max_file_mb=0.001)))
    assert found.failures == [
        Failure("grown.md", "cannot be read: it has more than 0.001 MB, the limit of reading.max_file_mb"),
        Failure("pipe.md", "cannot be read: it is not a regular file"),
    ]


def test_a_file_that_grew_since_it_was_compared_is_not_read(docs):
    (docs / "grown.md").write_text("x")
    (file,) = plan(docs, Stored()).pending
    (docs / "grown.md").write_bytes(b"x" * 2000)
    with LimitedReader(max_file_mb=0.001) as reader:
        (read,) = read_files([file], reader, HashEmbeddings(), None)
    assert read.failure == "cannot be read: it has more than 0.001 MB, the limit of reading.max_file_mb"


def test_links_out_of_a_folder_are_said_once(docs, tmp_path):
    (tmp_path / "secret.md").write_text("x")
    (docs / "a.md").write_text("x")
    for name in ("b.md", "c.md"):
        (docs / name).symlink_to(tmp_path / "secret.md")
    (said,) = plan(docs, Stored()).warnings
    assert (said.source, said.text[:34]) == (str(docs), "2 links lead out of the folder and")
