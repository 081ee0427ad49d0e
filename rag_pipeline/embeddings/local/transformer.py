"""Embeddings from a local Hugging Face checkpoint: ``AutoModel``, pooling over real tokens, L2 normalisation."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_pipeline import forking
from rag_pipeline.config import MeanPoolingEmbedding, Pooling
from rag_pipeline.config.arguments import check_arguments
from rag_pipeline.embeddings.base import EmbeddingIdentity, PipelineEmbeddings
from rag_pipeline.embeddings.local.batching import length_sorted_batches
from rag_pipeline.embeddings.local.checkpoint import Checkpoint
from rag_pipeline.embeddings.local.choices import resolve_limit, resolve_pooling, resolve_prompt
from rag_pipeline.embeddings.local.forked import LoadedIn
from rag_pipeline.embeddings.local.gathering import QuestionGatherer
from rag_pipeline.embeddings.local.hub import find_checkpoint
from rag_pipeline.embeddings.local.tokenizing import CheckpointTokenizer
from rag_pipeline.errors import CheckpointError, EmbeddingError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from rag_pipeline.embeddings.local.encoder import Encoder

_LOADED = frozenset({"_encoder", "_tokenizer", "_model_lock", "_tokenizer_lock", "_questions", "_loaded_in"})


class TransformerEmbeddings(PipelineEmbeddings):
    """A LangChain ``Embeddings`` over a checkpoint that ``transformers.AutoModel`` can load.

    A text's vector is what the checkpoint's files say: which way of pooling, which modules after it (Dense, LayerNorm,
    Normalize), which prompts, how many tokens (modules.json and the files it names, as sentence-transformers writes
    them). Where they say nothing it is the mean of the token vectors, padding left out (Sentence-BERT, Reimers and
    Gurevych 2019, arXiv:1908.10084). By default it has length one, so that inner product and cosine are the same. What
    follows the transformer is computed in float32 whatever the model runs in. Files that ask for more than is computed
    here are refused, with the provider that can.

    The checkpoint's files are checked when the object is made; the model is loaded at the first text. Safe to
    use from several threads.

    Args:
        model: a local folder (text or Path, ``~`` and relative paths too) or a hub name.
        revision: branch, tag or commit of a hub model.
        pooling: ``auto`` for what the checkpoint says (mean if it says nothing), or one of ``mean``, ``cls``, ``max``,
            ``mean_sqrt_len_tokens``, ``weightedmean``, ``lasttoken``. A choice that differs from the checkpoint's is
            warned of.
        normalize: whether vectors have length one.
        query_prompt: put in front of a question, e.g. ``"query: "`` for E5 models; ``auto`` for what the checkpoint's
            config_sentence_transformers.json says. A choice that differs from the checkpoint's is warned of.
        document_prompt: the same in front of a document.
        max_tokens: read no more than this of a text; None: as the checkpoint says.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        dtype: ``auto``, ``float32``, ``bfloat16`` or ``float16``; see :func:`~.hardware.choose_dtype`.
        batch_tokens: tokens in one forward pass, padding counted; None chooses for the device. A batch that
            does not fit in memory is halved and tried again.
        base_dir: where a relative ``model`` folder starts; None: the current folder.

    Raises:
        ConfigurationError: an argument has a value that is not allowed.
        CheckpointError: the folder lacks config.json, tokenizer or safetensors weights, or asks for what is not
            computed here.
        ServiceError: the model is not on this machine and the hub cannot be reached.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        pooling: Pooling = "auto",
        normalize: bool = True,
        query_prompt: str = "auto",
        document_prompt: str = "auto",
        max_tokens: int | None = None,
        device: str = "auto",
        dtype: str = "auto",
        batch_tokens: int | None = None,
        base_dir: Path | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name in MeanPoolingEmbedding.model_fields}
        check_arguments("TransformerEmbeddings", MeanPoolingEmbedding, {"provider": "mean_pooling", **given})
        self._checkpoint = find_checkpoint(model, revision, base_dir)
        self._name = self._checkpoint.name
        recipe = self._checkpoint.recipe
        if recipe.refusal is not None:
            raise CheckpointError(recipe.refusal)
        self._modes = resolve_pooling(pooling, self._checkpoint)
        self._dimension = self._checkpoint.dimension_of(self._modes)
        self._normalize = normalize
        self._query_prompt = resolve_prompt("query_prompt", query_prompt, recipe.query_prompt, self._name)
        self._document_prompt = resolve_prompt("document_prompt", document_prompt, recipe.document_prompt, self._name)
        self._max_tokens = resolve_limit(max_tokens, self._checkpoint)
        self._device_name = device
        self._dtype_name = dtype
        self._batch_tokens = batch_tokens
        self._truncated = 0
        self._not_loaded()

    def _not_loaded(self) -> None:
        self._encoder: Encoder | None = None
        self._tokenizer: CheckpointTokenizer | None = None
        self._model_lock = threading.Lock()
        self._tokenizer_lock = threading.Lock()
        self._questions = QuestionGatherer()
        self._loaded_in = LoadedIn()
        forking.renew_locks(self)

    def __getstate__(self) -> dict[str, Any]:
        """A copy, also one that goes through pickle, loads its model for itself."""
        return {name: value for name, value in vars(self).items() if name not in _LOADED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._not_loaded()

    def __repr__(self) -> str:
        return f"TransformerEmbeddings({self._name!r}, pooling={'+'.join(self._modes)!r}, normalize={self._normalize})"

    @property
    def identity(self) -> EmbeddingIdentity:
        """What the vectors depend on."""
        return EmbeddingIdentity(
            provider="mean_pooling",
            model=self._name,
            revision=self._checkpoint.digest,
            pooling="+".join(self._modes),
            normalize=self._normalize,
            query_prompt=self._query_prompt,
            document_prompt=self._document_prompt,
            dimension=self._dimension,
            max_tokens=self._max_tokens,
            earlier_revision=self._checkpoint.earlier_digest or "",
        )

    @property
    def max_tokens(self) -> int | None:
        """Tokens the model reads of one text, with prompt and special tokens."""
        return self._max_tokens

    @property
    def truncated_texts(self) -> int:
        """How many texts were cut at :attr:`max_tokens` since this object was made."""
        return self._truncated

    @property
    def checkpoint(self) -> Checkpoint:
        """The files of the model, found and checked."""
        return self._checkpoint

    @property
    def device(self) -> str:
        """What was asked for: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``."""
        return self._device_name

    @property
    def model(self) -> torch.nn.Module:
        """The loaded transformers model; loads it if need be."""
        return forking.compute(self._loaded).model

    def load(self) -> None:
        """Load tokenizer and model now rather than at the first text.

        Raises:
            CheckpointError: the weights do not fill the model, or the tokenizer cannot be read.
        """
        forking.compute(self._loaded)
        self._loaded_tokenizer()

    def count_document_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text with document prompt and special tokens, uncut."""
        prompted = [self._document_prompt + text for text in texts]
        return forking.compute(lambda: self._loaded_tokenizer().count(prompted))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of documents, in the order of the texts: ``len(texts)`` lists of ``dimension`` floats.

        Raises:
            EmbeddingError: a single text does not fit in memory.
        """
        return forking.compute(lambda: self._embed(texts, self._document_prompt))

    def embed_query(self, text: str) -> list[float]:
        """Vector of a question: ``dimension`` floats; questions of several threads share passes of the model."""
        return self._questions.vector(text, self.embed_queries)

    async def aembed_query(self, text: str) -> list[float]:
        """As :meth:`embed_query`, with the model in a thread; questions that come together share a pass."""
        return await self._questions.avector(text, self.embed_queries)

    def embed_queries(self, texts: Sequence[str]) -> list[list[float]]:
        """Vectors of questions, in their order: ``len(texts)`` lists of ``dimension`` floats."""
        return forking.compute(lambda: self._embed(texts, self._query_prompt))

    def query_token_vectors(self, text: str) -> npt.NDArray[np.float32]:
        """Vectors of a question's tokens, prompt and special tokens among them: (tokens, dimension), length one."""
        return forking.compute(lambda: self._token_vectors([self._query_prompt + text]))[0]

    def document_token_vectors(self, texts: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """Vectors of each document's tokens: (tokens, dimension) each, of length one.

        Raises:
            EmbeddingError: a single text does not fit in memory.
        """
        prompted = [self._document_prompt + text for text in texts]
        return forking.compute(lambda: self._token_vectors(prompted))

    def _token_vectors(self, texts: list[str]) -> list[npt.NDArray[np.float32]]:
        encoder = self._loaded()
        rows, _ = self._loaded_tokenizer().encode(texts, self._max_tokens)
        found: dict[int, npt.NDArray[np.float32]] = {}
        for batch in length_sorted_batches([len(row) for row in rows], self._batch_tokens or encoder.batch_tokens):
            states = encoder.token_vectors([rows[i] for i in batch])
            if states is None:
                raise EmbeddingError(f"{len(batch)} texts do not fit in memory; set a lower batch_tokens")
            found.update(zip(batch, states, strict=True))
        return [found[index] for index in range(len(texts))]

    def _embed(self, texts: Sequence[str], prompt: str) -> list[list[float]]:
        if not texts:
            return []
        import numpy as np

        encoder = self._loaded()
        tokenizer = self._loaded_tokenizer()
        rows, cut = tokenizer.encode([prompt + text for text in texts], self._max_tokens)
        if cut:
            self._truncated += cut
            warnings.warn(
                f"{cut} of {len(texts)} texts cut at the {self._max_tokens} tokens that {self._name} reads",
                stacklevel=3,
            )
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        skipped = 0 if self._checkpoint.recipe.include_prompt or not prompt else tokenizer.prompt_length(prompt)
        for batch in length_sorted_batches([len(row) for row in rows], self._batch_tokens or encoder.batch_tokens):
            self._embed_batch(encoder, rows, batch, skipped, vectors)
        if not np.isfinite(vectors).all():
            raise EmbeddingError(f"model {self._name} gave vectors that are not finite; try dtype float32")
        result: list[list[float]] = vectors.tolist()
        return result

    def _embed_batch(self, encoder: Encoder, rows: list[list[int]], batch: list[int], skipped: int, out: Any) -> None:
        """Fill the rows of one batch, in halves where it does not fit in memory."""
        vectors = encoder.encode([rows[i] for i in batch], skipped)
        if vectors is not None:
            if vectors.shape[1] != self._dimension:
                raise EmbeddingError(
                    f"model {self._name} gives vectors of {vectors.shape[1]} and not of {self._dimension}, as its"
                    " files say; provider mean_pooling does not know its architecture"
                )
            out[batch] = vectors
            return
        if len(batch) == 1:
            tokens = len(rows[batch[0]])
            raise EmbeddingError(f"a text of {tokens} tokens does not fit in memory; set a lower max_tokens")
        middle = len(batch) // 2
        self._embed_batch(encoder, rows, batch[:middle], skipped, out)
        self._embed_batch(encoder, rows, batch[middle:], skipped, out)

    def _loaded_tokenizer(self) -> CheckpointTokenizer:
        with self._tokenizer_lock:
            if self._tokenizer is None:
                recipe = self._checkpoint.recipe
                self._tokenizer = CheckpointTokenizer(
                    self._checkpoint.tokenizer_folder, recipe.tokenizer_arguments, recipe.lower_case
                )
            return self._tokenizer

    def _loaded(self) -> Encoder:
        with self._model_lock:
            if self._encoder is None:
                # The tokenizer is read outside of the interpreter lock: alongside the import of torch it is free.
                tokenizer = threading.Thread(target=self._try_tokenizer)
                tokenizer.start()
                try:
                    self._encoder = load_encoder(
                        self._checkpoint, self._modes, self._normalize, self._device_name, self._dtype_name
                    )
                finally:
                    tokenizer.join()
                self._loaded_in = LoadedIn()
            self._loaded_in.check(self._encoder.device, self._name)
            return self._encoder

    def _try_tokenizer(self) -> None:
        with contextlib.suppress(CheckpointError):  # raised again where the tokenizer is used
            self._loaded_tokenizer()


def load_encoder(checkpoint: Checkpoint, pooling: Sequence[str], normalize: bool, device: str, dtype: str) -> Encoder:
    """As :class:`.encoder.Encoder`, which imports torch."""
    from rag_pipeline.embeddings.local.encoder import Encoder

    return Encoder(checkpoint, pooling, normalize, device, dtype)


MeanPoolingEmbeddings = TransformerEmbeddings
"""The first name of :class:`TransformerEmbeddings`, which then knew one way of pooling."""
