"""Attention on a CPU, text by text.

In a batch of texts of unequal length, attention with a padding mask is the slowest part of a small encoder on a
CPU: torch's masked kernel reads the mask for every head. Taking each text by its own length needs no mask and
leaves two plain matrix products, for which the CPU is made. It is registered with transformers as an attention
implementation under the name ``per_text``, by its public interface.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface

NAME = "per_text"
# Encoders whose attention is softmax(q·k / √d)·v over a padding mask and nothing else.
MODEL_TYPES = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra"})
# Widths of batches are multiples of this.
STEP = 16
# Beyond this length the matrix of scores no longer fits the cache and torch's tiled kernel is as fast.
_LONGEST = 1024


def register() -> None:
    """Make the name known to transformers; may be called again."""
    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, _keep_mask)


def _keep_mask(*_arguments: Any, attention_mask: torch.Tensor | None = None, **_options: Any) -> torch.Tensor | None:
    """Hand the (batch, tokens) mask through, None where nothing is padded."""
    return None if attention_mask is None or bool(attention_mask.all()) else attention_mask


def _attend(
    _module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **_options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of (batch, heads, tokens, size) tensors, padded on the right; returns (batch, tokens, heads, size)."""
    batch, heads, tokens, size = query.shape
    scale = size**-0.5 if scaling is None else scaling
    lengths = [tokens] * batch if attention_mask is None else attention_mask.sum(dim=1).tolist()
    result = query.new_zeros(batch, tokens, heads, size)
    for row, length in enumerate(lengths):
        # Rounded up, lengths come in few sizes, and the kernels made for one serve the next.
        width = min(-(-length // STEP) * STEP, tokens)
        q, k, v = (tensor[row, :, :width] for tensor in (query, key, value))
        if length > _LONGEST:
            q, k, v = q[None, :, :length], k[None, :, :length], v[None, :, :length]
            text = torch.nn.functional.scaled_dot_product_attention(q, k, v, scale=scale)[0]
        else:
            scores = torch.bmm(q * scale, k.contiguous().transpose(1, 2))
            scores[:, :, length:] = float("-inf")
            text = torch.bmm(scores.softmax(dim=-1), v.contiguous())
        result[row, : text.shape[1]] = text.transpose(0, 1)
    return result, None
