from __future__ import annotations

import os
import unicodedata

import pytest

from rag_pipeline.documents import scan_folder
from rag_pipeline.documents.metadata import read_sidecar
from rag_pipeline.documents.selection import Selection, matches
from rag_pipeline.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    for name in ("a.md", "b.txt", "drafts/c.md", "deep/er/d.md", "deep/drafts/e.md", "보고/2024/f.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def sources(folder, **options):
    return [file.source for file in scan_folder(folder, Selection(**options)).files]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({}, ["a.md", "b.txt", "deep/drafts/e.md", "deep/er/d.md", "drafts/c.md", "보고/2024/f.md"]),
        ({"include": ("*.txt",)}, ["b.txt"]),
        ({"exclude": ("drafts/",)}, ["a.md", "b.txt", "deep/er/d.md", "보고/2024/f.md"]),
        ({"exclude": ("/drafts/", "*.txt")}, ["a.md", "deep/drafts/e.md", "deep/er/d.md", "보고/2024/f.md"]),
        ({"include": ("deep/**", "보고/"), "exclude": ("**/er/*",)}, ["deep/drafts/e.md", "보고/2024/f.md"]),
        ({"exclude": ("*.md", "!a.md")}, ["a.md", "b.txt"]),
    ],
)
def test_patterns_are_those_of_gitignore(folder, options, left):
    assert sources(folder, **options) == left


def test_ragignore_is_heeded(folder):
    (folder / ".ragignore").write_text("# not these\ndrafts/\n보고/\n", "utf-8")
    assert sources(folder) == ["a.md", "b.txt", "deep/er/d.md"]


def test_a_pattern_in_decomposed_korean_is_the_same_pattern(folder):
    (folder / ".ragignore").write_text(unicodedata.normalize("NFD", "보고/\n"), "utf-8")
    assert "보고/2024/f.md" not in sources(folder)


def test_a_ragignore_that_cannot_be_read_stops_everything(folder):
    (folder / ".ragignore").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match=".ragignore cannot be read"):
        sources(folder)


def test_a_selection_that_leaves_nothing_is_said_to_be_the_reason(folder):
    with pytest.raises(UsageError, match="no readable document that include, exclude and .ragignore let through"):
        sources(folder, exclude=("*",))


def test_no_pattern_matches_nothing():
    assert not matches((), "a.md")


def test_links_to_folders_are_followed_once(folder):
    (folder / "deep" / "loop").symlink_to(folder)
    (folder / "other").symlink_to(folder / "drafts")
    (folder / "linked.md").symlink_to(folder / "a.md")
    (folder / "broken.md").symlink_to(folder / "nowhere.md")
    scan = scan_folder(folder)
    assert [file.source for file in scan.files].count("linked.md") == 1
    assert len([file for file in scan.files if file.path.read_text() == "x"]) == 7
    assert scan.unreadable == [("broken.md", "not a regular file, or a link to nothing")]


def test_a_file_that_is_too_large_is_named(folder):
    with (folder / "big.txt").open("wb") as stream:
        stream.truncate(200_000_000)
    scan = scan_folder(folder)
    assert scan.unreadable == [("big.txt", "has 200 MB, more than the 100 MB of reading.max_file_mb")]


def test_a_folder_named_like_a_file_is_a_folder(folder):
    (folder / "a.pdf").mkdir()
    (folder / "a.pdf" / "inside.md").write_text("x")
    assert "a.pdf/inside.md" in sources(folder)


def test_sidecars_are_no_documents(folder):
    (folder / "a.md.meta.yaml").write_text("a: 1")
    scan = scan_folder(folder)
    assert not scan.skipped
    assert "a.md.meta.yaml" not in [file.source for file in scan.files]


def test_a_ragignore_that_is_a_pipe_is_refused_and_not_waited_for(folder):
    os.mkfifo(folder / ".ragignore")
    with pytest.raises(UsageError, match=r"\.ragignore cannot be read: it is not a regular file"):
        sources(folder)


def test_a_ragignore_without_end_is_refused(folder):
    (folder / ".ragignore").symlink_to("/dev/zero")
    with pytest.raises(UsageError, match=r"\.ragignore cannot be read: it is not a regular file"):
        sources(folder)
    (folder / ".ragignore").unlink()
    (folder / ".ragignore").write_text("a" * 3_000_000)
    with pytest.raises(UsageError, match=r"\.ragignore cannot be read: it has more than 2 MB"):
        sources(folder)


@pytest.fixture
def outside(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("outside")
    (other / "secret.md").write_text("x")
    (other / "secret.yaml").write_text("a: 1")
    (folder / "file.md").symlink_to(other / "secret.md")
    (folder / "deep" / "all").symlink_to(other)
    (folder / "a.md.meta.yaml").symlink_to(other / "secret.yaml")
    (folder / "picture.png").symlink_to(other / "secret.md")  # nothing would be read of it in any case
    (folder / "up.md").symlink_to("../nothing.md")
    (folder / "parent").symlink_to("..")
    return other


def test_links_out_of_the_folder_are_passed_over_and_counted(folder, outside):
    scan = scan_folder(folder)
    listed = [file.source for file in scan.files]
    assert listed == ["a.md", "b.txt", "deep/drafts/e.md", "deep/er/d.md", "drafts/c.md", "보고/2024/f.md"]
    assert (scan.links_out, scan.unreadable) == (5, [])
    assert scan.warning.startswith("5 links lead out of the folder and so passed over; reading.follow_symlinks: true")
    assert [file.has_sidecar for file in scan.files] == [False, None, None, None, None, None]
    assert read_folder(scan)["a.md"] == {}


def test_links_out_of_the_folder_are_followed_where_the_selection_says_so(folder, outside):
    (folder / "parent").unlink()
    scan = scan_folder(folder, Selection(follow_symlinks=True))
    assert {"file.md", "deep/all/secret.md"} < {file.source for file in scan.files}
    assert (scan.links_out, scan.warning) == (0, "")
    assert read_folder(scan)["a.md"] == {"a": 1}


def test_a_folder_of_links_out_alone_is_refused_with_the_reason(tmp_path, outside):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.md").symlink_to(outside / "secret.md")
    with pytest.raises(UsageError, match=r"1 link leads out of the folder .*Nothing was changed"):
        scan_folder(tmp_path / "links")


def test_a_folder_that_is_given_as_a_link_is_read(folder, tmp_path_factory):
    (folder / "inside").symlink_to(folder / "drafts" / "c.md")
    (folder / "linked.md").symlink_to("drafts/c.md")
    link = tmp_path_factory.mktemp("links") / "docs"
    link.symlink_to(folder)
    scan = scan_folder(link)
    assert "linked.md" in [file.source for file in scan.files]
    assert scan.links_out == 0


def read_folder(scan):
    """Metadata from the sidecars of a folder's files, by source."""
    return {file.source: {} if file.has_sidecar is False else read_sidecar(file.path) for file in scan.files}
