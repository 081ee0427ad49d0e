"""How a collection is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

from rag_pipeline.config import RerankSettings, RetrievalMode, RetrievalSettings, Settings
from rag_pipeline.config.arguments import check_arguments
from rag_pipeline.errors import UsageError

_FROM_SETTINGS = (
    "candidates", "lexical_weight", "balance_languages", "min_score", "min_confidence", "diversity", "distinct",
    "context", "rerank",
)  # fmt: skip

_WHOLE = ((int,), "a whole number")
_NUMBER = ((int, float), "a number")
_SWITCH = ((bool,), "true or false")
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "candidates": _WHOLE,
    "context": _WHOLE,
    "lexical_weight": _NUMBER,
    "min_score": _NUMBER,
    "min_confidence": _NUMBER,
    "diversity": _NUMBER,
    "balance_languages": _SWITCH,
    "distinct": _SWITCH,
}


@dataclass(frozen=True)
class SearchOptions:
    """The settings of :class:`rag_pipeline.config.sections.RetrievalSettings`, for one collection."""

    mode: RetrievalMode = "hybrid"
    candidates: int = 100
    lexical_weight: float = RetrievalSettings().lexical_weight
    balance_languages: bool = True
    min_score: float | None = None
    min_confidence: float | None = None
    diversity: float = 0.0
    distinct: bool = False
    context: int = 0
    rerank: RerankSettings = field(default_factory=RerankSettings)

    @classmethod
    def from_settings(cls, settings: Settings, collection: str) -> SearchOptions:
        """What the configuration says of a collection."""
        retrieval = settings.retrieval
        configured = settings.collections.get(collection)
        return cls(
            mode=(configured.mode if configured else None) or retrieval.mode,
            **{name: getattr(retrieval, name) for name in _FROM_SETTINGS},
        )

    def changed(self, **changes: Any) -> SearchOptions:
        """The same with some options changed; those given as None stay as they are.

        Raises:
            UsageError: there is no such option, or its value is not allowed.
        """
        known = {field.name for field in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            filters = "filter" in unknown[0] or "where" in unknown[0]
            advice = "; passages are filtered by their metadata with where={…}" if filters else ""
            raise UsageError(f"unknown retrieval option {unknown[0]!r}; known: {', '.join(sorted(known))}{advice}")
        given = {name: value for name, value in changes.items() if value is not None}
        for name, value in given.items():
            _check_kind(name, value)
        if "rerank" in given:
            given["rerank"] = self._reranked(given["rerank"])
        options = replace(self, **given)
        if options.mode not in get_args(RetrievalMode):
            raise UsageError(f"unknown mode {options.mode!r}; known: {', '.join(get_args(RetrievalMode))}")
        if not 0 <= (options.min_confidence or 0) <= 1:
            raise UsageError(f"min_confidence must be from 0 to 1, found {options.min_confidence}")
        if "min_confidence" in given and options.mode == "lexical":
            raise UsageError("min_confidence needs vectors, which mode lexical does not look at; choose another mode")
        if not 0 <= options.diversity <= 1:
            raise UsageError(f"diversity must be from 0 to 1, found {options.diversity}")
        if options.context < 0 or options.candidates < 1:
            raise UsageError("context must be 0 or more, and candidates 1 or more")
        return options

    def _reranked(self, given: Any) -> RerankSettings:
        """A reranker's settings from what may be said of it: its method, some of its settings, or all of them."""
        if isinstance(given, RerankSettings):
            return given
        said = {"method": given} if isinstance(given, str) else given
        if not isinstance(said, Mapping):
            raise UsageError(f"rerank is a method, such as 'maxsim', or its settings; found {given!r}")
        settings = {**self.rerank.model_dump(), **said}
        check_arguments("rerank", RerankSettings, settings)
        return RerankSettings(**settings)


def _check_kind(name: str, value: Any) -> None:
    kinds, words = _KINDS.get(name, ((), ""))
    if words and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        raise UsageError(f"{name} must be {words}, found {value!r}")
