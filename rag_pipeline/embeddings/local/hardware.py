"""The device and number format that suit this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    import torch

# One forward pass on a CPU is fastest while its activations stay in cache; a GPU wants to be full.
_CPU_BATCH_TOKENS = 2048
_GPU_BATCH_TOKENS = 32_768


def choose_device(name: str) -> torch.device:
    """The torch device for ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        ConfigurationError: the device is not on this machine.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    available = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }[device.type]
    if (device.index or 0) >= available:
        raise ConfigurationError(f"device {name!r} is not on this machine; use auto or cpu")
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format for ``auto``, ``float32``, ``bfloat16`` or ``float16``.

    ``auto`` is bfloat16 where the hardware has instructions for it (AMX or AVX-512 BF16, NVIDIA Ampere and
    later) and float32 elsewhere, also where bfloat16 would only be emulated. A model that does not run in the format
    that ``auto`` chose is run in float32.
    """
    import torch

    if name != "auto":
        dtype = getattr(torch, name)
        if not isinstance(dtype, torch.dtype):
            raise ConfigurationError(f"dtype {name!r} is not known; use auto, float32, bfloat16 or float16")
        return dtype
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device)[0] >= 8
        return torch.bfloat16 if native else torch.float32
    return torch.bfloat16 if device.type == "cpu" and cpu_has_bfloat16() else torch.float32


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware."""
    import torch

    # Private, but the only way torch tells; a torch without them is taken to have no such CPU.
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def default_batch_tokens(device: torch.device) -> int:
    """Tokens in one forward pass when the configuration does not say."""
    return _CPU_BATCH_TOKENS if device.type == "cpu" else _GPU_BATCH_TOKENS
