"""The loaded model behind :class:`TransformerEmbeddings`; importing this file imports torch and transformers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import MODEL_MAPPING, AutoConfig, AutoModel
from transformers.utils import logging as transformers_logging

from rag_pipeline.embeddings.local import attention
from rag_pipeline.embeddings.local.checkpoint import Checkpoint
from rag_pipeline.embeddings.local.hardware import choose_device, choose_dtype, default_batch_tokens
from rag_pipeline.embeddings.local.packing import pack_linear_layers
from rag_pipeline.embeddings.local.weights import can_convert, holds_only, read_converted
from rag_pipeline.errors import CheckpointError
from rag_pipeline.text import first_line

# What torch's CPU allocators say when memory is short; on a GPU there is an exception of its own.
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "could not allocate")


class Encoder:
    """Token ids in, sentence vectors out.

    Args:
        checkpoint: a complete checkpoint folder.
        pooling: ``mean`` or ``cls``.
        normalize: whether vectors have length one.
        device: see :func:`choose_device`.
        dtype: see :func:`choose_dtype`.

    Raises:
        CheckpointError: the weights do not fill the model, or it needs code of its own.
    """

    def __init__(self, checkpoint: Checkpoint, pooling: str, normalize: bool, device: str, dtype: str) -> None:
        self._pooling = pooling
        self._normalize = normalize
        self._device = choose_device(device)
        dtype_chosen = choose_dtype(dtype, self._device)
        self._pad_token = checkpoint.config.get("pad_token_id") or 0
        self._positions = checkpoint.max_tokens
        self.model = _load_model(checkpoint, dtype_chosen, self._device)
        pack_linear_layers(self.model)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._device

    @property
    def batch_tokens(self) -> int:
        """Tokens in one forward pass that suit the device."""
        return default_batch_tokens(self._device)

    def encode(self, rows: list[list[int]]) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        """Vectors of one batch of token ids, (texts, dimension) in float32; None when it does not fit in memory."""
        return self._forward(rows, lambda states, mask: self._pool(states, mask).cpu().numpy())

    def token_vectors(self, rows: list[list[int]]) -> list[np.ndarray[Any, np.dtype[np.float32]]] | None:
        """For each row of token ids its tokens' last hidden states, (tokens, dimension), of length one each.

        None when the batch does not fit in memory.
        """
        states = self._forward(
            rows, lambda states, _: torch.nn.functional.normalize(states.float(), dim=-1).cpu().numpy()
        )
        return None if states is None else [states[i, : len(row)] for i, row in enumerate(rows)]

    def _forward(
        self, rows: list[list[int]], finish: Callable[[torch.Tensor, torch.Tensor], np.ndarray[Any, Any]]
    ) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        try:
            with torch.inference_mode():
                width = self._width(max(len(row) for row in rows))
                ids = self._tensor([row + [self._pad_token] * (width - len(row)) for row in rows])
                mask = self._tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
                hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
                return finish(hidden, mask)
        except torch.OutOfMemoryError:
            pass
        except MemoryError:
            pass
        except RuntimeError as error:
            if not any(words in str(error).lower() for words in _OUT_OF_MEMORY):
                raise
        # Outside of the except clauses, so that the failed batch's tensors are already free.
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _pool(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self._pooling == "cls":
            vectors = hidden[:, 0].float()
        else:
            # (texts, 1, tokens) @ (texts, tokens, dimension): sums over real tokens only, in float32.
            weights = mask.float()
            vectors = torch.bmm(weights.unsqueeze(1), hidden.float()).squeeze(1) / weights.sum(dim=1, keepdim=True)
        return torch.nn.functional.normalize(vectors, dim=1) if self._normalize else vectors

    def _width(self, tokens: int) -> int:
        """Rounded up, so that batches come in few shapes: each new one costs a CPU the making of its kernels."""
        return min(-(-tokens // attention.STEP) * attention.STEP, self._positions or tokens)

    def _tensor(self, rows: list[list[int]]) -> torch.Tensor:
        return torch.tensor(rows, device=self._device)


def _load_model(checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device) -> torch.nn.Module:
    folder = checkpoint.folder
    options: dict[str, Any] = {
        "dtype": dtype,
        "attn_implementation": _attention_for(checkpoint, device),
        "use_safetensors": True,
        "trust_remote_code": False,
        "local_files_only": True,
        "output_loading_info": True,
    }

    loader: Any = AutoModel
    source: Path | None = folder
    with quiet_transformers():
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            files = checkpoint.weight_files
            if device.type == "cpu" and not holds_only(files, dtype) and can_convert(files):
                # transformers would map the whole file and convert from it, which takes the memory of both at once.
                # Only the class that AutoModel would choose takes tensors that are read already.
                loader, source = MODEL_MAPPING[type(config)], None
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
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    missing += sorted(str(key[0]) for key in report.get("mismatched_keys", ()))
    if missing:
        names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise CheckpointError(f"model folder {folder}: the weights lack {names}; the checkpoint is not complete")
    moved: torch.nn.Module = model.to(device).eval()
    return moved


def _attention_for(checkpoint: Checkpoint, device: torch.device) -> str:
    if device.type == "cpu" and checkpoint.config["model_type"] in attention.MODEL_TYPES:
        attention.register()
        return attention.NAME
    return "sdpa"


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
