"""LangChain's own ``HuggingFaceEmbeddings`` as an embedding of the pipeline."""

from __future__ import annotations

import copy
import importlib.util
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from rag_pipeline import forking
from rag_pipeline.embeddings.base import EmbeddingIdentity, PipelineEmbeddings
from rag_pipeline.embeddings.local.choices import resolve_prompt
from rag_pipeline.embeddings.local.forked import LoadedIn
from rag_pipeline.embeddings.local.hub import find_checkpoint
from rag_pipeline.embeddings.local.refusals import unread_by_transformers
from rag_pipeline.errors import CheckpointError, ConfigurationError, EmbeddingError, RagPipelineError
from rag_pipeline.text import first_line

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
            return _lengths(self._counter, [self._prompts[1] + text for text in texts])

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of documents, in the order of the texts."""
        vectors: list[list[float]] = self._run(lambda: self._load_stock().embed_documents(texts))
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Vector of a question."""
        vector: list[float] = self._run(lambda: self._load_stock().embed_query(text))
        return vector

    def _run(self, embed: Callable[[], Any]) -> Any:
        try:
            return forking.compute(embed)
        except RagPipelineError:
            raise
        except Exception as error:  # of any module, in its own way
            reason = f"{type(error).__name__}: {first_line(error, 200)}"
        raise EmbeddingError(f"model {self._checkpoint.name} fails on its texts: {reason}")

    def _refuse_unread(self) -> None:
        transformer = getattr(self._stock._client[0], "model", None)
        unread = transformer and unread_by_transformers(self._checkpoint.config, type(transformer).__name__)
        if unread:
            self._stock = None
            raise CheckpointError(f"model folder {self._checkpoint.folder} cannot be used: {unread}")

    def _options(self, task: str, prompt: str) -> dict[str, Any]:
        return {"normalize_embeddings": self._normalize, "prompt": prompt, "task": task}

    def _load_stock(self) -> Any:
        with self._lock:
            if self._stock is None:
                if not all(importlib.util.find_spec(package) for package in _PACKAGES):
                    raise ConfigurationError(
                        "provider huggingface needs an extra: pip install 'rag-pipeline[huggingface]'"
                    )
                from langchain_huggingface import HuggingFaceEmbeddings

                options = {} if self._device == "auto" else {"device": self._device}
                self._stock = _loaded(
                    HuggingFaceEmbeddings,
                    model_name=str(self._checkpoint.root),
                    model_kwargs={**options, "model_kwargs": {"use_safetensors": True}},
                    # The prompts go in here rather than before the texts: some models leave them out of the pooling.
                    # The task chooses the way through a Router, and limits of its own.
                    encode_kwargs=self._options("document", self._prompts[1]),
                    query_encode_kwargs=self._options("query", self._prompts[0]),
                )
                self._refuse_unread()
                self._loaded_in = LoadedIn()
            self._loaded_in.check(self._stock._client.device, self._checkpoint.name)
            return self._stock


def _loaded(make: Callable[..., Any], **options: Any) -> Any:
    try:
        return make(**options)
    except Exception as error:  # of transformers, sentence-transformers or torch, each in its own way
        reason = f"{type(error).__name__}: {first_line(error, 300)}"
        folder = options["model_name"]
    raise CheckpointError(f"model folder {folder} cannot be loaded by sentence-transformers: {reason}")


def _lengths(tokenizer: Any, texts: list[str]) -> list[int]:
    """Tokens of each text, by a tokenizer of transformers or of tokenizers, or one that knows whole words."""
    if hasattr(tokenizer, "encode_batch"):
        return [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]
    if callable(tokenizer):
        return [len(ids) for ids in tokenizer(texts, truncation=False, verbose=False)["input_ids"]]
    return [len(tokenizer.tokenize(text)) for text in texts]
