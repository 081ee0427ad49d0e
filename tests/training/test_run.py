"""A whole training of a tiny model: what it leaves, that it can be cut off, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings
from rag_pipeline.errors import UsageError
from rag_pipeline.training import TrainingOptions, fitting, splitting, structure, train
from rag_pipeline.training.progress import Progress
from rag_pipeline.training.run import preview

pytestmark = pytest.mark.slow


class StoppedError(Exception):
    """The power is cut."""


class Stopping(Progress):
    """Ends the run at the step with this number, as a kill would."""

    def __init__(self, at):
        super().__init__()
        self.steps, self._at = 0, at

    def step(self, done, total, loss):
        self.steps += 1
        if self.steps == self._at:
            raise StoppedError


def weights_of(folder):
    from safetensors.numpy import load_file

    return load_file(folder / "model.safetensors")


def test_a_training_leaves_a_checkpoint_that_all_read_alike_and_that_says_how_it_was_made(
    settings, questions, harbours
):
    report = train(settings, questions, output=harbours / "models" / "own")
    assert report.folder.name == ("own" if report.verdict.helps else "own-no-gain")
    assert sorted(path.name for path in (harbours / "models").iterdir()) == sorted(
        [report.folder.name, report.other_folder.name]
    )
    assert (report.folds, report.pairs) == (2, 60)
    for folder in (report.folder, report.other_folder):
        names = {path.name for path in folder.iterdir()}
        assert {"config.json", "model.safetensors", "tokenizer.json", "modules.json", "1_Pooling", "README.md"} <= names
        assert "InfoNCE" in (folder / "README.md").read_text("utf-8")
    assert not np.array_equal(
        weights_of(report.folder)["encoder.layer.0.output.dense.weight"],
        weights_of(report.other_folder)["encoder.layer.0.output.dense.weight"],
    )
    check_all_read_it_alike(report.folder)
    said = json.loads((report.folder / "training.json").read_text("utf-8"))
    assert said["verdict"] == report.verdict.sentence
    assert said["judged"]["averaged"]["held_back"]["dense"]["hit@1"]["questions"] == 60


def check_all_read_it_alike(folder: Path) -> None:
    from langchain_huggingface import HuggingFaceEmbeddings
    from sentence_transformers import SentenceTransformer

    texts = ["ship a0 draws 0 m.", "선박 b1", "x"]
    ours = np.asarray(TransformerEmbeddings(folder, dtype="float32").embed_documents(texts))
    theirs = SentenceTransformer(str(folder), device="cpu").encode(texts, prompt_name="document")
    stock = HuggingFaceEmbeddings(model_name=str(folder), model_kwargs={"device": "cpu"}).embed_documents(texts)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    np.testing.assert_allclose(ours, stock, atol=1e-5)


@pytest.mark.parametrize("at", [3, 14])
def test_a_training_that_was_cut_off_goes_on_to_the_same_weights(settings, questions, harbours, at):
    whole = train(settings, questions, output=harbours / "whole", options=TrainingOptions(seed=3))
    options = TrainingOptions(seed=3)
    with pytest.raises(StoppedError):
        train(settings, questions, output=harbours / "cut", options=options, on_progress=Stopping(at))
    assert (harbours / "cut.part").is_dir()
    counting = Stopping(-1)
    again = train(settings, questions, output=harbours / "cut", options=options, on_progress=counting)
    assert counting.steps < 30  # of six each for the halves, and twelve for the whole, done again at most in part
    one, other = weights_of(whole.folder), weights_of(again.folder)
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert whole.verdict == again.verdict
    assert not (harbours / "cut.part").exists()


class StoppingAtOtherText(Progress):
    """Ends the run when all is trained and judged, before the report."""

    def phase(self, what):
        if "other text" in what:
            raise StoppedError


def test_a_training_that_was_cut_off_after_it_was_judged_reports_all_of_it(settings, questions, harbours, monkeypatch):
    monkeypatch.setattr(splitting, "FEW_TO_SPLIT", 10)  # one fold
    options = TrainingOptions(seed=3)
    with pytest.raises(StoppedError):
        train(settings, questions, output=harbours / "cut", options=options, on_progress=StoppingAtOtherText())
    counting = Stopping(-1)
    report = train(settings, questions, output=harbours / "cut", options=options, on_progress=counting)
    assert counting.steps == 0
    said = json.loads((report.folder / "training.json").read_text("utf-8"))
    assert len(said["loss"]) > 0 and said["scale"] > 0


def test_a_batch_that_does_not_fit_goes_through_in_parts_to_the_same_end(settings, questions, harbours, monkeypatch):
    whole = train(settings, questions, output=harbours / "whole")
    fit, parts = fitting._fit, []

    def fit_in(*arguments):
        parts.append(arguments[-1])
        if arguments[-1] > 1:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate much")
        return fit(*arguments)

    monkeypatch.setattr(fitting, "_fit", fit_in)
    small = train(settings, questions, output=harbours / "small")
    assert parts[:3] == [4, 2, 1]
    one, other = weights_of(whole.folder), weights_of(small.folder)
    assert all(np.allclose(one[name], other[name], atol=1e-3) for name in one)


def test_too_few_questions_are_refused_with_how_many_are_missing(settings, questions, harbours):
    with pytest.raises(UsageError, match=r"^40 of 40 questions can be used.*; 10 more are needed"):
        train(settings, questions[:40], output=harbours / "few")
    assert not list(harbours.glob("few*"))


def test_a_folder_that_is_there_is_left_alone(settings, questions, harbours):
    (harbours / "mine").mkdir()
    with pytest.raises(UsageError, match="mine is there already"):
        train(settings, questions, output=harbours / "mine")
    (harbours / "other.part").mkdir()
    (harbours / "other.part" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is no training of ours"):
        train(settings, questions, output=harbours / "other")
    assert (harbours / "other.part" / "thesis.txt").read_text() == "mine"


def test_headings_teach_where_there_are_no_questions(settings, harbours, monkeypatch):
    monkeypatch.setattr(structure, "_LEAST_BODY", 10)  # more does not go into a chunk of the tiny model
    report = train(settings, None, output=harbours / "headings", options=TrainingOptions(from_documents=True))
    assert report.verdict.questions == "headings"
    assert report.from_documents
    assert "headings of the documents" in (report.folder / "README.md").read_text("utf-8")


def test_a_preview_says_what_a_training_does_and_writes_nothing(settings, questions, harbours):
    before = sorted(harbours.rglob("*"))
    planned = preview(settings, questions, output=harbours / "planned")
    assert (planned.usable, planned.pairs, planned.judged, planned.folds, planned.steps) == (60, 60, 60, 2, 12)
    assert sorted(harbours.rglob("*")) == before


def test_what_the_configuration_leaves_out_is_judged_all_the_same(settings, questions, harbours):
    def judged(settings):
        report = train(settings, questions, output=harbours / "models" / str(settings.retrieval.min_score))
        return report.verdict.chosen.held_back

    strict = settings.retrieval.model_copy(update={"min_score": 1.5, "min_confidence": 1.0})
    assert judged(settings.model_copy(update={"retrieval": strict})) == judged(settings)
