"""Parsers that hang, crash or eat memory cost their file only; the process that reads is a real one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from rag_pipeline.documents import Readers
from rag_pipeline.documents.sandbox import LimitedReader
from rag_pipeline.errors import DocumentError
from tests import formats

pytestmark = pytest.mark.slow


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """BadReader as an installed package brings it: by metadata on the path, which child processes find too."""
    package = tmp_path / "site" / "bad_reader-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-reader\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[rag_pipeline.readers]\nbad = tests.documents.hanging_reader:BadReader\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{Path(__file__).parents[2]}")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


@pytest.fixture
def reader(installed):
    with LimitedReader(Readers(), seconds=2.0, memory_mb=2000) as made:
        assert made.readers.runs_in_sandbox("x.bad", 1)
        made.read("warm.bad", b"ok")
        yield made


def test_a_document_comes_back_whole(reader):
    document = reader.read("x.bad", "글".encode())
    assert (document.title, dict(document.metadata)) == ("x.bad", {"a": 1})
    (section,) = document.sections
    assert (section.headings, section.text, dict(section.place)) == (("h",), "글", {"page": 2})


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("hang", r"took its parser longer than 2 s \(reading.seconds_per_file\)"),
        ("crash", "brought its parser down .signal 11"),
        ("exit", "brought its parser down .exit code 3"),
        ("memory", r"takes more memory than a file may; see reading.memory_mb"),
    ],
)
def test_a_parser_that_misbehaves_costs_its_file_only(reader, what, reason):
    started = time.monotonic()
    with pytest.raises(DocumentError, match=reason):
        reader.read("x.bad", what.encode())
    assert time.monotonic() - started < 30
    assert reader.read("x.bad", b"after").sections[0].text == "after"


def test_what_a_parser_prints_goes_nowhere(reader, capfd):
    assert reader.read("x.bad", b"noise").sections[0].text == "noise"
    assert capfd.readouterr() == ("", "")


def test_a_large_file_that_nobody_reads_does_not_block(reader):
    with pytest.raises(DocumentError, match="took its parser longer"):
        reader.read("x.bad", b"hang")
    with pytest.raises(DocumentError):
        reader.read("x.pdf", b"%PDF" + b"x" * 30_000_000)


def test_formats_with_a_parser_of_their_own_run_apart_and_plain_ones_do_not():
    readers = Readers()
    assert [suffix for suffix in sorted(formats.FORMATS) if not readers.runs_in_sandbox(f"a{suffix}", 100)] == [
        ".csv",
        ".json",
        ".jsonl",
        ".md",
        ".tsv",
        ".txt",
    ]


def test_every_file_beyond_a_few_kilobytes_is_read_apart():
    assert all(Readers().runs_in_sandbox(f"a{suffix}", 20_000) for suffix in formats.FORMATS)


def test_every_format_is_read_apart_as_it_is_read_here():
    readers = Readers()
    with LimitedReader(readers) as reader:
        for suffix, make in formats.FORMATS.items():
            content = make("같은 문장.")
            assert reader.read(f"a{suffix}", content) == readers.read(f"a{suffix}", content)


def test_closing_ends_the_process():
    import psutil

    before = {child.pid for child in psutil.Process().children()}
    with LimitedReader() as reader:
        reader.read("a.pdf", formats.pdf("글"))
        (started,) = {child.pid for child in psutil.Process().children()} - before
    assert not psutil.pid_exists(started)


def test_a_parser_gets_no_keys_and_stands_in_no_folder_of_documents(reader, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "made-up")
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "made-up")
    with LimitedReader(Readers()) as fresh:
        known = fresh.read("x.bad", b"environment").sections[0].text.split()
    assert "PATH" in known
    assert not {"GOOGLE_API_KEY", "SOME_SERVICE_TOKEN"} & set(known)
    assert str(Path.cwd()) not in known or str(Path(__file__).parents[2]) == str(Path.cwd())


def test_code_among_the_documents_is_not_run(tmp_path, monkeypatch):
    for module in ("bs4", "lxml", "yaml", "json"):
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit(1)\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    with LimitedReader(Readers()) as reader:
        assert reader.read("a.html", formats.html("같은 문장.")).sections
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not tell of a parent that has ended")
def test_a_parser_ends_with_the_process_that_started_it(installed, tmp_path):
    import psutil

    script = tmp_path / "orphan.py"
    script.write_text(
        "import os, threading, time, psutil\n"
        "from rag_pipeline.documents.sandbox import LimitedReader\n"
        "reader = LimitedReader(seconds=500.0)\n"
        "reader.read('warm.bad', b'ok')\n"
        "threading.Thread(target=reader.read, args=('x.bad', b'spin'), daemon=True).start()\n"
        "time.sleep(0.5)\n"
        "print(psutil.Process().children()[0].pid, flush=True)\n"
        "os._exit(0)\n",
        "utf-8",
    )
    # A file and not a pipe: the orphan would hold it open.
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, str(script)], stdout=out, check=True, timeout=120)
    orphan = int((tmp_path / "out").read_text())
    deadline = time.monotonic() + 100
    while psutil.pid_exists(orphan) and psutil.Process(orphan).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.1)
