"""Writes the bundled weights as a Hugging Face checkpoint: config, safetensors, tokenizer."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from rag_pipeline.embeddings.bundled.file_format import Array, BundledFile, parse

_SPECIAL = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
# XLM-RoBERTa's normaliser is NFKC but for the full-width tilde, common in Korean ranges, which it keeps. A private
# code point carries it through NFKC.
_TILDE, _PRIVATE = "\uff5e", "\ue000"

_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def write_checkpoint(data: bytes, folder: Path) -> None:
    """Write config.json, model.safetensors, tokenizer.json and tokenizer_config.json into an empty folder.

    Args:
        data: the content of ``e5-small-q4.bin``.
        folder: where to write.
    """
    content = parse(data)
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "pad_token_id": _id_of("<pad>", content),
        **asdict(content.header),
    }
    _write_json(folder / "config.json", config)
    save_file(_named_tensors(content), folder / "model.safetensors", metadata={"format": "pt"})
    _make_tokenizer(content).save(str(folder / "tokenizer.json"), pretty=False)
    limit = content.header.max_position_embeddings
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": limit,
            "cls_token": "<s>",
            "sep_token": "</s>",
            **_SPECIAL,
        },
    )


def _named_tensors(content: BundledFile) -> dict[str, Array]:
    header = content.header
    wide = {
        "fi": (header.intermediate_size, header.hidden_size),
        "fo": (header.hidden_size, header.intermediate_size),
    }
    named = {}
    for short, values in content.tensors.items():
        if short in _EMBEDDINGS:
            name = _EMBEDDINGS[short]
            shape: tuple[int, ...] = (-1,) if ".ln." in short else (-1, header.hidden_size)
        else:
            layer, part, kind = short.split(".")
            name = f"encoder.layer.{layer[1:]}.{_LAYER[part]}.{'weight' if kind == 'w' else 'bias'}"
            matrix = kind == "w" and not part.endswith("ln")
            shape = wide.get(part, (header.hidden_size, header.hidden_size)) if matrix else (-1,)
        named[name] = np.ascontiguousarray(values.reshape(shape))
    return named


def _make_tokenizer(content: BundledFile) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram(content.pieces, unk_id=_id_of("<unk>", content), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(_TILDE, _PRIVATE),
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace(_PRIVATE, _TILDE),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", _id_of("<s>", content)), ("</s>", _id_of("</s>", content))],
    )
    tokenizer.add_special_tokens(list(_SPECIAL.values()))
    return tokenizer


def _id_of(piece: str, content: BundledFile) -> int:
    return next(index for index, (text, _) in enumerate(content.pieces) if text == piece)


def _write_json(file: Path, content: dict[str, object]) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
