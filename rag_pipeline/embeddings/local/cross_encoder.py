"""A cross-encoder: question and passage read together by one model, which says how well they fit."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag_pipeline import forking
from rag_pipeline.embeddings.base import readable
from rag_pipeline.embeddings.local.batching import length_sorted_batches
from rag_pipeline.embeddings.local.forked import LoadedIn
from rag_pipeline.embeddings.local.hub import find_checkpoint
from rag_pipeline.errors import CheckpointError, EmbeddingError, RagPipelineError
from rag_pipeline.text import first_line

_LONGEST = 1024


class CrossEncoder:
    """A Hugging Face ``AutoModelForSequenceClassification`` with one output, such as BAAI/bge-reranker-v2-m3.

    The model is loaded at the first question.

    Args:
        model: a hub name or a local folder.
        revision: branch, tag or commit of a hub model.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        base_dir: where a relative ``model`` folder starts; None: the current folder.

    Raises:
        CheckpointError: the folder lacks config.json, tokenizer or safetensors weights.
        ServiceError: the model has to be downloaded and cannot be.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        base_dir: Path | None = None,
    ) -> None:
        self._checkpoint = find_checkpoint(model, revision, base_dir, embeds=False)
        self._device_name = device
        self._dtype_name = dtype
        self._loaded: Any = None
        self._loaded_in = LoadedIn()
        self._has_warned = False
        self._lock = threading.Lock()
        forking.renew_locks(self)

    def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """How well each passage answers the question: the sigmoid of the model's output, 0 to 1.

        Where both do not fit in what the model reads, the longer one is cut at its end, and both where each is longer
        than half of it, as sentence-transformers does. That a question was cut is warned of once.

        Raises:
            CheckpointError: the model cannot be loaded, or has not one output.
            EmbeddingError: it gave numbers that are not finite, or failed.
        """
        if not passages:
            return []
        try:
            return forking.compute(lambda: self._scores(question, passages))
        except RagPipelineError:
            raise
        except Exception as error:  # of the tokenizer or of torch, each in its own way
            reason = first_line(error, 300)
        raise EmbeddingError(f"the reranker {self._checkpoint.name} failed: {reason}")

    def _scores(self, question: str, passages: Sequence[str]) -> list[float]:
        import numpy as np
        import torch

        model, tokenizer, device = self._load()
        encodings = tokenizer.encode_batch([(readable(question), readable(passage)) for passage in passages])
        self._warn_if_cut(question, tokenizer, encodings)
        logits = np.empty(len(passages), dtype=np.float32)
        for batch in length_sorted_batches([len(encoding.ids) for encoding in encodings], 4096):
            width = max(len(encodings[index].ids) for index in batch)
            padding = [width - len(encodings[index].ids) for index in batch]
            pad = self._checkpoint.pad_token
            inputs = {
                "input_ids": [encodings[i].ids + [pad] * more for i, more in zip(batch, padding, strict=True)],
                "attention_mask": [[1] * (width - more) + [0] * more for more in padding],
            }
            if int(self._checkpoint.config.get("type_vocab_size", 0)) > 1:
                inputs["token_type_ids"] = [
                    encodings[i].type_ids + [0] * more for i, more in zip(batch, padding, strict=True)
                ]
            with torch.inference_mode():
                tensors = {name: torch.tensor(rows, device=device) for name, rows in inputs.items()}
                logits[batch] = model(**tensors).logits[:, 0].float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise EmbeddingError(f"model {self._checkpoint.name} gave scores that are not finite; try dtype float32")
        scores: list[float] = (1 / (1 + np.exp(-logits.astype(np.float64)))).tolist()
        return scores

    def _warn_if_cut(self, question: str, tokenizer: Any, encodings: Sequence[Any]) -> None:
        if self._has_warned or max(len(encoding.ids) for encoding in encodings) < tokenizer.truncation["max_length"]:
            return
        kept = min(encoding.sequence_ids.count(0) for encoding in encodings)
        # Cut at the same length: longer than what a pair keeps of it in any case.
        if kept < len(tokenizer.encode(readable(question), add_special_tokens=False).ids):
            self._has_warned = True
            warnings.warn(
                f"a question is longer than the reranker {self._checkpoint.name} reads next to a passage: of"
                f" {tokenizer.truncation['max_length']} tokens for both it reads {kept} of the question",
                stacklevel=5,
            )

    def _load(self) -> tuple[Any, Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load_now()
                self._loaded_in = LoadedIn()
            self._loaded_in.check(self._loaded[2], self._checkpoint.name)
            return self._loaded  # type: ignore[no-any-return]

    def _load_now(self) -> tuple[Any, Any, Any]:
        from transformers import AutoModelForSequenceClassification

        from rag_pipeline.embeddings.local.hardware import choose_device, choose_dtype
        from rag_pipeline.embeddings.local.loading import quiet_transformers
        from rag_pipeline.embeddings.local.tokenizing import load_tokenizer

        folder = self._checkpoint.folder
        device = choose_device(self._device_name)
        with quiet_transformers():
            try:
                model, report = AutoModelForSequenceClassification.from_pretrained(
                    folder,
                    dtype=choose_dtype(self._dtype_name, device),
                    use_safetensors=True,
                    trust_remote_code=False,
                    local_files_only=True,
                    output_loading_info=True,
                )
            except Exception as error:
                reason = first_line(error, 300)
                raise CheckpointError(f"model folder {folder} cannot be loaded as a reranker: {reason}") from None
        if report["missing_keys"]:
            raise CheckpointError(
                f"model {self._checkpoint.name} has no trained output for reranking (it lacks"
                f" {', '.join(sorted(report['missing_keys'])[:2])}); choose a cross-encoder such as"
                " BAAI/bge-reranker-v2-m3"
            )
        if model.config.num_labels != 1:
            raise CheckpointError(
                f"model {self._checkpoint.name} has {model.config.num_labels} outputs; a reranker has one"
            )
        tokenizer = load_tokenizer(folder)
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(self._checkpoint.max_tokens or _LONGEST, _LONGEST), strategy="longest_first")
        return model.to(device).eval(), tokenizer, device
