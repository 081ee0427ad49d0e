"""Folders that are moved away and come back while they are watched, in this process and with the system's own watch."""

from __future__ import annotations

import shutil
import time

import pytest

from rag_pipeline.cli import watching
from rag_pipeline.errors import UsageError

pytestmark = pytest.mark.slow

# As long as a busy machine may take; nothing waits so long where all is well.
_PATIENCE = 60.0


@pytest.fixture
def docs(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("x")
    return tmp_path / "docs"


@pytest.fixture
def notes(monkeypatch):
    said = []
    monkeypatch.setattr(watching, "note", said.append)
    return said


def wait_for(said, words):
    deadline = time.monotonic() + _PATIENCE
    while not any(words in line for line in said):
        assert time.monotonic() < deadline, said
        time.sleep(0.02)


def wait_for_change(changes, wanted):
    deadline = time.monotonic() + _PATIENCE
    while wanted not in next(changes):
        assert time.monotonic() < deadline


def write_until_seen(changes, folder):
    """Either the folder is watched, or it is still to come as one that has returned: there is a batch in any case."""
    number, batch = 0, []
    while folder / f"c{number}.md" not in batch:
        number += 1
        assert number < 100
        (folder / f"c{number}.md").write_text("x")
        batch = next(changes)


def test_a_folder_that_is_moved_away_and_made_again_is_watched_again(docs, notes):
    with watching._Watch([docs]) as watch:
        changes = iter(watch)
        docs.rename(docs.parent / "old")
        wait_for(notes, f"folder {docs} is missing")
        shutil.copytree(docs.parent / "old", docs)
        wait_for(notes, f"folder {docs} is back")
        write_until_seen(changes, docs)


def test_a_folder_that_another_takes_the_place_of_at_once_is_watched_again(docs, notes):
    (docs.parent / "new").mkdir()
    with watching._Watch([docs]) as watch:
        changes = iter(watch)
        docs.rename(docs.parent / "old")
        (docs.parent / "new").rename(docs)
        wait_for_change(changes, docs)
        write_until_seen(changes, docs)


def test_a_folder_that_is_deleted_and_made_again_at_once_is_watched_again(docs, notes):
    with watching._Watch([docs]) as watch:
        changes = iter(watch)
        shutil.rmtree(docs)
        docs.mkdir()
        (docs / "b.md").write_text("x")
        wait_for_change(changes, docs)
        write_until_seen(changes, docs)


def test_a_folder_that_is_away_for_one_look_alone_counts_as_changed(docs, notes, monkeypatch):
    looks, present = [], watching._Watch._present

    def away_once(watch):
        looks.append(watch)
        return {} if len(looks) == 2 else present(watch)

    monkeypatch.setattr(watching._Watch, "_present", away_once)
    with watching._Watch([docs]) as watch:
        changes = iter(watch)
        wait_for_change(changes, docs)
        write_until_seen(changes, docs)


def test_a_link_that_leads_to_another_folder_now_is_followed(docs, notes):
    link, other = docs.parent / "current", docs.parent / "release-2"
    link.symlink_to(docs)
    other.mkdir()
    with watching._Watch([link]) as watch:
        changes = iter(watch)
        (docs.parent / "next").symlink_to(other)
        (docs.parent / "next").replace(link)
        wait_for_change(changes, other)
        write_until_seen(changes, other)


def test_other_folders_are_watched_while_one_is_missing(docs, notes):
    other = docs.parent / "other"
    other.mkdir()
    with watching._Watch([docs, other]) as watch:
        changes = iter(watch)
        shutil.rmtree(docs)
        wait_for(notes, f"folder {docs} is missing")
        write_until_seen(changes, other)
        assert not any(str(other) in line for line in notes)


def test_folders_that_cannot_be_watched_end_the_watch_with_a_reason(docs, monkeypatch):
    def refuse(*_paths, **_options):
        raise OSError("OS file watch limit reached.")

    monkeypatch.setattr("watchfiles.watch", refuse)
    with watching._Watch([docs]) as watch, pytest.raises(UsageError, match="cannot be watched: OS file watch limit"):
        next(iter(watch))
