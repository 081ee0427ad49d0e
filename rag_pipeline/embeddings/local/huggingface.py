"""LangChain's own ``HuggingFaceEmbeddings`` as an embedding of the pipeline."""

from __future__ import annotations

import copy
import importlib.util
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from rag_pipeline import forking
from rag_pipeline.embeddings.base import EmbeddingIdentity, PipelineEmbeddings
from rag_pipeline.embeddings.local.forked import LoadedIn
from rag_pipeline.embeddings.local.hub import find_checkpoint
from rag_pipeline.embeddings.local.prompts import resolve_prompt
from rag_pipeline.errors import ConfigurationError

_PACKAGES = ("langchain_huggingface", "sentence_transformers")


class StockHuggingFaceEmbeddings(PipelineEmbeddings):
    """``langchain_huggingface.HuggingFaceEmbeddings`` with the model's identity and token counts added.

    Vectors are the stock class's own. It is here to compare with, and for checkpoints whose
    sentence-transformers modules do more than pooling. Needs the extra ``huggingface``.

    Args:
        model: a local folder or a hub name.
        revision: branch, tag or commit of a hub model.
        normalize: whether vectors have length one.
        query_prompt: put in front of a question; ``auto`` for what the checkpoint says.
        document_prompt: the same in front of a document.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        base_dir: where a relative ``model`` folder starts; None: the current folder.

    Raises:
        ConfigurationError: the extra is not installed.
        CheckpointError: the folder lacks config.json, tokenizer or safetensors weights.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        normalize: bool = True,
        query_prompt: str = "auto",
        document_prompt: str = "auto",
        device: str = "auto",
        base_dir: Path | None = None,
    ) -> None:
        self._checkpoint = find_checkpoint(model, revision, base_dir)
        self._normalize = normalize
        recipe, name = self._checkpoint.recipe, self._checkpoint.name
        self._prompts = (
            resolve_prompt("query_prompt", query_prompt, recipe.query_prompt, name),
            resolve_prompt("document_prompt", document_prompt, recipe.document_prompt, name),
        )
        self._device = device
        self._stock: Any = None
        self._loaded_in = LoadedIn()
        self._counter: Any = None
        self._lock = threading.Lock()
        forking.renew_locks(self)

    @property
    def identity(self) -> EmbeddingIdentity:
        """What the vectors depend on."""
        return EmbeddingIdentity(
            provider="huggingface",
            model=self._checkpoint.name,
            revision=self._checkpoint.digest,
            pooling=self._checkpoint.trained_pooling or "mean",
            normalize=self._normalize,
            query_prompt=self._prompts[0],
            document_prompt=self._prompts[1],
            dimension=self._dimension,
            max_tokens=self.max_tokens,
            earlier_revision=self._checkpoint.earlier_digest or "",
        )

    @cached_property
    def _dimension(self) -> int:
        """Length of the vectors; a model with modules that are not known here is loaded to be asked."""
        checkpoint = self._checkpoint
        if checkpoint.recipe.refusal is None:
            return checkpoint.dimension_of(checkpoint.recipe.pooling or ("mean",))
        return int(self._load_stock()._client.get_embedding_dimension())

    @property
    def max_tokens(self) -> int | None:
        """Tokens the model reads of one text."""
        return self._checkpoint.max_tokens

    def load(self) -> None:
        """Load the model now rather than at the first text."""
        forking.compute(self._load_stock)

    def count_document_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text with document prompt and special tokens, uncut."""
        return forking.compute(lambda: self._count(texts)) if texts else []

    def _count(self, texts: Sequence[str]) -> list[int]:
        stock = self._load_stock()
        with self._lock:
            if self._counter is None:
                # Its own: counting may run during embedding, and setting truncation disturbs a tokenizer in use.
                self._counter = copy.deepcopy(stock._client.tokenizer)
            rows = self._counter([self._prompts[1] + text for text in texts], truncation=False, verbose=False)
        return [len(ids) for ids in rows["input_ids"]]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of documents, in the order of the texts."""
        vectors: list[list[float]] = forking.compute(lambda: self._load_stock().embed_documents(texts))
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Vector of a question."""
        vector: list[float] = forking.compute(lambda: self._load_stock().embed_query(text))
        return vector

    def _load_stock(self) -> Any:
        with self._lock:
            if self._stock is None:
                if not all(importlib.util.find_spec(package) for package in _PACKAGES):
                    raise ConfigurationError(
                        "provider huggingface needs an extra: pip install 'rag-pipeline[huggingface]'"
                    )
                from langchain_huggingface import HuggingFaceEmbeddings

                options = {} if self._device == "auto" else {"device": self._device}
                self._stock = HuggingFaceEmbeddings(
                    model_name=str(self._checkpoint.root),
                    model_kwargs={**options, "model_kwargs": {"use_safetensors": True}},
                    # The prompts go in here rather than before the texts: some models leave them out of the pooling.
                    encode_kwargs={"normalize_embeddings": self._normalize, "prompt": self._prompts[1]},
                    query_encode_kwargs={"normalize_embeddings": self._normalize, "prompt": self._prompts[0]},
                )
                self._loaded_in = LoadedIn()
            self._loaded_in.check(self._stock._client.device, self._checkpoint.name)
            return self._stock
