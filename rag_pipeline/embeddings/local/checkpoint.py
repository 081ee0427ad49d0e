"""A Hugging Face checkpoint folder: found, checked for completeness and identified without loading it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rag_pipeline.embeddings.local.adapters import ADAPTER_WEIGHTS, base_model, check_adapter
from rag_pipeline.embeddings.local.modules import read_json
from rag_pipeline.embeddings.local.recipe import Recipe, read_recipe
from rag_pipeline.embeddings.local.weights import sample
from rag_pipeline.errors import CheckpointError

_TOKENIZER_FILES = (
    ("tokenizer.json",),
    ("sentencepiece.bpe.model",),
    ("spiece.model",),
    ("spm.model",),
    ("sentencepiece.model",),
    ("tokenizer.model",),
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
)
_PICKLED_WEIGHTS = ("pytorch_model.bin", "pytorch_model.bin.index.json")
# Files next to tokenizer.json that change what a tokenizer does.
_TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
# What of them changes no token: limits are told apart, the rest is for other uses or says who wrote the file.
_IDLE_SETTINGS = frozenset(
    {"model_max_length", "name_or_path", "transformers_version", "processor_class", "chat_template", "padding_side",
     "model_input_names", "max_length", "truncation_strategy", "stride", "pad_to_multiple_of",
     "clean_up_tokenization_spaces", "tokenizer_file", "backend", "is_local", "local_files_only"}
)  # fmt: skip
# These read positions from padding_idx + 1 on, so the table has that many rows more than the text may have tokens.
_OFFSET_POSITIONS = frozenset(
    {"roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "camembert", "xmod", "mpnet", "longformer",
     "data2vec-text", "ibert", "luke", "mluke"}
)  # fmt: skip
# Their n_positions is the length they were trained with and no limit: they know distances, not positions.
_DISTANCES_ONLY = frozenset({"t5", "mt5", "umt5", "longt5", "switch_transformers"})
# transformers writes about 1e30 where a tokenizer has no limit of its own.
_NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder that has all the files it needs.

    Make one with :meth:`open`.
    """

    folder: Path
    """The folder of the transformer: config.json, tokenizer and weights."""
    name: str
    config: dict[str, Any]
    weight_files: tuple[Path, ...]
    recipe: Recipe
    """What the files say of the way from token vectors to the vector of a text."""
    tokenizer_folder: Path
    root: Path
    """The whole checkpoint, of which the transformer may be a folder."""
    adapter: Path | None = None
    """The folder of an adapter (LoRA and its like) that changes the weights."""

    @classmethod
    def open(
        cls,
        folder: Path,
        name: str | None = None,
        find_base: Callable[[str], Checkpoint] | None = None,
        embeds: bool = True,
    ) -> Checkpoint:
        """Check a folder.

        Args:
            folder: the checkpoint.
            name: what to call the model, e.g. its hub name; None: the folder's name.
            find_base: finds the checkpoint that an adapter without weights of its own is for.
            embeds: whether it is to give vectors of texts; False for a cross-encoder, whose other files are not read.

        Raises:
            CheckpointError: the folder, its config.json, tokenizer or safetensors weights are missing or
                damaged, and the message names each missing one; or the files ask for what is not computed here.
        """
        if not folder.exists():
            raise CheckpointError(f"model folder {folder} not found")
        if not folder.is_dir():
            raise CheckpointError(f"model folder {folder} is not a folder")
        name = name or folder.name
        recipe = read_recipe(folder, name) if embeds else Recipe(folder)
        if not recipe.has_transformer:
            weights = tuple(sorted(folder.rglob("*.safetensors")))
            return cls(folder, name, {"model_type": ""}, weights, recipe, folder, folder)
        root, folder = folder, recipe.transformer
        adapter = folder if (folder / "adapter_config.json").is_file() else None
        if adapter is not None:
            check_adapter(adapter, name)
            base = _base_of(adapter, name, find_base)
            if base is not None:
                own = folder if _has_tokenizer(folder) else base.tokenizer_folder
                return cls(base.folder, name, base.config, base.weight_files, recipe, own, root, adapter)
        missing = []
        if not (folder / "config.json").is_file():
            missing.append("config.json")
        if not _has_tokenizer(folder):
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
        config = {**read_json(folder / "config.json"), **recipe.config_arguments}
        if not config.get("model_type"):
            raise CheckpointError(f"{folder / 'config.json'} names no model_type; is it a transformers checkpoint?")
        return cls(folder, name, config, weights, recipe, folder, root, adapter)

    @cached_property
    def hidden_size(self) -> int:
        """Length of the model's token vectors."""
        names = ("hidden_size", "d_model", "dim", "n_embd", "hidden_dim", "emb_dim")
        found = next((size for name in names if isinstance(size := self.config.get(name), int)), None)
        if found is None:
            # A model of several parts keeps it in the one for texts.
            parts = [part for part in self.config.values() if isinstance(part, dict)]
            found = next((size for part in parts if isinstance(size := part.get("hidden_size"), int)), None)
        if found is None:
            raise CheckpointError(f"{self.folder / 'config.json'} names no hidden_size")
        return found

    def dimension_of(self, pooling: Sequence[str]) -> int:
        """Length of a text's vector.

        Args:
            pooling: the modes whose vectors are joined.

        Raises:
            CheckpointError: what comes after the pooling was made for vectors of another length.
        """
        size = len(pooling) * self.hidden_size
        for layer in self.recipe.layers:
            takes = layer.config.get("in_features") if layer.kind == "Dense" else layer.dimension
            if takes not in (None, size):
                raise CheckpointError(
                    f"model {self.name}: {layer.kind} ({layer.folder.name}) takes vectors of {takes}, and"
                    f" {'+'.join(pooling)} pooling gives {size}; set pooling: auto"
                )
            size = layer.dimension or size
        return min(size, self.recipe.truncate or size)

    @property
    def pad_token(self) -> int:
        """The token that fills up the shorter texts of a batch."""
        found = self.config.get("pad_token_id")
        if isinstance(found, int) and found >= 0:
            return found
        return 1 if self.config["model_type"] in _OFFSET_POSITIONS else 0

    @cached_property
    def max_tokens(self) -> int | None:
        """Most tokens of a text, special tokens counted: the least of what the checkpoint's files say."""
        limits: list[Any] = []
        positions = self.config.get("max_position_embeddings") or self.config.get("n_positions")
        model_type = self.config["model_type"]
        if isinstance(positions, int) and positions > 0 and model_type not in _DISTANCES_ONLY:
            limits.append(positions - (self.pad_token + 1 if model_type in _OFFSET_POSITIONS else 0))
        # The limit that the whole checkpoint was made with goes before that of its tokenizer, which may be older; what
        # it hands to the tokenizer goes before both.
        told = [
            self.recipe.tokenizer_arguments.get("model_max_length"),
            self.recipe.max_tokens,
            read_json(self.tokenizer_folder / "tokenizer_config.json").get("model_max_length"),
        ]
        limits.append(next((limit for limit in told if limit), None))
        real = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _NO_LIMIT]
        return min(real, default=None)

    @property
    def trained_pooling(self) -> str | None:
        """The mode as the files say, ``+`` between several; None where they say nothing."""
        return "+".join(self.recipe.pooling) if self.recipe.pooling else None

    @property
    def trained_settings(self) -> dict[str, Any]:
        """What ``auto`` stands for in a configuration, by the key there; what the files leave open is left out."""
        found = {
            "pooling": self.trained_pooling,
            "query_prompt": self.recipe.query_prompt,
            "document_prompt": self.recipe.document_prompt,
            "max_tokens": self.max_tokens,
        }
        return {key: value for key, value in found.items() if value}

    @cached_property
    def digest(self) -> str:
        """``sha256:2:…`` of what decides the vectors, prompts and limit apart.

        Configuration and tokenizer files are hashed whole. Of the weights, also those of modules after the pooling
        and of adapters, the header and the first and last 4 KiB of every tensor are: retraining moves all of them,
        and a model of gigabytes is identified in milliseconds.
        """
        total = hashlib.sha256(self._content)
        for name in _TOKENIZER_SETTINGS:
            settings = read_json(self.tokenizer_folder / name)
            told = {key: value for key, value in settings.items() if key not in _IDLE_SETTINGS}
            if told.get("truncation_side") == "right":
                del told["truncation_side"]
            if told:
                _add(total, name, told)
        rest = {name: value for name, value in self._beyond().items() if value}
        if rest:
            _add(total, "recipe", rest)
        for file in self._further_weights():
            for piece in sample(file):
                total.update(piece)
        return f"sha256:2:{total.hexdigest()[:32]}"

    @cached_property
    def earlier_digest(self) -> str | None:
        """``sha256:…`` as it was before everything was in it; None where what was left out changes a vector."""
        return None if any(self._beyond().values()) else f"sha256:{self._content.hex()[:32]}"

    @cached_property
    def _content(self) -> bytes:
        """The hash of configuration, tokenizer and weights, which both digests have in them."""
        total = hashlib.sha256()
        for folder, names in (
            (self.folder, ["config.json"]),
            (self.tokenizer_folder, sorted({name for several in _TOKENIZER_FILES for name in several})),
        ):
            for file in (folder / name for name in names):
                if file.is_file():
                    total.update(file.name.encode())
                    total.update(hashlib.sha256(file.read_bytes()).digest())
        for file in self.weight_files:
            for piece in sample(file):
                total.update(piece)
        return total.digest()

    def _beyond(self) -> dict[str, Any]:
        """What changes a vector besides configuration, tokenizer, weights, one way of pooling, prompts and limit."""
        recipe = self.recipe
        return {
            # A last step to length one is what every vector takes here.
            "layers": [
                (layer.kind, dict(layer.config))
                for layer in recipe.layers
                if recipe.layers[-1:] != (layer,) or layer.kind != "Normalize"
            ],
            "truncate": recipe.truncate or 0,
            "files": {} if recipe.has_transformer else _texts(self.root),
            "pooling": len(recipe.pooling or ()) > 1,
            "without_prompt": not recipe.include_prompt,
            "lower_case": recipe.lower_case,
            "config": dict(recipe.config_arguments),
            "tokenizer": dict(recipe.tokenizer_arguments),
            "adapter": read_json(self.adapter / "adapter_config.json") if self.adapter else {},
        }

    def _further_weights(self) -> list[Path]:
        files = [layer.weights for layer in self.recipe.layers if layer.weights is not None]
        return [*files, self.adapter / ADAPTER_WEIGHTS] if self.adapter else files


def _add(total: hashlib._Hash, name: str, content: Any) -> None:
    total.update(name.encode())
    total.update(json.dumps(content, sort_keys=True, ensure_ascii=False).encode())


def _texts(folder: Path) -> dict[str, str]:
    """The digest of each file of configuration or words in a folder, by its path."""
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".json", ".txt") and file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _has_tokenizer(folder: Path) -> bool:
    return any(all((folder / name).is_file() for name in names) for names in _TOKENIZER_FILES)


def _base_of(adapter: Path, name: str, find_base: Callable[[str], Checkpoint] | None) -> Checkpoint | None:
    """The checkpoint that an adapter is for; None where the weights next to it are that."""
    base = base_model(adapter)
    complete = (adapter / "config.json").is_file() and all(file.is_file() for file in _weight_files(adapter))
    if complete and not Path(base).is_dir():
        return None
    if not base or find_base is None:
        raise CheckpointError(f"model {name} is an adapter, and {adapter / 'adapter_config.json'} names no base model")
    return find_base(base)


def _weight_files(folder: Path) -> tuple[Path, ...]:
    index = folder / "model.safetensors.index.json"
    if index.is_file() and not (folder / "model.safetensors").is_file():
        shards = read_json(index).get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise CheckpointError(f"{index} has no weight_map")
        return tuple(folder / name for name in sorted(set(shards.values())))
    return (folder / "model.safetensors",)
