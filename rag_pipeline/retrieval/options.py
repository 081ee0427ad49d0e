"""How a collection is asked."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

from rag_pipeline.config import RerankSettings, RetrievalMode, RetrievalSettings, Settings
from rag_pipeline.errors import UsageError

_FROM_SETTINGS = (
    "candidates", "lexical_weight", "balance_languages", "min_score", "diversity", "distinct", "context", "rerank",
)  # fmt: skip


@dataclass(frozen=True)
class SearchOptions:
    """The settings of :class:`rag_pipeline.config_sections.RetrievalSettings`, for one collection."""

    mode: RetrievalMode = "hybrid"
    candidates: int = 100
    lexical_weight: float = RetrievalSettings().lexical_weight
    balance_languages: bool = True
    min_score: float | None = None
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
            raise UsageError(f"unknown retrieval option {unknown[0]!r}; known: {', '.join(sorted(known))}")
        options = replace(self, **{name: value for name, value in changes.items() if value is not None})
        if options.mode not in get_args(RetrievalMode):
            raise UsageError(f"unknown mode {options.mode!r}; known: {', '.join(get_args(RetrievalMode))}")
        if not 0 <= options.diversity <= 1:
            raise UsageError(f"diversity must be from 0 to 1, found {options.diversity}")
        if options.context < 0 or options.candidates < 1:
            raise UsageError("context must be 0 or more, and candidates 1 or more")
        return options
