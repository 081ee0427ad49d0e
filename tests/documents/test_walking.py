from __future__ import annotations

import unicodedata

import pytest

from rag_pipeline.documents import scan_folder
from rag_pipeline.errors import UsageError


def test_documents_are_listed_by_their_path_below_the_folder(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.MD").write_text("x")
    (tmp_path / "a.txt").write_text("x")
    assert [file.source for file in scan_folder(tmp_path).files] == ["a.txt", "b/c.MD"]


def test_hidden_files_are_left_out_and_others_counted_by_suffix(tmp_path):
    for name in ("a.md", ".b.md", "c.png", "d.PNG", "Makefile"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "e.md").write_text("x")
    scan = scan_folder(tmp_path)
    assert [file.source for file in scan.files] == ["a.md"]
    assert scan.skipped == {".png": 2, "Makefile": 1}


def test_what_office_and_systems_leave_lying_about_is_not_spoken_of(tmp_path):
    for name in (
        "~$보고.docx",
        "~$b.xlsx",
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "._a.md",
        ".~lock.a.ods#",
        "Icon\r",
    ):
        (tmp_path / name).write_text("x")
    (tmp_path / "a.md").write_text("x")
    (tmp_path / "~draft.md").write_text("x")
    scan = scan_folder(tmp_path)
    assert [file.source for file in scan.files] == ["a.md", "~draft.md"]
    assert (scan.skipped, scan.unreadable) == ({}, [])


def test_a_decomposed_name_comes_out_composed(tmp_path):
    (tmp_path / unicodedata.normalize("NFD", "한글.md")).write_text("x")
    assert scan_folder(tmp_path).files[0].source == "한글.md"


def test_two_spellings_of_one_name_are_not_two_documents(tmp_path):
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "한글.md")).write_text("x")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system keeps one spelling only")
    scan = scan_folder(tmp_path)
    assert len(scan.files) == 1
    assert scan.unreadable == [("한글.md", "another file has the same name in Unicode NFC")]


@pytest.mark.parametrize("make", ["missing", "file", "empty", "only_other"])
def test_a_folder_without_documents_is_refused(tmp_path, make):
    folder = tmp_path / "docs"
    if make == "file":
        folder.write_text("x")
    elif make != "missing":
        folder.mkdir()
    if make == "only_other":
        (folder / "a.png").write_text("x")
    words = {"missing": "not found", "file": "not a folder"}.get(make, "no readable document")
    with pytest.raises(UsageError, match=words):
        scan_folder(folder)


def test_what_is_no_regular_file_is_reported_and_not_opened(tmp_path):
    import os

    (tmp_path / "good.md").write_text("x")
    os.mkfifo(tmp_path / "pipe.md")  # reading it would wait for ever
    (tmp_path / "nothing.md").symlink_to(tmp_path / "gone.md")
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "up").symlink_to(tmp_path)
    scan = scan_folder(tmp_path)
    assert [file.source for file in scan.files] == ["good.md"]
    assert [source for source, _ in scan.unreadable] == ["loop.md", "nothing.md", "pipe.md"]


def test_what_goes_while_it_is_looked_at_is_reported(tmp_path, monkeypatch):
    import os
    import shutil

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "c.md").write_text("x")
    (tmp_path / "d.md").write_text("x")
    walk = os.walk

    def deleting(top, **options):
        for directory, folders, names in walk(top, **options):
            if directory.endswith("b"):
                shutil.rmtree(directory)
            elif directory == str(tmp_path):
                (tmp_path / "d.md").unlink()
            yield directory, folders, names

    monkeypatch.setattr(os, "walk", deleting)
    scan = scan_folder(tmp_path)
    assert [file.source for file in scan.files] == ["a/c.md"]
    assert scan.unreadable == [("d.md", "not a regular file, or a link to nothing"), ("b", "No such file or directory")]


def test_a_file_that_goes_between_two_looks_is_reported(tmp_path, monkeypatch):
    (tmp_path / "a.md").write_text("x")
    (tmp_path / "b.md").write_text("x")
    is_file = type(tmp_path).is_file

    def last_look(self):
        there = is_file(self)
        if self.name == "b.md":
            self.unlink()
        return there

    monkeypatch.setattr(type(tmp_path), "is_file", last_look)
    assert "a.md" in [file.source for file in scan_folder(tmp_path).files]


def test_a_folder_that_goes_while_it_is_looked_at_is_refused(tmp_path, monkeypatch):
    import os
    import shutil

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("x")
    walk = os.walk

    def deleting(top, **options):
        for found in walk(top, **options):
            shutil.rmtree(found[0])
            yield found

    monkeypatch.setattr(os, "walk", deleting)
    with pytest.raises(UsageError, match="cannot be listed: No such file or directory"):
        scan_folder(tmp_path / "docs")


def test_a_name_that_is_not_unicode_is_reported(tmp_path):
    import os
    from pathlib import Path

    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("x")
    assert scan_folder(tmp_path).unreadable == [("caf\\udce9.md", "its name is not valid UTF-8; rename it")]
