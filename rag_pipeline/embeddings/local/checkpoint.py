"""A Hugging Face checkpoint folder: found, checked for completeness and identified without loading it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rag_pipeline.embeddings.local.weights import sample
from rag_pipeline.errors import CheckpointError

_TOKENIZER_FILES = (
    ("tokenizer.json",),
    ("sentencepiece.bpe.model",),
    ("spiece.model",),
    ("tokenizer.model",),
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
)
_PICKLED_WEIGHTS = ("pytorch_model.bin", "pytorch_model.bin.index.json")
# These read positions from padding_idx + 1 on, so the table has that many rows more than the text may have tokens.
_OFFSET_POSITIONS = frozenset({"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "xmod", "mpnet", "longformer"})
# transformers writes about 1e30 where a tokenizer has no limit of its own.
_NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder that has all the files it needs.

    Make one with :meth:`open`.
    """

    folder: Path
    name: str
    config: dict[str, Any]
    weight_files: tuple[Path, ...]

    @classmethod
    def open(cls, folder: Path, name: str | None = None) -> Checkpoint:
        """Check a folder.

        Args:
            folder: the checkpoint.
            name: what to call the model, e.g. its hub name; None: the folder's name.

        Raises:
            CheckpointError: the folder, its config.json, tokenizer or safetensors weights are missing or
                damaged; the message names each missing one.
        """
        if not folder.exists():
            raise CheckpointError(f"model folder {folder} not found")
        if not folder.is_dir():
            raise CheckpointError(f"model folder {folder} is not a folder")
        missing = []
        if not (folder / "config.json").is_file():
            missing.append("config.json")
        if not any(all((folder / name).is_file() for name in names) for names in _TOKENIZER_FILES):
            missing.append("a tokenizer (tokenizer.json, sentencepiece.bpe.model, vocab.txt, …)")
        weights = _weight_files(folder)
        missing += [f"weights ({file.name})" for file in weights if not file.is_file()]
        if missing:
            hint = ""
            if any((folder / name).is_file() for name in _PICKLED_WEIGHTS):
                hint = (
                    "; only pickled weights (pytorch_model.bin) are there, and they are never loaded because a pickle"
                    " can run code: load the model once with transformers and save_pretrained() it as safetensors"
                )
            raise CheckpointError(f"model folder {folder} lacks {' and '.join(missing)}{hint}")
        config = _read_json(folder / "config.json")
        if not config.get("model_type"):
            raise CheckpointError(f"{folder / 'config.json'} names no model_type; is it a transformers checkpoint?")
        return cls(folder, name or folder.name, config, weights)

    @property
    def dimension(self) -> int:
        """Length of the model's token vectors."""
        size = self.config.get("hidden_size") or self.config.get("d_model") or self.config.get("dim")
        if not isinstance(size, int):
            raise CheckpointError(f"{self.folder / 'config.json'} names no hidden_size")
        return size

    @cached_property
    def max_tokens(self) -> int | None:
        """Most tokens of a text, special tokens counted: the least of what the checkpoint's files say."""
        limits: list[Any] = []
        positions = self.config.get("max_position_embeddings")
        if isinstance(positions, int) and positions > 0:
            offset = 0
            if self.config["model_type"] in _OFFSET_POSITIONS:
                offset = int(self.config.get("pad_token_id") or 0) + 1
            limits.append(positions - offset)
        limits.append(_read_json(self.folder / "tokenizer_config.json").get("model_max_length"))
        limits.append(_read_json(self.folder / "sentence_bert_config.json").get("max_seq_length"))
        real = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _NO_LIMIT]
        return min(real, default=None)

    @cached_property
    def trained_pooling(self) -> str | None:
        """``mean`` or ``cls`` as 1_Pooling/config.json says, another mode by its own name, None without the file.

        Source: the sentence-transformers checkpoint layout, pooling_mode_* flags or pooling_mode.
        """
        pooling = _read_json(self.folder / "1_Pooling" / "config.json")
        if not pooling:
            return None
        if isinstance(pooling.get("pooling_mode"), str):
            return str(pooling["pooling_mode"])
        if pooling.get("pooling_mode_cls_token"):
            return "cls"
        if pooling.get("pooling_mode_mean_tokens"):
            return "mean"
        return next((key.removeprefix("pooling_mode_") for key, on in pooling.items() if on is True), None)

    @cached_property
    def digest(self) -> str:
        """``sha256:…`` of what decides the vectors.

        Configuration and tokenizer files are hashed whole. Of the weights, the header and the first and last
        4 KiB of every tensor are: retraining moves all of them, and a model of gigabytes is identified in
        milliseconds.
        """
        total = hashlib.sha256()
        for name in ("config.json", *sorted({name for names in _TOKENIZER_FILES for name in names})):
            file = self.folder / name
            if file.is_file():
                total.update(name.encode())
                total.update(hashlib.sha256(file.read_bytes()).digest())
        for file in self.weight_files:
            for piece in sample(file):
                total.update(piece)
        return f"sha256:{total.hexdigest()[:32]}"


def _weight_files(folder: Path) -> tuple[Path, ...]:
    index = folder / "model.safetensors.index.json"
    if index.is_file() and not (folder / "model.safetensors").is_file():
        shards = _read_json(index).get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise CheckpointError(f"{index} has no weight_map")
        return tuple(folder / name for name in sorted(set(shards.values())))
    return (folder / "model.safetensors",)


def _read_json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CheckpointError(f"{file} is not readable JSON") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} should hold a JSON object")
    return content
