"""Checkpoints of many shapes, tiny and random, in the files that sentence-transformers writes and reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel

HIDDEN = 32
TYPES = "sentence_transformers.models."


def edit(file: Path, **changes: Any) -> None:
    """Change keys of a JSON file, which is made if it is not there."""
    content = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({**content, **changes}, ensure_ascii=False), "utf-8")


def with_modules(
    base: Path, folder: Path, *modules: tuple[str, dict[str, Any]], pooling: dict[str, Any] | None = None
) -> Path:
    """A copy of a checkpoint with a modules.json: Transformer, Pooling, and what is given.

    Args:
        base: the checkpoint.
        folder: where the copy goes.
        modules: kind and configuration of each module after the pooling.
        pooling: configuration of the pooling; None: mean.
    """
    shutil.copytree(base, folder)
    listed = [("", "Transformer"), ("1_Pooling", "Pooling")]
    edit(folder / "1_Pooling" / "config.json", word_embedding_dimension=HIDDEN, **(pooling or {"pooling_mode": "mean"}))
    torch.manual_seed(11)
    for number, (kind, config) in enumerate(modules, 2):
        place = folder / f"{number}_{kind}"
        edit(place / "config.json", **config)
        listed.append((place.name, kind))
        weights = {}
        if kind == "Dense":
            weights["linear.weight"] = torch.randn(config["out_features"], config["in_features"]) * 0.4
            if config["bias"]:
                weights["linear.bias"] = torch.randn(config["out_features"])
        if kind == "LayerNorm":
            weights = {"norm.weight": torch.rand(config["dimension"]), "norm.bias": torch.randn(config["dimension"])}
        if weights:
            save_file(weights, place / "model.safetensors")
    entries = [
        {"idx": index, "name": str(index), "path": path, "type": TYPES + kind}
        for index, (path, kind) in enumerate(listed)
    ]
    (folder / "modules.json").write_text(json.dumps(entries), "utf-8")
    return folder


def dense(
    wide: int, narrow: int, activation: str = "torch.nn.modules.activation.Tanh", **more: Any
) -> tuple[str, dict]:
    """A Dense module from `wide` to `narrow` numbers."""
    return "Dense", {
        "in_features": wide, "out_features": narrow, "bias": True, "activation_function": activation, **more
    }  # fmt: skip


def saved(model: PreTrainedModel, base: Path, folder: Path, **tokenizer: Any) -> Path:
    """A model of another architecture with the tokenizer of a checkpoint."""
    folder.mkdir()
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, folder / name)
    edit(folder / "tokenizer_config.json", **tokenizer)
    return folder


def cosines(ours: Sequence[Sequence[float]], theirs: Any) -> list[float]:
    """Cosine of each pair of rows; rows of different length have none."""
    mine, other = torch.tensor(ours), torch.as_tensor(theirs)
    assert mine.shape == other.shape
    return torch.nn.functional.cosine_similarity(mine, other, dim=1).tolist()
