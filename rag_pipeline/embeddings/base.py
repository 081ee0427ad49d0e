"""What the pipeline asks of an embedding, over and above LangChain's ``Embeddings``."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

Vector: TypeAlias = "Sequence[float] | npt.NDArray[np.floating]"

# A local model takes texts in groups: large enough that sorting by length leaves little padding, small enough
# that a run cut off loses seconds of work.
_GROUP_TOKENS = 65_536
_GROUP_TEXTS = 512
# The first group is small and the next ones grow, so that the model need not wait until all of one has been read.
_FIRST_SHARE = 16


@dataclass(frozen=True)
class EmbeddingIdentity:
    """All that changes a vector, and nothing else: two equal identities give the same vectors.

    Device, number format and batch size are left out: they move a vector by rounding only.
    """

    provider: str
    model: str
    """The model's name as the user wrote it, or the last part of its folder's path."""
    revision: str
    """``sha256:…`` of a checkpoint's content where it is known, a version name otherwise."""
    pooling: str
    normalize: bool
    query_prompt: str
    document_prompt: str
    dimension: int
    max_tokens: int | None
    earlier_revision: str = ""
    """The revision as earlier versions of this package wrote it, where the vectors are the same; else empty."""

    def as_dict(self) -> dict[str, Any]:
        """The identity as plain values, for the fingerprint of a collection."""
        values = asdict(self)
        del values["earlier_revision"]
        return values


@dataclass(frozen=True)
class DocumentText:
    """A chunk on its way to a vector, with its title path kept apart for models that take one."""

    text: str
    """The whole chunk: title path, blank line, body."""
    title: str = ""
    body: str = ""
    tokens: int = 0
    """As :meth:`PipelineEmbeddings.count_document_tokens` counts the text; 0: not counted."""


@dataclass(frozen=True)
class EmbeddedBatch:
    """Vectors of some of the texts of a stream, as soon as they are there."""

    positions: Sequence[int]
    """Which texts, counted from 0 in the order of the stream; shape (n,)."""
    vectors: Sequence[Vector]
    """Shape (n, dimension)."""
    refused: Mapping[int, str] = field(default_factory=dict)
    """Texts that the model cannot embed, by position, with the reason; the others are not held up by them."""
    seconds: float = 0.0
    """Time the model took, without what it waited for texts."""


def readable(text: str) -> str:
    """A text without the lone surrogates that a terminal of another encoding leaves, which no model takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


class PipelineEmbeddings(Embeddings, ABC):
    """A LangChain ``Embeddings`` that knows what it is and counts as its model counts.

    Subclass it to bring an embedding of your own; :class:`rag_pipeline.testing.HashEmbeddings` is a small
    example. Building one must be cheap: models are loaded at the first text.
    """

    @property
    @abstractmethod
    def identity(self) -> EmbeddingIdentity:
        """What the vectors depend on."""

    @property
    @abstractmethod
    def max_tokens(self) -> int | None:
        """Tokens the model reads of one text, with prompt and special tokens; None: no limit."""

    @abstractmethod
    def count_document_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as the model reads a document: with its prompt and special tokens, uncut."""

    def embed_queries(self, texts: Sequence[str]) -> list[list[float]]:
        """Vectors of several questions, shape (n, dimension); override it for a model that takes several in a pass.

        Raises:
            EmbeddingError, ServiceError: one cannot be embedded.
        """
        return [self.embed_query(text) for text in texts]

    def embed_stream(self, texts: Iterable[DocumentText]) -> Iterator[EmbeddedBatch]:
        """Embed documents as they come and hand over vectors as they are done, in any order.

        What was handed over before an error is good and can be kept. This one takes groups of texts and calls
        ``embed_documents``; override it for a model that takes a title, or several requests at once.

        Args:
            texts: read no further ahead than is needed to keep the model busy.

        Raises:
            EmbeddingError, ServiceError: no text can be embedded any more.
        """
        group: list[DocumentText] = []
        start = 0
        tokens = 0
        share = _FIRST_SHARE
        for text in texts:
            group.append(text)
            tokens += text.tokens
            if tokens * share >= _GROUP_TOKENS or len(group) * share >= _GROUP_TEXTS:
                yield self._embed_group(group, start)
                start += len(group)
                group, tokens, share = [], 0, max(1, share // 2)
        if group:
            yield self._embed_group(group, start)

    def _embed_group(self, group: Sequence[DocumentText], start: int) -> EmbeddedBatch:
        self.load()  # so that its time is not counted as embedding
        started = time.monotonic()
        vectors = self.embed_documents([text.text for text in group])
        return EmbeddedBatch(range(start, start + len(group)), vectors, seconds=time.monotonic() - started)

    @property
    def sends_texts_away(self) -> bool:
        """Whether texts are sent to a service, which may cost money."""
        return False

    def check_ready(self) -> None:
        """Find out cheaply, without loading or calling anything, that embedding cannot work: a key is missing.

        Raises:
            ConfigurationError: what is missing.
        """
        return

    def load(self) -> None:
        """Load the model now rather than at the first text."""
        return

    @property
    def truncated_texts(self) -> int:
        """How many texts were cut at the model's limit since this object was made."""
        return 0
