"""Linear layers with their weights packed once for oneDNN.

On a CPU, torch multiplies float32 matrices with MKL, which holds back on processors of other makers, and packs the
weights of a bfloat16 product again in each call. oneDNN, which torch carries too, does neither when it is handed
weights in its own layout. The two operators are those torch's own compiler emits for frozen models; they are not
documented, so they are tried on a small product first, and where that fails the layers stay as they are.
"""

from __future__ import annotations

import torch

# The number of rows the layout is made for: that of a full batch. Other numbers give the same result.
_ROWS = 1024


class PackedLinear(torch.nn.Module):
    """An ``nn.Linear`` for inference on a CPU."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)
        self._bias = None if linear.bias is None else linear.bias.detach()
        # Models such as T5 ask for the number format of a weight. One on the device meta has it and no numbers, so
        # that whoever would compute with it fails rather than goes wrong.
        self.weight = torch.empty_like(linear.weight, device="meta")

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(…, in) to (…, out)."""
        result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self._packed, self._bias, "none", [], "")
        return result


def pack_linear_layers(model: torch.nn.Module) -> int:
    """Replace the linear layers of a model on the CPU; returns how many were.

    The model is for inference only afterwards.
    """
    linears = [
        (parent, name, child)
        for parent in list(model.modules())
        for name, child in parent.named_children()
        if type(child) is torch.nn.Linear and child.weight.device.type == "cpu"
    ]
    with torch.inference_mode():
        dtypes = {child.weight.dtype for _, _, child in linears}
        if not linears or not all(_works(dtype) for dtype in dtypes):
            return 0
        for parent, name, child in linears:
            setattr(parent, name, PackedLinear(child))
    return len(linears)


def _works(dtype: torch.dtype) -> bool:
    """Whether the operators are there and compute what ``nn.Linear`` does."""
    if dtype not in (torch.float32, torch.bfloat16) or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    linear = torch.nn.Linear(32, 48).to(dtype)
    inputs = torch.linspace(-1, 1, 5 * 32).reshape(5, 32).to(dtype)
    try:
        return torch.allclose(
            PackedLinear(linear)(inputs), linear(inputs), atol=1e-5 if dtype == torch.float32 else 0.02
        )
    except (RuntimeError, AttributeError, TypeError):
        return False
