"""The transformer of a checkpoint, loaded; importing this file imports torch and transformers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import MODEL_MAPPING, AutoConfig, AutoModel
from transformers.utils import logging as transformers_logging

from rag_pipeline.embeddings.local import attention
from rag_pipeline.embeddings.local.adapters import apply_adapter
from rag_pipeline.embeddings.local.checkpoint import Checkpoint
from rag_pipeline.embeddings.local.weights import can_convert, holds_only, read_converted
from rag_pipeline.errors import CheckpointError
from rag_pipeline.text import first_line


def load_model(checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device) -> torch.nn.Module:
    """The model that gives the vectors of tokens, on its device and for inference.

    Raises:
        CheckpointError: the weights do not fill the model, or it needs code of its own.
    """
    folder = checkpoint.folder
    options: dict[str, Any] = {
        "dtype": dtype,
        "use_safetensors": True,
        "trust_remote_code": False,
        "local_files_only": True,
        "output_loading_info": True,
    }
    if implementation := _attention_for(checkpoint, device):
        options["attn_implementation"] = implementation
    source: Path | None = folder
    with quiet_transformers():
        try:
            config = AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **checkpoint.recipe.config_arguments
            )
            loader = _class_for(config)
            files = checkpoint.weight_files
            # transformers would map the whole file and convert from it, which takes the memory of both at once; and
            # an adapter that it finds with the weights it would apply by itself, to a model of its own choice.
            ours = checkpoint.adapter is not None or (device.type == "cpu" and not holds_only(files, dtype))
            if ours and loader is not AutoModel and can_convert(files):
                source = None
                options["state_dict"] = read_converted(files, dtype)
            try:
                model, report = loader.from_pretrained(source, config=config, add_pooling_layer=False, **options)
            except TypeError as error:
                # Only BERT-like classes have a pooling layer to leave out.
                if "add_pooling_layer" not in str(error):
                    raise
                model, report = loader.from_pretrained(source, config=config, **options)
        except Exception as error:
            reason = first_line(error, 300)
            raise CheckpointError(f"model folder {folder} cannot be loaded: {reason}") from None
        # A pooler is never used here, so it may be missing; anything else would be random numbers.
        missing = sorted(key for key in report["missing_keys"] if "pooler." not in key)
        missing += sorted(str(key[0]) for key in report.get("mismatched_keys", ()))
        if missing:
            names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
            raise CheckpointError(f"model folder {folder}: the weights lack {names}; the checkpoint is not complete")
        if checkpoint.adapter is not None:
            model = apply_adapter(model, checkpoint.adapter)
    moved: torch.nn.Module = model.to(device).eval()
    return moved


def _class_for(config: Any) -> Any:
    """The class of a configuration: of a model of two halves, the one that reads, where there is such a class."""
    # Only a class itself takes tensors that are read already; without one, AutoModel says what is wrong.
    found: Any = MODEL_MAPPING.get(type(config), None)
    if not isinstance(found, type):
        return AutoModel
    return getattr(transformers, f"{found.__name__.removesuffix('Model')}EncoderModel", found)


def _attention_for(checkpoint: Checkpoint, device: torch.device) -> str | None:
    """Our own attention where it computes the same; None: what transformers takes for the model, eager or sdpa."""
    config = checkpoint.config
    # A decoder sees what comes before a token only, which our own does not know of.
    plain = not config.get("is_decoder") and not config.get("add_cross_attention")
    if device.type == "cpu" and config["model_type"] in attention.MODEL_TYPES and plain:
        attention.register()
        return attention.NAME
    return None


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bar or warning of transformers while loading: what matters is read from its report."""
    verbosity, bar = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bar:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
