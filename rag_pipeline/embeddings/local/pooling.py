"""From the vectors of a text's tokens to one vector.

Source: the modes of sentence-transformers (Reimers and Gurevych 2019, arXiv:1908.10084; weightedmean: Muennighoff 2022,
arXiv:2202.08904). Sums are in float32 whatever the model runs in.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def pool(hidden: torch.Tensor, mask: torch.Tensor, modes: Sequence[str], skipped: int = 0) -> torch.Tensor:
    """Vectors of texts.

    Args:
        hidden: (texts, tokens, dimension), padded on the right.
        mask: (texts, tokens), 1 for a real token.
        modes: out of :data:`.recipe.POOLING_MODES`; the vectors of several are joined in that order.
        skipped: tokens at the start of each text that are left out, its prompt's.

    Returns:
        (texts, len(modes) * dimension) in float32; zeros for a text without a token.
    """
    hidden = hidden.float()
    lengths = mask.sum(dim=1)
    # A text that is all prompt keeps its last token, so that there is something to pool.
    first = torch.clamp(torch.full_like(lengths, skipped), max=torch.clamp(lengths - 1, min=0))
    positions = torch.arange(hidden.shape[1], device=hidden.device)
    taken = (mask * (positions >= first.unsqueeze(1))).float()
    return torch.cat([_pooled(hidden, taken, mode, first, lengths) for mode in modes], dim=1)


def _pooled(
    hidden: torch.Tensor, taken: torch.Tensor, mode: str, first: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    rows = torch.arange(len(hidden), device=hidden.device)
    real = (lengths > 0).unsqueeze(1)
    if mode == "cls":
        return hidden[rows, first] * real
    if mode == "lasttoken":
        return hidden[rows, torch.clamp(lengths - 1, min=0)] * real
    if mode == "max":
        lowest = hidden.masked_fill(taken.unsqueeze(2) == 0, float("-inf")).amax(dim=1)
        return torch.where(real, lowest, torch.zeros_like(lowest))
    weights = taken
    if mode == "weightedmean":
        weights = taken * torch.arange(1, hidden.shape[1] + 1, device=hidden.device)
    # (texts, 1, tokens) @ (texts, tokens, dimension): sums over real tokens only.
    sums = torch.bmm(weights.unsqueeze(1), hidden).squeeze(1)
    count = torch.clamp(weights.sum(dim=1, keepdim=True), min=1e-9)
    return sums / (count.sqrt() if mode == "mean_sqrt_len_tokens" else count)
