"""What the files of a checkpoint ask for and provider mean_pooling does not compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rag_pipeline.embeddings.local.modules import WITH_WEIGHTS, Module

_OTHER_KINDS = {
    "SparseEncoder": "sparse vectors",
    "MultiVectorEncoder": "a vector for each token",
    "CrossEncoder": "the score of a pair of texts, as retrieval.rerank takes it",
}
# Keys of sentence_bert_config.json that are followed, or that change no vector.
_FOLLOWED = frozenset(
    {"max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name", "unpad_inputs",
     "model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs"}
)  # fmt: skip
# Kinds of positions that the checkpoint's attention was trained with and that transformers 5 reads for no model.
_FORGOTTEN_POSITIONS = frozenset({"relative_key", "relative_key_query", "alibi"})


def other_kind(whole: Mapping[str, Any]) -> str | None:
    """What a model gives instead of vectors of texts, by config_sentence_transformers.json; None: it gives those."""
    kind = whole.get("model_type", "SentenceTransformer")
    return f"a {kind}: it gives {_OTHER_KINDS[kind]}, not one vector for a text" if kind in _OTHER_KINDS else None


def refusal(
    modules: Sequence[Module], transformer: Mapping[str, Any], unknown_pooling: str | None, name: str
) -> str | None:
    """Why a model is not computed by provider mean_pooling, in words; None: it is.

    Args:
        modules: as modules.json lists them; none: the checkpoint has no such list.
        transformer: what sentence_bert_config.json says.
        unknown_pooling: a way of pooling that is none of ours.
        name: what the model is called.
    """
    return next(_reasons(modules, transformer, unknown_pooling, name), None)


def _reasons(
    modules: Sequence[Module], transformer: Mapping[str, Any], unknown_pooling: str | None, name: str
) -> Iterator[str]:
    advice = "which provider mean_pooling does not compute; use provider: huggingface"
    for position, module in enumerate(modules):
        known = {0: ("Transformer",), 1: ("Pooling",)}.get(position, (*WITH_WEIGHTS, "Normalize", "Dropout"))
        if "." in module.kind:
            yield f"model {name} has the module {module.kind}, code of its own, which is never run"
        if module.kind not in known or not _of_sentences(module.config):
            yield f"model {name} has the module {module.kind} ({module.folder.name}), {advice}"
        if reason := _incomplete(module):
            yield f"model {name}: {reason}"
    if len(modules) == 1:
        yield f"model {name} has no Pooling in modules.json, {advice}"
    if unknown_pooling is not None:
        yield f"model {name} was trained with {unknown_pooling} pooling, {advice}"
    if taken := _taken(transformer):
        yield f"model {name} takes {taken} of its transformer, {advice}"
    for key, value in transformer.items():
        if value and key not in _FOLLOWED:
            yield f"model {name} sets {key} for its transformer, {advice}"


def unread_by_transformers(config: Mapping[str, Any], kind: str | None) -> str | None:
    """What a configuration asks for that the class of transformers does not do, in words; None: nothing is known of.

    Args:
        config: of the transformer.
        kind: the class that would run it; None: transformers has none.
    """
    own = config.get("auto_map")
    named = own.get("AutoModel") if isinstance(own, Mapping) else None
    if isinstance(named, str) and named.rpartition(".")[2] != kind:
        return f"it needs code of its own ({named}), which is never run, under no provider"
    positions = config.get("position_embedding_type")
    if positions in _FORGOTTEN_POSITIONS:
        return f"it was trained with position_embedding_type {positions}, which transformers 5 does not compute"
    return None


def _incomplete(module: Module) -> str | None:
    if module.kind not in WITH_WEIGHTS or module.weights is None:
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
    """What is taken of a transformer; None: its last hidden states of the plain text, the vectors of the tokens."""
    task = config.get("transformer_task", "feature-extraction")
    ways = config.get("modality_config") or {}
    text = ways.get("text") or {}
    output = text.get("method_output_name", "last_hidden_state")
    if task != "feature-extraction":
        return f"the output for {task}"
    if "message" in ways:
        return "messages of a chat template"
    if text.get("method", "forward") != "forward":
        return f"the result of {text['method']}"
    return None if output in ("last_hidden_state", ["last_hidden_state"]) else f"the output {output}"
