"""Folders as people have them, through the command line: formats, several collections, patterns, watching."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace

import pytest

from rag_pipeline.cli import run
from rag_pipeline.cli.progress import describe, time_left
from rag_pipeline.ingestion import Progress
from tests import formats
from tests.conftest import ROOT, complaints, started

pytestmark = pytest.mark.slow

SENTENCE = "최대 흘수가 12.04 m인 컨테이너선은 파나막스이다."


@pytest.fixture
def cli(project, capsys):
    def call(command, *arguments):
        code = run(command, list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_the_same_sentence_is_found_in_every_format(tmp_path, cache_dir, monkeypatch, capsys):
    formats.write_all(tmp_path / "docs", SENTENCE)
    (tmp_path / "config.yaml").write_text(f"cache_dir: {cache_dir}\n")
    monkeypatch.chdir(tmp_path)
    assert run("ingest", ["docs"]) == 0
    out, err = capsys.readouterr()
    assert f"{len(formats.FORMATS)} new" in out
    assert complaints(err) == ["warning: fileepub.epub: 1 page is missing from the book"]
    assert run("query", ["최대 흘수가 12.04 m인 컨테이너선은?", "--collection", "docs", "-k", "40", "--json"]) == 0
    passages = json.loads(capsys.readouterr().out)["passages"]
    best = {}
    for passage in passages:
        best.setdefault(passage["source"], passage)
    assert set(best) == {f"file{suffix[1:]}{suffix}" for suffix in formats.FORMATS}
    assert [source for source, passage in best.items() if SENTENCE not in passage["text"]] == []
    assert best["filepdf.pdf"]["metadata"]["page"] == 2


def test_where_a_passage_stands_is_shown(tmp_path, cache_dir, monkeypatch, capsys):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(formats.pdf(SENTENCE))
    (tmp_path / "config.yaml").write_text(f"cache_dir: {cache_dir}\n")
    monkeypatch.chdir(tmp_path)
    run("ingest", ["docs"])
    run("query", ["최대 흘수가 12.04 m인 배는?", "--collection", "docs", "-k", "1"])
    assert "a.pdf, page 2" in capsys.readouterr().out


def test_one_folder_feeds_several_collections_in_one_run(cli, project):
    code, out, err = cli("ingest", "docs", "--embedding", "tiny", "--embedding", "tiny-cls", "--json")
    assert (code, err) == (0, "")
    assert [
        (report["collection"], report["embedding"], report["files"]["new"]) for report in json.loads(out)["collections"]
    ] == [
        ("docs-tiny", "tiny", 3),
        ("docs-tiny-cls", "tiny-cls", 3),
    ]


def test_all_collections_of_a_folder_are_brought_in(cli, project):
    config = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(
        config.replace(
            "collections:\n", "collections:\n  other: {folder: docs, embedding: tiny-cls, include: '*.md'}\n"
        )
    )
    code, out, _ = cli("ingest", "docs")
    assert code == 0
    assert "other: 2 new" in out
    assert "docs: 3 new" in out


def test_several_folders_feed_one_collection(cli, project):
    (project / "more").mkdir()
    (project / "more" / "extra.md").write_text("# 더\n\n글", "utf-8")
    config = (project / "config.yaml").read_text()
    (project / "config.yaml").write_text(config.replace("folder: docs", "folder: [docs, more]"))
    assert "docs: 4 new" in cli("ingest")[1]


def test_one_collection_that_fails_does_not_keep_the_others_back(cli, project):
    cli("ingest", "docs", "--collection", "docs-tiny", "--embedding", "tiny-cls")
    code, out, err = cli("ingest", "docs", "--embedding", "tiny", "--embedding", "tiny-prompt")
    assert code == 3
    assert "error: docs-tiny: collection 'docs-tiny' was made with embedding 'tiny-cls'" in err
    assert "docs-tiny-prompt: 3 new" in out


def test_patterns_are_given_on_the_command_line_too(cli):
    assert "1 new" in cli("ingest", "--include", "*.md", "--exclude", "bulk*")[1]


def test_removing_more_than_half_needs_yes(cli, documents):
    cli("ingest")
    for name in ("bulk.md", "notes.txt"):
        (documents / name).unlink()
    code, out, err = cli("ingest")
    assert (code, out) == (2, "")
    assert "2 of 3 documents in the collection are no longer in the folder" in err
    assert "0 removed" in cli("ingest", "--no-delete")[1]
    assert "2 removed" in cli("ingest", "--yes")[1]


def test_a_dry_run_shows_what_is_renamed_and_removed(cli, documents):
    cli("ingest")
    (documents / "bulk.md").rename(documents / "dry.md")
    (documents / "notes.txt").unlink()
    code, out, _ = cli("ingest", "--dry-run")
    assert code == 0
    assert out.splitlines()[:2] == ["rename  dry.md  (was bulk.md)", "remove  notes.txt"]
    code, out, _ = cli("ingest", "--dry-run", "--json")
    assert json.loads(out)["plan"] == [
        {"action": "rename", "source": "dry.md", "from": "bulk.md"},
        {"action": "remove", "source": "notes.txt"},
    ]


def test_watch_goes_with_neither_dry_run_nor_rebuild(cli):
    assert cli("ingest", "--watch", "--dry-run")[0] == 2


@pytest.mark.slow
def test_watch_brings_in_changes_and_stops_cleanly(project, documents):
    process = started(ROOT / "ingest.py", "--watch", cwd=project, env={"PYTHONUNBUFFERED": "1"})
    try:
        assert "3 new" in process.stdout.readline()
        assert "watching" in next(line for line in process.stderr if complaints(line))
        (documents / "later.md").write_text("# 나중\n\n글", "utf-8")
        assert "1 new, 0 updated, 3 unchanged" in process.stdout.readline()
        (documents / "later.md").unlink()
        (documents / "bulk.md").write_text("# 벌크선\n\n바뀐 글", "utf-8")
        assert "0 new, 1 updated, 2 unchanged, 1 removed" in process.stdout.readline()
        (documents / "bad.txt").write_bytes(b"\0")
        assert "bad.txt: binary" in next(line for line in process.stderr if complaints(line))
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert "stopped watching" in err
        assert process.returncode == 1
    finally:
        process.kill()
        process.communicate()


def test_progress_tells_files_tokens_speed_and_time_left():
    progress = Progress(
        files_done=20,
        files=100,
        bytes_done=1000,
        bytes=5000,
        chunks=40,
        tokens=12_000,
        embedding_seconds=6.0,
        share=0.2,
    )
    assert time_left(progress, 10.0) == 40.0
    assert time_left(progress, 1.0) is None
    assert time_left(replace(progress, share=None), 1000.0) is None
    assert describe(progress, 10.0) == "20 of 100 files, 12,000 tokens, 2,000 tokens/s, about 40 s left"
    assert describe(progress, 1000.0).endswith("about 67 min left")


def test_progress_is_told_in_lines_where_there_is_no_terminal(cli, monkeypatch):
    from rag_pipeline.cli import progress

    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    code, _, err = cli("ingest")
    assert code == 0
    assert err.startswith("docs: ")
    assert "of 3 files" in err


def test_conditions_on_metadata_narrow_a_question(cli, project, documents):
    (documents / "bulk.md").write_text("---\ntype: bulk\nyear: 2021\n---\n# 벌크선\n\n석탄.\n", "utf-8")
    cli("ingest")
    code, out, err = cli("query", "배", "--where", "type=bulk", "--where", "year>=2020", "--json")
    assert (code, err) == (0, "")
    assert [passage["source"] for passage in json.loads(out)["passages"]] == ["bulk.md"]
    assert "bulk.md" in cli("query", "배", "--exact", "--where", "source=bulk.md")[1]
    assert cli("query", "배", "--where", "type=ferry") == (0, "", "no passage fits --where\n")
    assert cli("query", "배", "--where", "type")[0] == 2


def test_a_rule_for_metadata_that_holds_no_plain_value_is_named(cli, project):
    config = (project / "config.yaml").read_text()
    rule = "docs: {folder: docs, embedding: tiny, metadata: [{files: '*.md', values: {a: [1]}}]}"
    (project / "config.yaml").write_text(config.replace("docs: {folder: docs, embedding: tiny}", rule))
    code, _, err = cli("ingest")
    assert code == 2
    assert err.count("\n") == 1
    assert "values.a: found [1]; allowed: text, a number, true or false" in err
