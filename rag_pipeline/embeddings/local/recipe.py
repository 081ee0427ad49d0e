"""How a checkpoint turns the token vectors of a text into the text's vector, as its own files say.

Source: the layout that sentence-transformers 2 to 6 write: modules.json lists the modules in order, each with a
configuration in its folder; sentence_bert_config.json and config_sentence_transformers.json hold what concerns the
transformer and the prompts. A file that asks for more than is computed here is refused: a vector that is wrong looks
like a vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from rag_pipeline.config import Pooling
from rag_pipeline.embeddings.local.modules import Module, read_json, read_modules
from rag_pipeline.embeddings.local.refusals import other_kind, refusal
from rag_pipeline.errors import CheckpointError

POOLING_MODES = tuple(mode for mode in get_args(Pooling) if mode != "auto")
# The flags of earlier editions, in the order in which the vectors of several are joined.
_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_TRANSFORMER_CONFIGS = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
# Where these stand in a transformer's arguments they choose how to compute, not what.
_HARMLESS = frozenset(
    {"trust_remote_code", "torch_dtype", "dtype", "attn_implementation", "use_cache", "low_cpu_mem_usage", "revision",
     "use_safetensors", "token", "cache_dir", "local_files_only", "add_pooling_layer", "device_map"}
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What a checkpoint's files say, beyond the transformer itself."""

    transformer: Path
    """The folder of the transformer and its tokenizer."""
    pooling: tuple[str, ...] | None = None
    """Modes out of :data:`POOLING_MODES`, whose vectors are joined; None: the files name none, which means mean."""
    include_prompt: bool = True
    """Whether the tokens of a prompt are pooled too."""
    layers: tuple[Module, ...] = ()
    """What comes after the pooling."""
    truncate: int | None = None
    """How many numbers of a vector are kept, from its start; None: all."""
    max_tokens: int | None = None
    """The limit of sentence_bert_config.json, which goes before the tokenizer's own."""
    lower_case: bool = False
    """Whether texts are put in lower case whatever the tokenizer does."""
    query_prompt: str = ""
    document_prompt: str = ""
    config_arguments: Mapping[str, Any] = field(default_factory=dict)
    """Handed to the configuration of the transformer over what its file says."""
    tokenizer_arguments: Mapping[str, Any] = field(default_factory=dict)
    """Handed to the tokenizer."""
    has_transformer: bool = True
    """Whether the first module is a transformer; otherwise a table of words or a router of several ways."""
    refusal: str | None = None
    """Why provider mean_pooling cannot compute it; None: it can."""


def read_recipe(folder: Path, name: str) -> Recipe:
    """What the files of a checkpoint folder say.

    Args:
        folder: the checkpoint.
        name: what the model is called in errors.

    Raises:
        CheckpointError: a file is damaged, or the model gives no vectors of texts.
    """
    whole = read_json(folder / "config_sentence_transformers.json")
    if kind := other_kind(whole):
        raise CheckpointError(f"model {name} is {kind}")
    query, document = _prompts(whole, folder / "config_sentence_transformers.json")
    modules = read_modules(folder)
    transformer = modules[0].folder if modules else folder
    config = next((found for file in _TRANSFORMER_CONFIGS if (found := read_json(transformer / file))), {})
    if modules:
        pooling = next((module.config for module in modules if module.kind == "Pooling"), None)
    else:
        # Without the list, the pooling's own file is followed nonetheless: some checkpoints are copied that way.
        pooling = read_json(folder / "1_Pooling" / "config.json") or _usual_pooling(folder)
    modes = None if pooling is None else _pooling(pooling)
    layers = tuple(module for module in modules[1:] if module.kind not in ("Pooling", "Dropout"))
    unknown = next((mode for mode in modes or () if mode not in POOLING_MODES), None)
    return Recipe(
        transformer,
        modes,
        pooling is None or pooling.get("include_prompt", True) is not False,
        layers,
        truncate=_positive(whole, "truncate_dim"),
        max_tokens=_positive(config, "max_seq_length"),
        lower_case=bool(config.get("do_lower_case")),
        query_prompt=query,
        document_prompt=document,
        config_arguments=_arguments(config, "config_kwargs", "config_args"),
        tokenizer_arguments=_arguments(config, "processor_kwargs", "tokenizer_args"),
        has_transformer=not modules or modules[0].kind == "Transformer" or "." in modules[0].kind,
        refusal=refusal(modules, config, unknown, name),
    )


def _usual_pooling(folder: Path) -> dict[str, Any] | None:
    """What sentence-transformers takes for a model without modules of its own: of one that speaks, the last token."""
    config = read_json(folder / "config.json")
    architectures = config.get("architectures") or [""]
    speaks = str(architectures[0]).endswith("ForCausalLM") and config.get("is_causal", True)
    return {"pooling_mode": "lasttoken"} if speaks else None


def _pooling(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The modes of a pooling's configuration, in either spelling."""
    asked = config.get("pooling_mode")
    if asked is None:
        known = [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)]
        others = [flag for flag, on in config.items() if flag.startswith("pooling_mode_") and on is True]
        return (*known, *(flag for flag in others if flag not in _POOLING_FLAGS)) or ("mean",)
    return tuple(map(str, asked)) if isinstance(asked, list) else (str(asked),)


def _positive(config: Mapping[str, Any], key: str) -> int | None:
    number = config.get(key)
    return number if isinstance(number, int) and number > 0 else None


def _arguments(config: Mapping[str, Any], *names: str) -> dict[str, Any]:
    found: Any = next((config[key] for key in names if config.get(key)), {})
    return {key: value for key, value in found.items() if key not in _HARMLESS} if isinstance(found, dict) else {}


def _prompts(config: Mapping[str, Any], file: Path) -> tuple[str, str]:
    """The prompts of questions and documents.

    Each by its own name; the default prompt is for both where neither has one.
    """
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str | None) for text in prompts.values()):
        raise CheckpointError(f"{file}: prompts should be texts by name")
    query = prompts.get("query") or ""
    document = next((prompts[name] for name in ("document", "passage", "corpus") if prompts.get(name)), "")
    if query or document or not config.get("default_prompt_name"):
        return query, document
    default = prompts.get(config["default_prompt_name"])
    if default is None:
        raise CheckpointError(f"{file}: default_prompt_name {config['default_prompt_name']!r} is none of the prompts")
    return default, default
