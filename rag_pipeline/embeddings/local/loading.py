"""The transformer of a checkpoint, loaded; importing this file imports torch and transformers."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable, Iterator
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
from rag_pipeline.embeddings.local.refusals import unread_by_transformers
from rag_pipeline.embeddings.local.weights import can_convert, holds_only, read_converted
from rag_pipeline.errors import CheckpointError
from rag_pipeline.text import first_line

# Models of two halves whose encoder has no class among transformers' own names; sentence-transformers takes it alone.
_ENCODERS = {
    "blenderbot": "BlenderbotEncoder",
    "blenderbot-small": "BlenderbotSmallEncoder",
    "m2m_100": "M2M100Encoder",
    "marian": "MarianEncoder",
    "pegasus": "PegasusEncoder",
    "pegasus_x": "PegasusXEncoder",
    "prophetnet": "ProphetNetEncoder",
}


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
        # They are in the report then, and named below.
        "ignore_mismatched_sizes": True,
    }
    if implementation := _attention_for(checkpoint, device):
        options["attn_implementation"] = implementation
    source: Path | None = folder
    kind = None
    with quiet_transformers():
        try:
            config = AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **checkpoint.recipe.config_arguments
            )
            loader, kind = _class_for(config)
            if loader.__name__.endswith("EncoderModel"):
                config.is_encoder_decoder = False
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
            reason = unread_by_transformers(checkpoint.config, kind) or first_line(error, 300)
            raise CheckpointError(f"model folder {folder} cannot be loaded: {reason}") from None
        if unread := unread_by_transformers(checkpoint.config, kind):
            raise CheckpointError(f"model folder {folder} cannot be used: {unread}")
        # A pooler is never used here, so it may be missing; anything else would be random numbers.
        if missing := [key for key in report["missing_keys"] if "pooler." not in key]:
            names = _some(missing)
            if loader.__name__ in _ENCODERS.values():
                advice = "only an encoder saved alone is read: model.get_encoder().save_pretrained(folder)"
                raise CheckpointError(f"model folder {folder}: the weights lack {names}; {advice}")
            raise CheckpointError(f"model folder {folder}: the weights lack {names}; the checkpoint is not complete")
        if other := [str(key[0]) for key in report["mismatched_keys"] if "pooler." not in str(key[0])]:
            raise CheckpointError(
                f"model folder {folder}: the weights {_some(other)} do not fit the sizes in config.json"
            )
        if checkpoint.adapter is not None:
            model = apply_adapter(model, checkpoint.adapter)
    moved: torch.nn.Module = model.to(device).eval()
    return moved


def _class_for(config: Any) -> tuple[Any, str | None]:
    """The class that computes the vectors of tokens, and the name of the class of the whole model.

    Of a model of two halves the one that reads is taken, where it has a class. The name is None where there is none.
    """
    # Only a class itself takes tensors that are read already; without one, AutoModel says what is wrong.
    found: Any = MODEL_MAPPING.get(type(config), None)
    if not isinstance(found, type):
        return AutoModel, None
    if config.model_type in _ENCODERS:
        return getattr(importlib.import_module(found.__module__), _ENCODERS[config.model_type]), found.__name__
    return getattr(transformers, f"{found.__name__.removesuffix('Model')}EncoderModel", found), found.__name__


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


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
