from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rag_pipeline.embeddings.local.checkpoint import Checkpoint
from rag_pipeline.errors import CheckpointError


def test_a_whole_checkpoint_opens_and_says_what_it_is(tiny_checkpoint):
    checkpoint = Checkpoint.open(tiny_checkpoint)
    assert (checkpoint.name, checkpoint.dimension_of(("mean",)), checkpoint.max_tokens) == ("tiny", 32, 32)
    assert checkpoint.trained_pooling is None
    assert checkpoint.digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        (["config.json"], "config.json"),
        (["tokenizer.json"], "a tokenizer"),
        (["model.safetensors"], r"weights \(model.safetensors\)"),
        (["config.json", "model.safetensors"], r"config.json and weights"),
    ],
)
def test_what_is_missing_is_named(tiny_copy, gone, named):
    for name in gone:
        (tiny_copy / name).unlink()
    with pytest.raises(CheckpointError, match=f"tiny-copy lacks .*{named}"):
        Checkpoint.open(tiny_copy)


def test_pickled_weights_are_refused_with_a_way_out(tiny_copy):
    (tiny_copy / "model.safetensors").rename(tiny_copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickle.*safetensors"):
        Checkpoint.open(tiny_copy)


def test_a_missing_folder_and_a_file_are_told_apart(tmp_path):
    with pytest.raises(CheckpointError, match="not found"):
        Checkpoint.open(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="not a folder"):
        Checkpoint.open(tmp_path / "file")


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_broken_config_is_refused(tiny_copy, text):
    (tiny_copy / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        Checkpoint.open(tiny_copy)


def test_a_missing_shard_is_named(tiny_copy):
    (tiny_copy / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (tiny_copy / "model.safetensors.index.json").write_text(json.dumps(index))
    (tiny_copy / "model-00001-of-00002.safetensors").touch()
    with pytest.raises(CheckpointError, match="model-00002-of-00002.safetensors") as error:
        Checkpoint.open(tiny_copy)
    assert "00001-of" not in str(error.value)


def test_weights_cut_short_are_noticed_without_loading_them(tiny_copy):
    weights = (tiny_copy / "model.safetensors").read_bytes()
    (tiny_copy / "model.safetensors").write_bytes(weights[:-100])
    with pytest.raises(CheckpointError, match="cut short"):
        _ = Checkpoint.open(tiny_copy).digest
    (tiny_copy / "model.safetensors").write_bytes(b"not a safetensors file")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        _ = Checkpoint.open(tiny_copy).digest


def test_the_digest_follows_the_content_not_the_place(tiny_checkpoint, tiny_copy):
    original = Checkpoint.open(tiny_checkpoint).digest
    assert Checkpoint.open(tiny_copy).digest == original
    tensors = load_file(tiny_copy / "model.safetensors")
    for name in tensors:
        moved = dict(tensors)
        moved[name] = (tensors[name] + np.float32(0.001)).astype(tensors[name].dtype)
        save_file(moved, tiny_copy / "model.safetensors", metadata={"format": "pt"})
        assert Checkpoint.open(tiny_copy).digest != original, name


def test_another_tokenizer_is_another_digest(tiny_checkpoint, tiny_copy):
    text = (tiny_copy / "tokenizer.json").read_text()
    (tiny_copy / "tokenizer.json").write_text(text.replace('"가"', '"갸"'))
    assert Checkpoint.open(tiny_copy).digest != Checkpoint.open(tiny_checkpoint).digest


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "lasttoken"}, "lasttoken"),
        ({"pooling_mode_max_tokens": True}, "max"),
    ],
)
def test_the_pooling_it_was_trained_with_is_read(tiny_copy, config, expected):
    (tiny_copy / "1_Pooling").mkdir()
    (tiny_copy / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **config}))
    assert Checkpoint.open(tiny_copy).trained_pooling == expected


def test_roberta_positions_before_the_first_are_not_counted(tiny_copy):
    config = json.loads((tiny_copy / "config.json").read_text())
    config |= {"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    (tiny_copy / "config.json").write_text(json.dumps(config))
    (tiny_copy / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 1e30}))
    assert Checkpoint.open(tiny_copy).max_tokens == 512
    (tiny_copy / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 256}))
    assert Checkpoint.open(tiny_copy).max_tokens == 256


def test_a_folder_reached_by_a_link_is_the_same_model(tiny_checkpoint, tmp_path):
    (tmp_path / "link").symlink_to(tiny_checkpoint)
    assert Checkpoint.open(tmp_path / "link").digest == Checkpoint.open(tiny_checkpoint).digest
    shutil.rmtree(tmp_path / "link", ignore_errors=True)
