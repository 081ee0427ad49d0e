"""How a checkpoint turns the token vectors of a text into the text's vector, as its own files say.

Source: the layout that sentence-transformers 2 to 6 write: modules.json lists the modules in order, each with a
configuration in its folder; sentence_bert_config.json and config_sentence_transformers.json hold what concerns the
transformer and the prompts. A file that asks for more than is computed here is refused: a vector that is wrong looks
like a vector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from rag_pipeline.config import Pooling
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
_OTHER_KINDS = {
    "SparseEncoder": "sparse vectors",
    "MultiVectorEncoder": "a vector for each token",
    "CrossEncoder": "the score of a pair of texts, as retrieval.rerank takes it",
}
# Modules with weights, and the key that says how long the vectors are that they give.
_WITH_WEIGHTS = {"Dense": "out_features", "LayerNorm": "dimension"}


@dataclass(frozen=True)
class Module:
    """A module after the transformer."""

    kind: str
    """Its class, without the package where that is sentence-transformers'."""
    folder: Path
    config: Mapping[str, Any]

    @property
    def weights(self) -> Path | None:
        """The file of its weights; None where it has none."""
        file = self.folder / "model.safetensors"
        return file if self.kind in _WITH_WEIGHTS or file.is_file() else None

    @property
    def dimension(self) -> int | None:
        """The length of the vectors that it gives; None: that of those it gets."""
        size = self.config.get(_WITH_WEIGHTS.get(self.kind, ""))
        return size if isinstance(size, int) else None


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
    kind = whole.get("model_type", "SentenceTransformer")
    if kind in _OTHER_KINDS:
        raise CheckpointError(f"model {name} is a {kind}: it gives {_OTHER_KINDS[kind]}, not one vector for a text")
    query, document = _prompts(whole, folder / "config_sentence_transformers.json")
    modules = _modules(folder)
    transformer = modules[0].folder if modules else folder
    config = next((found for file in _TRANSFORMER_CONFIGS if (found := read_json(transformer / file))), {})
    if modules:
        pooling = next((module.config for module in modules if module.kind == "Pooling"), None)
    else:
        # Without the list, the pooling's own file is followed nonetheless: some checkpoints are copied that way.
        pooling = read_json(folder / "1_Pooling" / "config.json") or None
    layers = tuple(module for module in modules[1:] if module.kind not in ("Pooling", "Dropout"))
    return Recipe(
        transformer,
        None if pooling is None else _pooling(pooling),
        pooling is None or pooling.get("include_prompt", True) is not False,
        layers,
        max_tokens=config["max_seq_length"] if isinstance(config.get("max_seq_length"), int) else None,
        lower_case=bool(config.get("do_lower_case")),
        query_prompt=query,
        document_prompt=document,
        config_arguments=_arguments(config, "config_kwargs", "config_args"),
        tokenizer_arguments=_arguments(config, "processor_kwargs", "tokenizer_args"),
        refusal=_refusal(modules, config, pooling, name),
    )


def read_json(file: Path) -> dict[str, Any]:
    """The object of a JSON file; empty where there is no file.

    Raises:
        CheckpointError: it cannot be read, or holds something else.
    """
    content = _read(file, {})
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} should hold a JSON object")
    return content


def _read(file: Path, missing: Any) -> Any:
    if not file.is_file():
        return missing
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CheckpointError(f"{file} is not readable JSON") from None


def _modules(folder: Path) -> list[Module]:
    """The modules in their order; empty where the checkpoint lists none."""
    file = folder / "modules.json"
    listed = _read(file, [])
    if not isinstance(listed, list) or not all(isinstance(entry, dict) and "type" in entry for entry in listed):
        raise CheckpointError(f"{file} should hold a list of modules with type and path")
    modules: list[Module] = []
    for entry in listed:
        path = PurePosixPath(str(entry.get("path", "")).replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise CheckpointError(f"{file}: module path {path} leaves the folder")
        kind = str(entry["type"])
        short = kind.rpartition(".")[2] if kind.startswith("sentence_transformers.") else kind
        config = read_json(folder / path / "config.json") if modules else {}
        modules.append(Module(short, folder / path, config))
    return modules


def _pooling(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The modes of a pooling's configuration, in either spelling."""
    asked = config.get("pooling_mode")
    if asked is None:
        return tuple(mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)) or ("mean",)
    return tuple(map(str, asked)) if isinstance(asked, list) else (str(asked),)


def _refusal(
    modules: list[Module], transformer: Mapping[str, Any], pooling: Mapping[str, Any] | None, name: str
) -> str | None:
    """Why a model is not computed by provider mean_pooling, in words; None: it is."""
    advice = "which provider mean_pooling does not compute; use provider: huggingface"
    for position, module in enumerate(modules):
        known = {0: ("Transformer",), 1: ("Pooling",)}.get(position, (*_WITH_WEIGHTS, "Normalize", "Dropout"))
        if "." in module.kind:
            return f"model {name} has the module {module.kind}, code of its own, which is never run"
        if module.kind not in known or not _of_sentences(module.config):
            return f"model {name} has the module {module.kind} ({module.folder.name}), {advice}"
        if reason := _incomplete(module):
            return f"model {name}: {reason}"
    if modules and pooling is None:
        return f"model {name} has no Pooling in modules.json, {advice}"
    if unknown := [mode for mode in _pooling(pooling or {}) if mode not in POOLING_MODES]:
        return f"model {name} was trained with {unknown[0]} pooling, {advice}"
    taken = _taken(transformer)
    return None if taken is None else f"model {name} takes {taken} of its transformer, {advice}"


def _incomplete(module: Module) -> str | None:
    if module.kind not in _WITH_WEIGHTS or module.weights is None:
        return None
    if module.dimension is None:
        return f"{module.folder / 'config.json'} names no dimension; copy the model again"
    if module.weights.is_file():
        return None
    there = (module.folder / "pytorch_model.bin").is_file()
    pickled = "only pickled weights are there, which are never loaded: save the model as safetensors"
    return f"{module.weights} is missing: {pickled if there else 'copy the model again'}"


def _of_sentences(config: Mapping[str, Any]) -> bool:
    """Whether a module takes the vector of a text and gives it back changed."""
    return all(config.get(key) in (None, "sentence_embedding") for key in ("module_input_name", "module_output_name"))


def _taken(config: Mapping[str, Any]) -> str | None:
    """What is taken of a transformer; None: its last hidden states, the vectors of the tokens."""
    task = config.get("transformer_task", "feature-extraction")
    text = (config.get("modality_config") or {}).get("text") or {}
    output = text.get("method_output_name", "last_hidden_state")
    if task != "feature-extraction":
        return f"the output for {task}"
    if text.get("method", "forward") != "forward":
        return f"the result of {text['method']}"
    return None if output in ("last_hidden_state", ["last_hidden_state"]) else f"the output {output}"


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
