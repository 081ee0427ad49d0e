"""What may be asked, and its limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from rag_pipeline.config import RerankMethod, RetrievalMode, Settings
from rag_pipeline.retrieval.questions import check_question
from rag_pipeline.server.problems import ProblemError
from rag_pipeline.server.service import Search
from rag_pipeline.store.filters import parse_conditions

LONGEST_QUESTION = 8000
MOST_PASSAGES = 50
_MOST_COLLECTIONS = 32
_MOST_TURNS = 100
_MOST_LEVELS = 20


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [value]
    for _ in range(_MOST_LEVELS):
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
        level = [inner for inner in level if isinstance(inner, dict | list)]
        if not level:
            return value
    raise ValueError(f"nests more than {_MOST_LEVELS} deep")


Where = Annotated[dict[str, Any], AfterValidator(_shallow)]
Conditions = Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=20)]
Question = Annotated[str, Field(max_length=LONGEST_QUESTION)]
Names = Annotated[list[Annotated[str, Field(max_length=512)]], BeforeValidator(_as_list)]


class Body(BaseModel):
    """What every body has in common: nothing unknown, and no figure that is text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SearchBody(Body):
    """A question to collections. What is left out is as the configuration says."""

    question: Question
    collections: Names = Field(default_factory=list, max_length=_MOST_COLLECTIONS)
    """None: the default one."""
    k: int | None = Field(default=None, ge=1, le=MOST_PASSAGES)
    mode: RetrievalMode | None = None
    where: Where | Conditions | None = None
    """As :mod:`rag_pipeline.store.filters` has it: ``{"type": "bulk"}``, ``{"year": {"$gte": 2020}}``; or as they are
    typed: ``["type=bulk,container", "year>=2020"]``."""
    min_score: float | None = Field(default=None, allow_inf_nan=False)
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    distinct: bool | None = None
    diversity: float | None = Field(default=None, ge=0, le=1)
    context: int | None = Field(default=None, ge=0, le=20)
    rerank: RerankMethod | None = None
    explain: bool = False

    def search(self, settings: Settings) -> Search:
        """The question with what the configuration adds.

        Raises:
            UsageError: it is empty, or a condition cannot be understood.
            ProblemError: it would make the server load a model that nobody configured.
        """
        options = {
            "mode": self.mode,
            "min_score": self.min_score,
            "min_confidence": self.min_confidence,
            "distinct": self.distinct,
            "diversity": self.diversity,
            "context": self.context,
            "rerank": self.rerank,
        }
        if self.rerank == "cross_encoder" and settings.retrieval.rerank.method != "cross_encoder":
            raise ProblemError(400, "not_configured", "retrieval.rerank.method is not cross_encoder on this server")
        k = min(self.k or settings.retrieval.top_k, MOST_PASSAGES)
        where = parse_conditions(self.where) if isinstance(self.where, list) else self.where
        return Search(check_question(self.question), self.collections, k, options, where, explain=self.explain)


class Turn(Body):
    """What was said before."""

    role: Literal["user", "assistant"]
    content: Question


class AskBody(SearchBody):
    """A question that is answered from the passages."""

    history: list[Turn] = Field(default_factory=list, max_length=_MOST_TURNS)
    """The conversation before; with it the question is first rewritten to stand alone."""
    stream: bool = True


class FeedbackBody(Body):
    """What a person says of a passage, or of an answer that cites it."""

    question: Question
    passage_id: str = Field(max_length=512)
    verdict: Literal["right", "wrong"]
    about: Literal["passage", "answer"] = "passage"
