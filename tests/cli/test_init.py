from __future__ import annotations

import errno
import os
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from rag_pipeline import load_settings
from rag_pipeline.cli import ingest_job, init, run
from rag_pipeline.store import Store
from tests.conftest import ROOT, complaints


@pytest.fixture
def place(tmp_path, documents, monkeypatch):
    """A user's folder: documents in `docs`, and no configuration."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def start(capsys):
    def start(*arguments):
        code = run("init", list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return start


def listed(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.slow
def test_one_command_leads_from_a_folder_to_a_first_answer(python, tmp_path):
    shutil.copytree(ROOT / "documents" / "ships", tmp_path / "ships")
    begun = python("-m", "rag_pipeline", "init", "ships", cwd=tmp_path)
    assert begun.returncode == 0, begun.stderr
    assert begun.stdout.startswith("ships: 6 new, 0 updated")
    said = complaints(begun.stderr)
    assert said[0] == "wrote config.yaml: collection ships of ships"
    [command] = [line for line in said if line.startswith("    rag-pipeline query ")]
    _, _, question = shlex.split(command)
    assert question == "벌크선 아프라막스 (Bulk Carrier Aframax)의 특징은 무엇인가?"
    assert question in begun.stdout
    assert "bulk_aframax.md" in begun.stdout.partition("\n    2 ")[0]
    # What it shows is what the commands do from now on, without another word.
    asked = python("-m", "rag_pipeline", *shlex.split(command)[1:], cwd=tmp_path)
    assert begun.stdout.endswith(asked.stdout)
    again = python("-m", "rag_pipeline", "ingest", cwd=tmp_path)
    assert again.stdout.startswith("ships: 0 new, 0 updated, 6 unchanged")


def test_the_configuration_is_short_explained_and_understood(start, place):
    code, out, err = start("docs", "--no-ingest")
    assert (code, out) == (0, "")
    assert err == "wrote config.yaml: collection docs of docs\nnow bring the documents in: rag-pipeline ingest\n"
    lines = (place / "config.yaml").read_text("utf-8").splitlines()
    assert 8 <= len(lines) <= 14
    assert sum("#" in line for line in lines) >= 5
    settings = load_settings()
    assert settings.default_collection == "docs"
    assert settings.collections["docs"].folder == ["docs"]
    assert settings.collections["docs"].embedding == "bundled"
    assert listed(place) == ["config.yaml", "docs", "docs/bulk.md", "docs/container.md", "docs/notes.txt"]


def test_without_a_folder_it_takes_the_one_called_documents(start, place):
    code, _, err = start()
    assert code == 2
    assert err == (
        "error: the current folder has no folder documents; name that of your documents: rag-pipeline init FOLDER\n"
    )
    assert not (place / "config.yaml").exists()
    (place / "docs").rename(place / "documents")
    assert start("--no-ingest")[0] == 0
    assert load_settings().collections["documents"].folder == ["documents"]


@pytest.mark.parametrize("there", ["file", "link"])
def test_a_configuration_that_is_there_stays_as_it_is(start, place, there):
    file = place / "config.yaml"
    file.write_text("default_collection: mine\n", "utf-8") if there == "file" else file.symlink_to("elsewhere.yaml")
    before = file.readlink() if there == "link" else file.read_text("utf-8")
    code, out, err = start("docs")
    assert (code, out) == (2, "")
    assert err.startswith("error: config.yaml is there already and stays as it is; run rag-pipeline ingest")
    assert len(err.splitlines()) == 1
    assert before == (file.readlink() if there == "link" else file.read_text("utf-8"))
    assert not (place / "chroma_db").exists()


def test_one_that_another_makes_meanwhile_is_not_overwritten(start, place, monkeypatch):
    check = init._check_writable

    def late(settings):
        check(settings)
        (place / "config.yaml").write_text("default_collection: theirs\n", "utf-8")

    monkeypatch.setattr(init, "_check_writable", late)
    assert start("docs", "--no-ingest")[0] == 2
    assert (place / "config.yaml").read_text("utf-8") == "default_collection: theirs\n"


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("nowhere", "folder nowhere not found"),
        ("docs/bulk.md", "docs/bulk.md is not a folder"),
        ("pictures", "folder pictures holds no readable document; readable: "),
        ("empty", "folder empty holds no readable document; readable: "),
        ("", "the name of the folder is empty"),
        ("~nobody-of-that-name", "folder ~nobody-of-that-name not found"),
        ("circle", "folder circle leads nowhere"),
        ("docs\udcff", "has a name that is not in UTF-8"),
        ("https://me:secret@docs.example/all", "its URL holds credentials, which belong into the environment"),
    ],
)
def test_a_folder_that_will_not_do_is_said_before_anything_is_written(start, place, folder, words):
    (place / "pictures").mkdir()
    (place / "pictures" / "a.jpg").write_bytes(b"x")
    (place / "empty").mkdir()
    (place / "circle").symlink_to("circle")
    (place / "docs\udcff").mkdir()
    before = listed(place)
    code, out, err = start(folder)
    assert (code, out) == (2, "")
    assert words in err
    assert "secret" not in err
    assert len(err.splitlines()) == 1
    assert listed(place) == before


def test_a_folder_that_may_not_be_written_is_said_before_anything_is_written(start, place, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != place)  # root may write anywhere
    before = listed(place)
    code, _, err = start("docs")
    assert code == 2
    assert err == f"error: folder {place} may not be written; run init in a folder of yours\n"
    assert listed(place) == before


def test_a_full_disk_leaves_no_half_of_a_file(start, place, monkeypatch):
    open_file = Path.open

    def full(path, mode="r", **options):
        opened = open_file(path, mode, **options)
        if mode == "x":
            monkeypatch.setattr(Path, "open", open_file)

            def write(_text):
                raise OSError(errno.ENOSPC, "No space left on device")

            opened.write = write
        return opened

    monkeypatch.setattr(Path, "open", full)
    code, _, err = start("docs", "--no-ingest")
    assert code == 4
    assert err == "error: config.yaml cannot be written: No space left on device\n"
    assert not (place / "config.yaml").exists()


@pytest.mark.parametrize(
    ("name", "collection"),
    [
        ("문서", "documents"),
        ("ab", "documents"),
        ("2024", "documents"),
        ("yearly reports", "documents"),
        ("a: b #", "documents"),
        ("reports-2024", "reports-2024"),
        ("yes", "documents"),
        ("null", "documents"),
        ("True", "documents"),
        ("\u0085nel", "documents"),
    ],
)
def test_any_folder_can_be_named(start, place, name, collection):
    (place / "docs").rename(place / name)
    assert start(name, "--no-ingest")[0] == 0
    settings = load_settings()
    assert settings.default_collection == collection
    assert settings.collections[collection].folder == [name]


def test_a_folder_whose_name_begins_with_a_tilde_is_named_by_its_whole_path(start, place):
    (place / "docs").rename(place / "~docs")
    assert start(str(place / "~docs"), "--no-ingest")[0] == 0
    assert load_settings().collections["documents"].folder == [str(place / "~docs")]


@pytest.mark.slow
def test_after_an_interruption_the_same_command_goes_on(start, place, monkeypatch):
    class InterruptedJob(ingest_job.IngestJob):
        def run(self, targets):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ingest_job, "IngestJob", InterruptedJob)
        code, _, err = start("docs")
        assert code == 130
        assert "run the same command again to go on" in err
    code, out, err = start("docs")
    assert code == 0
    assert out.startswith("docs: 3 new")
    assert "wrote" not in err
    # It is another folder's then.
    (place / "others").mkdir()
    (place / "others" / "a.md").write_text("# A\n\nText.\n", "utf-8")
    assert start("others")[0] == 2


def test_the_folder_may_be_the_current_one_or_lie_elsewhere(start, place, monkeypatch):
    elsewhere = place / "project"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert start("../docs", "--no-ingest")[0] == 0
    assert yaml.safe_load((elsewhere / "config.yaml").read_text("utf-8"))["collections"]["docs"]["folder"] == str(
        place / "docs"
    )
    monkeypatch.chdir(place / "docs")
    assert start(".", "--no-ingest")[0] == 0
    assert load_settings().collections["docs"].folder == ["."]


@pytest.mark.slow
def test_a_file_that_fails_is_named_and_the_question_is_asked_of_the_others(start, place, documents):
    (documents / "scan.txt").write_bytes(b"\x89PNG\0\0")
    code, out, err = start("docs")
    assert code == 1
    assert "warning: scan.txt: binary, not text" in err
    assert "3 new, 0 updated, 0 unchanged, 0 removed, 1 failed" in out
    assert "rag-pipeline query '벌크선 (Bulk Carrier)의 특징은 무엇인가?'" in err
    assert "bulk.md" in out


@pytest.mark.slow
def test_where_nothing_could_be_ingested_no_question_is_asked(start, place, documents):
    for file in documents.iterdir():
        file.write_bytes(b"\x89PNG\0\0")
    code, _, err = start("docs")
    assert code == 1
    assert "query" not in err


@pytest.mark.slow
def test_a_question_on_an_english_title_is_english(start, place, documents):
    for file in documents.iterdir():
        file.unlink()
    (documents / "canal.md").write_text("# The Panama Canal\n\nIt opened in 1914.\n", "utf-8")
    code, out, err = start("docs")
    assert code == 0
    assert "rag-pipeline query 'What is said about The Panama Canal?'" in err
    assert "canal.md" in out
    assert Store(place / "chroma_db").names() == ["docs"]
