"""Verdicts on passages."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag_pipeline import Pipeline
from rag_pipeline.errors import CollectionNotFoundError, OutputError, UsageError
from rag_pipeline.testing import HashEmbeddings


@pytest.fixture
def pipeline(documents, tmp_path, monkeypatch):
    (tmp_path / "config.yaml").write_text("default_collection: docs\ncollections: {docs: {folder: docs}}\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    with Pipeline(embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest()
        yield pipeline


def test_a_verdict_is_a_line_next_to_the_store(pipeline, tmp_path):
    passage = pipeline.retrieve("최대 흘수는?", 1)[0]
    line = pipeline.feedback(" 최대 흘수는? ", passage.id, "right")
    file = tmp_path / "chroma_db.feedback.jsonl"
    assert json.loads(file.read_text("utf-8")) == line
    assert list(line) == ["question", "collection", "passage", "source", "section", "text", "verdict", "time"]
    assert (line["question"], line["passage"], line["verdict"]) == ("최대 흘수는?", passage.id, "right")
    assert (line["collection"], line["source"], line["text"]) == ("docs", passage.source, passage.text)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.slow
def test_verdicts_of_many_are_whole_lines(pipeline, tmp_path):
    passage = pipeline.retrieve("최대 흘수는?", 1)[0]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: pipeline.feedback(f"{number}", passage.id, "wrong"), range(40)))
    lines = (tmp_path / "chroma_db.feedback.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["question"] for line in lines} == {str(number) for number in range(40)}


async def test_it_waits_for_no_event_loop(pipeline):
    passage = (await pipeline.aretrieve("최대 흘수는?", 1))[0]
    assert (await pipeline.afeedback("최대 흘수는?", passage.id, "right"))["verdict"] == "right"


def test_what_is_no_verdict_is_refused(pipeline, tmp_path):
    passage = pipeline.retrieve("최대 흘수는?", 1)[0]
    with pytest.raises(UsageError, match="known: right, wrong"):
        pipeline.feedback("x", passage.id, "perhaps")
    with pytest.raises(UsageError, match="empty"):
        pipeline.feedback(" ", passage.id, "right")
    with pytest.raises(UsageError, match="no passage"):
        pipeline.feedback("x", "nothing", "right")
    with pytest.raises(CollectionNotFoundError):
        Pipeline(collection="nothing").feedback("x", passage.id, "right")
    assert not (tmp_path / "chroma_db.feedback.jsonl").exists()


def test_a_file_that_cannot_be_written_is_said(pipeline, tmp_path):
    passage = pipeline.retrieve("최대 흘수는?", 1)[0]
    (tmp_path / "chroma_db.feedback.jsonl").mkdir()
    with pytest.raises(OutputError, match="not kept"):
        pipeline.feedback("x", passage.id, "right")
