"""Adapters: small weights (LoRA and its like) that change those of a model, through the package peft."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from rag_pipeline.embeddings.local.modules import read_json
from rag_pipeline.errors import CheckpointError
from rag_pipeline.text import first_line

if TYPE_CHECKING:
    import torch

ADAPTER_WEIGHTS = "adapter_model.safetensors"


def base_model(folder: Path) -> str:
    """The folder or hub name of the model that an adapter was made for; empty where it names none."""
    return str(read_json(folder / "adapter_config.json").get("base_model_name_or_path") or "")


def check_adapter(folder: Path, name: str) -> None:
    """Find out without loading that an adapter cannot be applied.

    Raises:
        CheckpointError: peft is not installed, or its weights are missing.
    """
    if importlib.util.find_spec("peft") is None:
        raise CheckpointError(f"model {name} has an adapter ({folder}), which needs a package: pip install peft")
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise CheckpointError(f"model folder {folder} lacks the adapter's weights ({ADAPTER_WEIGHTS})")


def apply_adapter(model: torch.nn.Module, folder: Path) -> torch.nn.Module:
    """The model with the adapter merged into its weights.

    Raises:
        CheckpointError: the adapter does not fit the model.
    """
    from peft import PeftModel

    try:
        merged: torch.nn.Module = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except Exception as error:  # of many kinds, by what does not fit
        reason = first_line(error, 300)
        raise CheckpointError(f"the adapter in {folder} cannot be applied: {reason}") from None
    return merged
