"""The tokenizer of a checkpoint, without importing torch or transformers where it can be helped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_pipeline.embeddings.base import readable
from rag_pipeline.embeddings.local.modules import read_json
from rag_pipeline.errors import CheckpointError
from rag_pipeline.text import first_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer


# The classes whose tokenizer is what tokenizer.json says; any other class may change it when it loads.
_PLAIN_CLASSES = frozenset({"PreTrainedTokenizerFast", "TokenizersBackend"})
# Models for which transformers takes a class of its own choice whatever tokenizer_config.json names.
_CLASS_BY_MODEL = frozenset(
    {"qwen2", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen4_exp", "siglip2", "hyperclovax_vision_v2"}
)
# Settings of tokenizer_config.json that change what tokenizer.json says.
_CHANGING = ("add_bos_token", "add_eos_token", "add_prefix_space", "do_lower_case", "split_special_tokens")


class CheckpointTokenizer:
    """Texts in, token ids with special tokens out. Holds no state between calls, so threads may share it.

    Args:
        folder: the folder of the tokenizer's files.
        arguments: handed to ``AutoTokenizer`` over what tokenizer_config.json says.
        lower_case: whether texts are put in lower case whatever the tokenizer does.

    Raises:
        CheckpointError: the tokenizer's files cannot be read.
    """

    def __init__(self, folder: Path, arguments: Mapping[str, Any] | None = None, lower_case: bool = False) -> None:
        self._tokenizer, settings = _load(folder, arguments)
        self._special = settings.special
        self._cut_start = settings.cut_start
        if settings.types and any(self._tokenizer.encode("a").type_ids):
            raise CheckpointError(
                f"the tokenizer in {folder} marks tokens by type (token_type_ids), which provider mean_pooling does"
                " not compute; use provider: huggingface"
            )
        # A checkpoint may have been saved with both switched on.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        if lower_case:
            _put_in_lower_case(self._tokenizer)

    def prompt_length(self, prompt: str) -> int:
        """Tokens at the start of a text that are its prompt's, with the special ones before it.

        Counted as sentence-transformers does: of the prompt alone, less a special token at its end, if the tokenizer's
        settings name it.
        """
        tokens = self._tokenizer.encode(readable(prompt)).tokens
        return len(tokens) - bool(tokens and tokens[-1] in self._special)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens counted."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch([readable(text) for text in texts])]

    def encode(self, texts: Sequence[str], limit: int | None) -> tuple[list[list[int]], int]:
        """Token ids of each text, cut to the limit, and how many texts were cut.

        A cut text keeps the special tokens at both ends, as the model was trained to see them.
        """
        rows, cut = [], 0
        for encoding in self._tokenizer.encode_batch([readable(text) for text in texts]):
            ids = encoding.ids
            if limit is not None and len(ids) > limit:
                cut += 1
                special = encoding.special_tokens_mask
                if self._cut_start:
                    head = special.index(0) if 0 in special else 0
                    ids = ids[:head] + ids[len(ids) - (limit - head) :]
                else:
                    tail = next((n for n in range(len(ids)) if not special[-1 - n]), 0)
                    ids = ids[: limit - tail] + ids[len(ids) - tail :]
            rows.append(ids)
        return rows, cut


def load_tokenizer(folder: Path, arguments: Mapping[str, Any] | None = None) -> Tokenizer:
    """The tokenizer of a checkpoint folder, as transformers would set it up.

    ``tokenizer.json`` is read by the ``tokenizers`` library itself where nothing can change it, in half the time that
    ``AutoTokenizer`` takes.

    Raises:
        CheckpointError: its files cannot be read.
    """
    return _load(folder, arguments)[0]


@dataclass(frozen=True)
class _Settings:
    """What a tokenizer is told beside its tokenizer.json."""

    special: set[str]
    """The special tokens that are named."""
    cut_start: bool
    """Whether a text that is too long loses its start."""
    types: bool
    """Whether the model is handed the types of tokens."""


def _load(folder: Path, arguments: Mapping[str, Any] | None = None) -> tuple[Tokenizer, _Settings]:
    from tokenizers import Tokenizer

    try:
        if not arguments and (plain := _plain_tokenizer(folder)) is not None:
            config = _settings(folder)
            cut_start = config.get("truncation_side") == "left"
            return plain, _Settings(_named_tokens(config), cut_start, "token_type_ids" in _inputs(config))
        from transformers import AutoTokenizer

        options = {**(arguments or {}), "local_files_only": True, "trust_remote_code": False}
        loaded = AutoTokenizer.from_pretrained(folder, **options)
    except Exception as error:  # the Rust library raises plain Exception
        reason = first_line(error, 200)
        raise CheckpointError(f"the tokenizer in {folder} cannot be loaded: {reason}") from None
    converted = getattr(loaded, "backend_tokenizer", None)
    if not isinstance(converted, Tokenizer):
        raise CheckpointError(f"the tokenizer in {folder} has no fast form; save it with a tokenizer.json")
    types = "token_type_ids" in loaded.model_input_names
    return converted, _Settings(set(loaded.all_special_tokens), loaded.truncation_side == "left", types)


def _plain_tokenizer(folder: Path) -> Tokenizer | None:
    """The tokenizer of tokenizer.json; None where other files change what it does."""
    from tokenizers import Tokenizer

    if not (folder / "tokenizer.json").is_file() or (folder / "added_tokens.json").is_file():
        return None
    config = _settings(folder)
    if read_json(folder / "config.json").get("model_type") in _CLASS_BY_MODEL:
        return None
    if config.get("tokenizer_class") not in _PLAIN_CLASSES or any(config.get(key) is not None for key in _CHANGING):
        return None
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    known = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    return tokenizer if _named_tokens(config) <= known else None


def _settings(folder: Path) -> dict[str, Any]:
    return {**read_json(folder / "tokenizer_config.json"), **read_json(folder / "special_tokens_map.json")}


def _inputs(config: Mapping[str, Any]) -> list[str]:
    return config.get("model_input_names") or []


def _named_tokens(config: Mapping[str, Any]) -> set[str]:
    """Every token that a configuration names, which transformers adds where it is missing."""
    named = [value for key, value in config.items() if key.endswith("_token")]
    for key in ("additional_special_tokens", "extra_special_tokens"):
        several = config.get(key) or []
        named += several.values() if isinstance(several, dict) else several
    named += (config.get("added_tokens_decoder") or {}).values()
    contents = (token.get("content") if isinstance(token, dict) else token for token in named)
    return {content for content in contents if isinstance(content, str)}


def _put_in_lower_case(tokenizer: Tokenizer) -> None:
    """Lower case before anything else, unless the tokenizer does it already."""
    from tokenizers import normalizers

    own = tokenizer.normalizer
    state = json.loads(own.__getstate__()) if own is not None else {}
    steps = state.get("normalizers", [state])
    if not any(step.get("lowercase") or step.get("type") == "Lowercase" for step in steps):
        lower = normalizers.Lowercase()
        tokenizer.normalizer = lower if own is None else normalizers.Sequence([lower, own])
