"""Rerankers on real checkpoints, small and random."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from rag_pipeline.config import RerankSettings, load_settings
from rag_pipeline.embeddings import TransformerEmbeddings
from rag_pipeline.embeddings.local.cross_encoder import CrossEncoder
from rag_pipeline.errors import CheckpointError, ConfigurationError, EmbeddingError
from rag_pipeline.ingestion.run import IngestTarget, ingest
from rag_pipeline.retrieval import open_searcher
from rag_pipeline.retrieval.fusion import Candidate
from rag_pipeline.retrieval.rerank import make_reranker
from rag_pipeline.testing import HashEmbeddings

TEXTS = {"a": "draft 12.04 m", "b": "coal and grain", "c": "선박 흘수 가나다"}


def candidates():
    return [Candidate(key, 0.5 - number / 10) for number, key in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory, tiny_checkpoint):
    """A BERT with one output, as a reranker is."""
    return classifier(tmp_path_factory.mktemp("models") / "cross", tiny_checkpoint, labels=1)


def classifier(folder, tiny_checkpoint, labels):
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    shutil.copytree(tiny_checkpoint, folder)
    torch.manual_seed(3)
    config = BertConfig.from_pretrained(tiny_checkpoint, num_labels=labels)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    tokenizer["post_processor"]["pair"] = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
        {"Sequence": {"id": "B", "type_id": 1}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 1}},
    ]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    configuration = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    configuration["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration), "utf-8")
    return folder


@pytest.mark.slow
def test_maxsim_is_the_mean_of_each_tokens_best_match(tiny_checkpoint):
    embeddings = TransformerEmbeddings(tiny_checkpoint)
    reranker = make_reranker(RerankSettings(method="maxsim", weight=2.0), embeddings)
    found = {one.id: one for one in reranker.rerank("draft m", candidates(), TEXTS)}
    asked = embeddings.query_token_vectors("draft m")
    assert asked.shape == (len("draft m") + 2, 32)
    for key, text in TEXTS.items():
        (passage,) = embeddings.document_token_vectors([text])
        best = [max(float(token @ other) for other in passage) for token in asked]
        assert found[key].rerank == pytest.approx(np.mean(best), abs=2e-3)
        before = next(one.score for one in candidates() if one.id == key)
        assert found[key].score == pytest.approx(before + 2 * found[key].rerank)


@pytest.mark.slow
def test_token_vectors_are_those_of_the_model_whatever_is_in_the_batch(tiny_checkpoint):
    import torch
    from transformers import AutoModel

    embeddings = TransformerEmbeddings(tiny_checkpoint, dtype="float32", document_prompt="d: ")
    together = embeddings.document_token_vectors(["coal", "a much longer text than the one"])
    ids = torch.tensor([embeddings._loaded_tokenizer().encode(["d: coal"], None)[0][0]])
    with torch.inference_mode():
        states = AutoModel.from_pretrained(tiny_checkpoint)(ids).last_hidden_state[0]
    np.testing.assert_allclose(together[0], torch.nn.functional.normalize(states, dim=-1).numpy(), atol=1e-4)


def test_maxsim_needs_a_local_model():
    with pytest.raises(ConfigurationError, match="maxsim needs the token vectors of a local model"):
        make_reranker(RerankSettings(method="maxsim"), HashEmbeddings())


def test_no_method_is_no_reranker():
    assert make_reranker(RerankSettings(), HashEmbeddings()) is None


@pytest.mark.slow
def test_a_cross_encoder_gives_what_transformers_gives_for_the_pair(cross_encoder):
    import torch
    from transformers import AutoModelForSequenceClassification

    scores = CrossEncoder(cross_encoder, dtype="float32").scores("draft m", list(TEXTS.values()))
    model = AutoModelForSequenceClassification.from_pretrained(cross_encoder).eval()
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(cross_encoder / "tokenizer.json"))
    for score, text in zip(scores, TEXTS.values(), strict=True):
        encoded = tokenizer.encode("draft m", text)
        with torch.inference_mode():
            logit = model(
                input_ids=torch.tensor([encoded.ids]), token_type_ids=torch.tensor([encoded.type_ids])
            ).logits[0, 0]
        assert score == pytest.approx(torch.sigmoid(logit).item(), abs=1e-4)
    assert len({round(score, 4) for score in scores}) == 3


@pytest.mark.slow
def test_a_passage_that_is_too_long_is_cut_and_the_question_is_not(cross_encoder):
    model = CrossEncoder(cross_encoder, dtype="float32")
    long, longer = "coal " * 40, "coal " * 80
    assert model.scores("draft", [long]) == pytest.approx(model.scores("draft", [longer]))
    assert model.scores("draft", [long]) != pytest.approx(model.scores("grain", [long]))
    assert model.scores("draft", []) == []


@pytest.mark.slow
def test_a_question_that_is_too_long_is_cut_beside_each_passage_as_sentence_transformers_does(cross_encoder):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    question, passages = "draft coal " * 20, ["grain", "a much longer text on grain and locks", "선박 흘수 가나다"]
    with pytest.warns(UserWarning, match="reads next to a passage: of 32 tokens for both it reads 15 of the question"):
        found = CrossEncoder(cross_encoder, dtype="float32").scores(question, passages)
    reference = sentence_transformers.CrossEncoder(str(cross_encoder), device="cpu", local_files_only=True)
    wanted = [float(score) for score in reference.predict([(question, passage) for passage in passages])]
    assert found == pytest.approx(wanted, abs=1e-4)
    assert len({round(score, 4) for score in found}) == 3


@pytest.mark.slow
def test_that_a_question_was_cut_is_said_once(cross_encoder, recwarn):
    model = CrossEncoder(cross_encoder, dtype="float32")
    model.scores("draft", ["coal " * 40])
    assert not recwarn.list
    for _ in range(3):
        model.scores("draft coal " * 20, ["grain", "coal " * 40])
    assert len(recwarn.list) == 1


@pytest.mark.slow
def test_the_passage_counts_beside_a_question_of_any_length(cross_encoder):
    model = CrossEncoder(cross_encoder, dtype="float32")
    with pytest.warns(UserWarning, match="longer than the reranker"):
        scores = model.scores("흘수 " * 5000, ["coal " * 40, "grain " * 40])
    assert abs(scores[0] - scores[1]) > 1e-4
    assert model.scores("\udcff draft", ["\ud800 coal"])[0] == pytest.approx(model.scores("? draft", ["? coal"])[0])


def test_what_a_model_raises_in_its_own_way_is_named(cross_encoder, tmp_path):
    folder = shutil.copytree(cross_encoder, tmp_path / "wrong")
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    tokenizer["model"]["vocab"]["~"] = 5000
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    with pytest.raises(EmbeddingError, match=r"the reranker wrong failed: \S+") as raised:
        CrossEncoder(folder).scores("~", ["coal"])
    assert "\n" not in str(raised.value)


def test_a_cross_encoder_ranks_alone(cross_encoder):
    reranker = make_reranker(RerankSettings(method="cross_encoder", model=cross_encoder), HashEmbeddings())
    found = reranker.rerank("draft m", candidates(), TEXTS)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert all(one.score == one.rerank for one in found)


def test_a_model_that_was_not_trained_to_rerank_is_refused(tiny_checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="has no trained output for reranking"):
        CrossEncoder(tiny_checkpoint).scores("draft", ["coal"])
    with pytest.raises(CheckpointError, match="has 3 outputs; a reranker has one"):
        CrossEncoder(classifier(tmp_path / "three", tiny_checkpoint, labels=3)).scores("draft", ["coal"])
    with pytest.raises(CheckpointError, match="not found"):
        CrossEncoder(tmp_path / "missing")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["maxsim", "cross_encoder"])
def test_a_configured_reranker_looks_at_the_first_candidates(project, cross_encoder, method):
    text = (project / "config.yaml").read_text("utf-8")
    options = f"retrieval: {{rerank: {{method: {method}, model: {cross_encoder}, candidates: 3}}}}\n"
    (project / "config.yaml").write_text(text + options, "utf-8")
    settings = load_settings(project / "config.yaml")
    ingest(settings, IngestTarget("docs", [project / "docs"], "tiny"))
    found = open_searcher(settings).search("최대 흘수", 10, explain=True)
    assert len(found) == 3
    assert all(passage.explanation.rerank_score is not None for passage in found)
    assert [passage.score for passage in found] == sorted((passage.score for passage in found), reverse=True)


@pytest.mark.slow
def test_the_reranker_may_be_changed_on_an_open_collection(project, cross_encoder):
    settings = load_settings(project / "config.yaml")
    ingest(settings, IngestTarget("docs", [project / "docs"], "tiny"))
    plain = open_searcher(settings)
    reranked = plain.changed(rerank=RerankSettings(method="cross_encoder", model=cross_encoder), distinct=True)
    found = reranked.search("최대 흘수", 10, explain=True)
    assert all(passage.score == passage.explanation.rerank_score for passage in found)
    assert len({passage.source for passage in found}) == len(found) == 3
    assert plain.search("최대 흘수", 1, explain=True)[0].explanation.rerank_score is None
