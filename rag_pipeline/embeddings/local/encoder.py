"""The loaded model behind :class:`TransformerEmbeddings`; importing this file imports torch and transformers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from rag_pipeline.embeddings.local import attention
from rag_pipeline.embeddings.local.checkpoint import Checkpoint
from rag_pipeline.embeddings.local.hardware import choose_device, choose_dtype, default_batch_tokens
from rag_pipeline.embeddings.local.layers import load_layers
from rag_pipeline.embeddings.local.loading import load_model
from rag_pipeline.embeddings.local.packing import pack_linear_layers
from rag_pipeline.embeddings.local.pooling import pool
from rag_pipeline.errors import EmbeddingError
from rag_pipeline.text import first_line

# What torch's CPU allocators say when memory is short; on a GPU there is an exception of its own.
# Inner products of unit vectors above these are rounding, by the number format.
_SAME_DIRECTION = {torch.float32: 0.99999, torch.bfloat16: 0.995, torch.float16: 0.9995}
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "could not allocate")


class Encoder:
    """Token ids in, sentence vectors out.

    Args:
        checkpoint: a complete checkpoint folder.
        pooling: modes out of :data:`.recipe.POOLING_MODES`, whose vectors are joined.
        normalize: whether vectors have length one.
        device: see :func:`choose_device`.
        dtype: see :func:`choose_dtype`.

    Raises:
        CheckpointError: the weights do not fill the model, or it needs code of its own.
    """

    model: torch.nn.Module
    """The transformer, for inference only."""

    def __init__(
        self, checkpoint: Checkpoint, pooling: Sequence[str], normalize: bool, device: str, dtype: str
    ) -> None:
        self._pooling = tuple(pooling)
        self._normalize = normalize
        self._name = checkpoint.name
        self._include_prompt = checkpoint.recipe.include_prompt
        self._device = choose_device(device)
        self._dtype = choose_dtype(dtype, self._device)
        self._pad_token = checkpoint.pad_token
        self._positions = checkpoint.max_tokens
        self._alone = False
        self._truncate = checkpoint.recipe.truncate
        self._layers = load_layers(checkpoint.recipe.layers, checkpoint.name).to(self._device)
        self._load(checkpoint)
        if dtype == "auto" and self._dtype != torch.float32 and not self._runs():
            # Some models compute parts of themselves in float32 whatever their weights are in, and mix the two.
            self._dtype = torch.float32
            self._load(checkpoint)
        if checkpoint.config["model_type"] not in attention.MODEL_TYPES:
            self._alone = self._heeds_padding()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._device

    @property
    def batch_tokens(self) -> int:
        """Tokens in one forward pass that suit the device."""
        return default_batch_tokens(self._device)

    def encode(self, rows: list[list[int]], prompt_tokens: int = 0) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        """Vectors of one batch of token ids, (texts, dimension) in float32; None when it does not fit in memory.

        Args:
            rows: the tokens of each text.
            prompt_tokens: how many of them at the start are its prompt's, which some models leave out of the pooling.
        """
        skipped = 0 if self._include_prompt else prompt_tokens
        done = [
            self._forward(batch, lambda states, mask: self._vectors(states, mask, skipped).cpu().numpy())
            for batch in self._batches(rows)
        ]
        # An array has no truth of its own, so that None is looked for by identity.
        return None if any(vectors is None for vectors in done) else np.concatenate(done)  # type: ignore[arg-type]

    def token_vectors(self, rows: list[list[int]]) -> list[np.ndarray[Any, np.dtype[np.float32]]] | None:
        """For each row of token ids its tokens' last hidden states, (tokens, dimension), of length one each.

        None when the batch does not fit in memory.
        """
        found: list[np.ndarray[Any, np.dtype[np.float32]]] = []
        for batch in self._batches(rows):
            states = self._forward(batch, lambda states, _: normalize(states.float(), dim=-1).cpu().numpy())
            if states is None:
                return None
            found += [states[i, : len(row)] for i, row in enumerate(batch)]
        return found

    def _batches(self, rows: list[list[int]]) -> list[list[list[int]]]:
        return [[row] for row in rows] if self._alone else [rows]

    def _forward(
        self, rows: list[list[int]], finish: Callable[[torch.Tensor, torch.Tensor], np.ndarray[Any, Any]]
    ) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        try:
            with torch.inference_mode():
                return finish(*self._states(rows))
        except torch.OutOfMemoryError:
            pass
        except MemoryError:
            pass
        except RuntimeError as error:
            if not any(words in str(error).lower() for words in _OUT_OF_MEMORY):
                raise self._failure(error) from None
        except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._failure(error) from None
        # Outside of the except clauses, so that the failed batch's tensors are already free.
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _failure(self, error: Exception) -> EmbeddingError:
        return EmbeddingError(
            f"model {self._name} fails on its texts: {type(error).__name__}: {first_line(error, 200)}"
        )

    def _states(self, rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Last hidden states, (texts, tokens, dimension), and which tokens are real."""
        longest = max([1, *(len(row) for row in rows)])
        width = longest if self._alone else self._width(longest)
        ids = self._tensor([row + [self._pad_token] * (width - len(row)) for row in rows])
        mask = self._tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        hidden: torch.Tensor
        if self._alone:
            hidden = self.model(input_ids=ids).last_hidden_state
        else:
            # A text without a token reads its padding, which the pooling leaves out again.
            read = mask.clone()
            read[:, 0] = 1
            hidden = self.model(input_ids=ids, attention_mask=read).last_hidden_state
        return hidden[:, :width], mask

    def _vectors(self, hidden: torch.Tensor, mask: torch.Tensor, skipped: int) -> torch.Tensor:
        vectors = pool(hidden, mask, self._pooling, skipped)
        for layer in self._layers:
            vectors = layer(vectors)
        vectors = vectors[:, : self._truncate]
        return normalize(vectors, dim=1) if self._normalize else vectors

    def _heeds_padding(self) -> bool:
        """Whether padding changes a vector, as in models that convolve or mix all tokens; then each text goes alone."""
        if "attention_mask" not in inspect.signature(self.model.forward).parameters:
            return True
        words = getattr(self.model.config, "vocab_size", None) or 100
        row = [token for token in range(3, 3 + attention.STEP // 2) if token < words and token != self._pad_token]
        self._alone = True
        alone = self.encode([row])
        self._alone = False
        padded = self.encode([row])
        if alone is None or padded is None:
            return False
        cosine = np.vdot(alone, padded) / (np.linalg.norm(alone) * np.linalg.norm(padded))
        return bool(cosine < _SAME_DIRECTION[self._dtype])

    def _load(self, checkpoint: Checkpoint) -> None:
        self.model = load_model(checkpoint, self._dtype, self._device)
        if pack_linear_layers(self.model) and not self._runs():
            # Some models read the weights of their layers, which packed ones no longer have.
            self.model = load_model(checkpoint, self._dtype, self._device)

    def _runs(self) -> bool:
        try:
            with torch.inference_mode():
                self._states([[self._pad_token] * 4])
        except Exception:  # of any kind: what is at fault shows where the model is used as it was
            return False
        return True

    def _width(self, tokens: int) -> int:
        """Rounded up, so that batches come in few shapes: each new one costs a CPU the making of its kernels."""
        return min(-(-tokens // attention.STEP) * attention.STEP, self._positions or tokens)

    def _tensor(self, rows: list[list[int]]) -> torch.Tensor:
        return torch.tensor(rows, device=self._device)
