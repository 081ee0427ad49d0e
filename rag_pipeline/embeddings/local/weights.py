"""Safetensors files: what is in them, and their tensors in another number format.

Source: the safetensors format: u64 header length, JSON header, then the data, with offsets counted from its start.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rag_pipeline.errors import CheckpointError

if TYPE_CHECKING:
    import torch

# Far above any real header; a file of something else may begin with any number.
_LONGEST_HEADER = 100_000_000
_CHUNK_BYTES = 16 * 2**20
_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_SAMPLE = 4096


@dataclass(frozen=True)
class TensorPlace:
    """Where a tensor lies in a file."""

    name: str
    dtype: str
    """As safetensors names it, e.g. ``F32``."""
    shape: tuple[int, ...]
    start: int
    """From the beginning of the file, in bytes."""
    end: int


def read_header(file: Path) -> tuple[bytes, list[TensorPlace]]:
    """The header of a file as it is written, and its tensors sorted by name.

    Raises:
        CheckpointError: not a safetensors file, or cut short.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(length) if length < min(size, _LONGEST_HEADER) else b""
    try:
        entries = json.loads(header)
        places = [
            TensorPlace(name, entry["dtype"], tuple(entry["shape"]), *(8 + length + at for at in entry["data_offsets"]))
            for name, entry in sorted(entries.items())
            if name != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{file} is not a safetensors file, or is cut short; copy it again") from None
    if any(place.end > size for place in places):
        raise CheckpointError(f"{file} is cut short; copy it again")
    return header, places


def sample(file: Path) -> Iterator[bytes]:
    """Header, and the first and last 4 KiB of each tensor: enough to tell two models apart.

    Raises:
        CheckpointError: not a safetensors file, or cut short.
    """
    header, places = read_header(file)
    yield header
    with file.open("rb") as stream:
        for place in places:
            for offset in sorted({place.start, max(place.start, place.end - _SAMPLE)}):
                stream.seek(offset)
                yield stream.read(min(_SAMPLE, place.end - offset))


def holds_only(files: Sequence[Path], dtype: torch.dtype) -> bool:
    """Whether every floating-point tensor of the files already has a number format."""
    wanted = str(dtype).removeprefix("torch.")
    return all(_DTYPES.get(place.dtype, wanted) == wanted for file in files for place in read_header(file)[1])


def can_convert(files: Sequence[Path]) -> bool:
    """Whether :func:`read_converted` knows every tensor's format."""
    return all(place.dtype in _DTYPES for file in files for place in read_header(file)[1])


def read_converted(files: Sequence[Path], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Every tensor of the files in one number format.

    Read piece by piece rather than mapped whole, so that no more than the result and one piece is in memory.
    """
    tensors = {}
    for file in files:
        _, places = read_header(file)
        with file.open("rb") as stream:
            for place in places:
                tensors[place.name] = _read_tensor(stream, place, dtype)
    return tensors


def _read_tensor(stream: BinaryIO, place: TensorPlace, dtype: torch.dtype) -> torch.Tensor:
    import torch

    source = getattr(torch, _DTYPES[place.dtype])
    flat = torch.empty(math.prod(place.shape), dtype=dtype)
    stream.seek(place.start)
    done = 0
    while done < flat.numel():
        count = min(_CHUNK_BYTES // source.itemsize, flat.numel() - done)
        piece = bytearray(stream.read(count * source.itemsize))
        flat[done : done + count] = torch.frombuffer(piece, dtype=source)
        done += count
    return flat.reshape(place.shape)
