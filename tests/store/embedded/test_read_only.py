"""Stores that may be read and not written, and disks that are full: nothing is called damaged, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import damages
from tests.conftest import started
from tests.store.embedded.test_damages import MODES, OTHERS, QUESTION, Said, patched, whole

__all__ = ["patched", "whole"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="root gives up its rights in Linux's way"),
]

COMMANDS = """
import contextlib, io, json, resource, signal, sys
from tests.torture.processes import command, drop_rights
if sys.argv[1] == "user":
    drop_rights()
if sys.argv[1].isdigit():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
results = []
for arguments in json.loads(sys.argv[2]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command(arguments)
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""
CALLED_DAMAGED = re.compile(r"(?<!nothing )is damaged(?! *:)|are damaged|--rebuild|move it away")
READING = [
    *(["query", QUESTION, "-k", "1", "--mode", mode, "--json"] for mode in MODES),
    ["query", OTHERS, "-k", "1", "--collection", "other", "--json"],
    ["status", "--json"],
    ["verify"],
]
WRITING = [["ingest"], ["ingest", "--rebuild"], ["verify", "--repair"]]


def said(place: Path, how: str, commands: list[list[str]]) -> list[Said]:
    """What commands end with, one after another in a process for which the modes of files, or a limit, count."""
    out, err = started("-c", COMMANDS, how, json.dumps(commands), cwd=place).communicate(timeout=300)
    assert out, err
    return [Said(*one) for one in json.loads(out.splitlines()[-1])]


@pytest.fixture
def place(whole, tmp_path) -> Iterator[Path]:
    shutil.copytree(whole, tmp_path / "place")
    yield tmp_path / "place"
    for path in (tmp_path / "place").rglob("*"):
        path.chmod(0o755)


def take_away_writing(store: Path) -> None:
    for path in [store, *store.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


def files_of(store: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}


def test_reading_needs_no_writing(place):
    store = place / "chroma_db"
    take_away_writing(store)
    before = files_of(store)
    results = said(place, "user", READING)
    assert [one.code for one in results] == [0] * len(results), results
    assert all(one.answered for one in results[:4])
    assert not [one.err for one in results if one.err]
    assert files_of(store) == before


def test_writing_where_nothing_may_be_written_is_refused_as_that(place):
    store = place / "chroma_db"
    take_away_writing(store)
    before = files_of(store)
    (place / "docs" / "new.md").write_text("# New\n\nA new one.\n")
    for one in said(place, "user", WRITING):
        assert one.code == 4, one
        assert "cannot be written: Permission denied" in one.err
        assert not CALLED_DAMAGED.search(one.err)
    assert files_of(store) == before
    for path in [store, *store.rglob("*")]:
        path.chmod(0o755)
    assert [one.code for one in said(place, "user", WRITING)] == [0, 0, 0]


def one_file(name: str) -> Callable[[Path], list[Path]]:
    return lambda store: [store / name]


def words(store: Path) -> list[Path]:
    folder = damages.parts_of(store, "docs")[1]
    return [folder, *folder.iterdir()]


def index(store: Path) -> list[Path]:
    folder = damages.parts_of(store, "docs")[0]
    return [folder, *folder.iterdir()]


PARTS = {
    "database": one_file("chroma.sqlite3"),
    "words": words,
    "vectors": index,
    "safekeeping": lambda store: [store / "safekeeping", *(store / "safekeeping").rglob("*")],
    **{name: one_file(name) for name in ("writer.lock", "turn.lock", "index.lock", "writes")},
    "folder": lambda store: [store],
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("mode", [0o555, 0], ids=["read-only", "closed"])
def test_a_part_that_may_not_be_written_or_read_is_named_and_nothing_is_called_damaged(place, part, mode):
    store = place / "chroma_db"
    chosen = PARTS[part](store)
    (place / "docs" / "new.md").write_text("# New\n\nA new one.\n")
    before = {path: path.stat().st_mode for path in chosen}
    for path in reversed(chosen):
        path.chmod(mode)
    results = said(place, "user", [*READING, *WRITING])
    for path in chosen:
        path.chmod(before[path])
    for one in results:
        assert one.code in (0, 1, 2, 3, 4), one
        assert "Traceback" not in one.err
        assert not CALLED_DAMAGED.search(one.err), one.err
    if mode:
        assert all(one.answered for one in results[:4])
    assert not [one for one in results[:3] if not one.code and not one.answered]
    assert [one.code for one in said(place, "user", [["ingest"], ["verify"]])] == [0, 0]


_AS_LARGE_AS_THE_DATABASE = 400_000


@pytest.mark.parametrize("limit", [0, 4096, 40_000, 200_000, 400_000])
def test_on_a_full_disk_reading_goes_on_and_writing_says_why_and_goes_on_later(place, limit):
    for number in range(30):
        parts = "\n\n".join(f"## Part {part}\n\nA new berth {number * 100 + part}." for part in range(10))
        (place / "docs" / f"new{number}.md").write_text(f"# New {number}\n\n{parts}\n", "utf-8")
    results = said(place, str(limit), [*READING, *WRITING, *READING])
    for one in (*results[:4], *results[-6:-2]):
        # The limit is one on all files, those of a copy of the database too, and Chroma writes as it opens.
        assert one.answered or "disk" in one.err, one
    if limit >= _AS_LARGE_AS_THE_DATABASE:  # as it was before anything was written: after that it is full
        assert all(one.answered for one in results[:4]), results
    for one in results:
        assert one.code in (0, 1, 4), one
        assert not CALLED_DAMAGED.search(one.err), one.err
        assert "Traceback" not in one.err
    assert [one.code for one in said(place, "plain", [["ingest"], ["verify"]])] == [0, 0]


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own needs root")
def test_a_file_system_that_is_full_is_said_to_be_full(whole, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    try:
        place = disk / "place"
        shutil.copytree(whole, place)
        (place / "docs" / "new.md").write_text("# New\n\nA new one.\n")
        filler = disk / "filler"
        with filler.open("wb") as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"x" * 65536)
                file.flush()
        results = said(place, "plain", [*READING, *WRITING])
        assert all(one.answered for one in results[:4]), results
        for one in results:
            assert one.code in (0, 1, 4), one
            assert not CALLED_DAMAGED.search(one.err), one.err
        assert any("full" in one.err or "No space left" in one.err for one in results[6:])
        filler.unlink()
        assert [one.code for one in said(place, "plain", [["ingest"], ["verify"]])] == [0, 0]
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_the_rights_of_root_are_given_up_in_these_tests(tmp_path):
    closed = tmp_path / "closed"
    closed.touch()
    closed.chmod(0)
    script = "from tests.torture.processes import drop_rights\ndrop_rights()\nopen('closed')"
    _, err = started("-c", script, cwd=tmp_path).communicate(timeout=60)
    assert "PermissionError" in err
