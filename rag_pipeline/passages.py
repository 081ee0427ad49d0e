"""A chunk returned for a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag_pipeline.text import split_title_path

if TYPE_CHECKING:
    from langchain_core.documents import Document

_PLACES = ("page", "slide", "sheet", "rows")
# What stands elsewhere in the machine-readable form, and a path of this machine, which is nobody else's business.
_LEFT_OUT = frozenset({"title", "section", "source", "folder"})


@dataclass(frozen=True)
class Explanation:
    """Where a passage's score comes from. What a retrieval mode does not look at is None."""

    inner_product: float | None = None
    """Of the question's vector and the passage's."""
    dense_rank: int | None = None
    """From 1; None: not among the dense candidates."""
    language_correction: float = 0.0
    """What evening out the languages of a mixed collection added to the inner product."""
    lexical_score: float | None = None
    """BM25+ as a share, 0 to 1, of what a passage with every term of the question would have."""
    lexical_rank: int | None = None
    """From 1; None: not among the lexical candidates."""
    lexical_boost: float = 0.0
    """What the lexical score added to the inner product."""
    terms: Mapping[str, float] = field(default_factory=dict)
    """Each matched term's part of the lexical score, largest first."""
    rerank_score: float | None = None
    """The reranker's own score."""
    height: float | None = None
    """How far it stands out: the deviations of its score, before a reranker, above the mean of the question's inner
    products with chunks of the collection, as a multiple of what the best of so many chunks has by chance."""

    @property
    def language_shift(self) -> float:
        """The first name of :attr:`language_correction`."""
        return self.language_correction

    @property
    def lexical_gain(self) -> float:
        """The first name of :attr:`lexical_boost`."""
        return self.lexical_boost

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form; two values bear their first names too."""
        named = {**vars(self), "language_shift": self.language_shift, "lexical_gain": self.lexical_gain}
        values = {name: round(value, 6) if isinstance(value, float) else value for name, value in named.items()}
        return {**values, "terms": {term: round(share, 6) for term, share in self.terms.items()}}


@dataclass(frozen=True)
class Passage:
    """A chunk with its place in the answer to a question."""

    rank: int
    """From 1, best first."""
    score: float
    """What it was ranked by; higher is better. Dense: the inner product of question and passage. Hybrid: that, and
    what the lexical score adds. Lexical: 0 to 1. With a cross-encoder: its score."""
    id: str
    title: str
    section: str
    source: str
    text: str
    """As it was embedded: the title path, a blank line, the passage."""
    metadata: Mapping[str, Any]
    explanation: Explanation | None = None
    """Only where it was asked for."""
    collection: str = ""
    """The collection it is from."""
    confidence: float | None = None
    """How likely it is, 0 to 1, that it answers the question rather than being the least unlike of what there is. None:
    the question was asked by words alone, or of a collection too small to tell."""

    @property
    def body(self) -> str:
        """The text without the title path in front."""
        return split_title_path(self.text, self.title)[1]

    @property
    def place(self) -> str:
        """Where in the source it stands, for citations: ``page 3``; empty where the format has no places."""
        return ", ".join(f"{name} {self.metadata[name]}" for name in _PLACES if name in self.metadata)

    @property
    def caption(self) -> str:
        """Title, section and source with the place in it, as far as there are any; else the id."""
        parts = (self.title, self.section, ", ".join(filter(None, (self.source, self.place))))
        return " — ".join(filter(None, parts)) or self.id

    def as_document(self) -> Document:
        """As LangChain passes it on: the text as plain Chroma would give it, and everything known in its metadata.

        Always there are ``score``, ``rank``, ``collection``, ``source``, ``title`` and ``section``; ``page``,
        ``slide``, ``sheet`` or ``rows`` where the format has them; and the metadata of the file.
        """
        from langchain_core.documents import Document

        return Document(
            id=self.id,
            page_content=self.text,
            metadata={
                **self.metadata,
                "source": self.source,
                "title": self.title,
                "section": self.section,
                "collection": self.collection,
                "rank": self.rank,
                "score": self.score,
                **({} if self.confidence is None else {"confidence": self.confidence}),
            },
        )

    @classmethod
    def from_document(cls, document: Document, rank: int) -> Passage:
        """A passage from a document of any retriever; what it does not tell is empty."""
        metadata = dict(document.metadata)
        score = metadata.pop("score", None)
        metadata.pop("rank", None)
        confidence = metadata.pop("confidence", None)
        return cls(
            rank=rank,
            confidence=float(confidence) if isinstance(confidence, int | float) else None,
            score=float(score) if isinstance(score, int | float) else 0.0,
            id=document.id or "",
            title=str(metadata.get("title") or ""),
            section=str(metadata.get("section") or ""),
            source=str(metadata.get("source") or ""),
            text=document.page_content,
            metadata=metadata,
            collection=str(metadata.pop("collection", "") or ""),
        )

    @classmethod
    def from_row(
        cls,
        passage_id: str,
        text: str,
        metadata: Mapping[str, Any],
        *,
        collection: str,
        rank: int = 0,
        score: float = 0.0,
        explanation: Explanation | None = None,
        confidence: float | None = None,
    ) -> Passage:
        """A passage from a chunk as a collection holds it."""
        return cls(
            rank=rank,
            score=score,
            id=passage_id,
            title=str(metadata.get("title", "")),
            section=str(metadata.get("section", "")),
            source=str(metadata.get("source", "")),
            text=text,
            metadata=metadata,
            explanation=explanation,
            collection=collection,
            confidence=confidence,
        )

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form, without the folder on this machine that the passage is of."""
        found = {
            "rank": self.rank,
            "score": round(self.score, 6),
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "title": self.title,
            "section": self.section,
            "source": self.source,
            "text": self.text,
            # The store gives them in any order.
            "metadata": {key: self.metadata[key] for key in sorted(self.metadata) if key not in _LEFT_OUT},
        }
        if self.collection:
            found["collection"] = self.collection
        if self.explanation is not None:
            found["explanation"] = self.explanation.as_dict()
        return found

    def as_values(self) -> dict[str, Any]:
        """Everything in plain values, nothing rounded, for another process of the same user."""
        explanation = None if self.explanation is None else {**vars(self.explanation)}
        if explanation is not None:
            explanation["terms"] = dict(explanation["terms"])
        return {**vars(self), "metadata": dict(self.metadata), "explanation": explanation}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Passage:
        """What :meth:`as_values` gave.

        Raises:
            KeyError, TypeError: it is something else.
        """
        explanation = values["explanation"]
        return cls(**{**values, "explanation": None if explanation is None else Explanation(**explanation)})
