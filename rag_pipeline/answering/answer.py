"""An answer, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Reasons to stop as providers call them, other than their own names in capitals.
_STOPPED = frozenset({"STOP", "END_TURN", "STOP_SEQUENCE", "COMPLETE"})
_CUT = frozenset({"LENGTH", "MAX_TOKENS"})
STOP = "STOP"
MAX_TOKENS = "MAX_TOKENS"
CONNECTION_LOST = "CONNECTION_LOST"
NO_PASSAGES = "NO_PASSAGES"
TOOL_CALLS = "TOOL_CALLS"


@dataclass(frozen=True)
class Citation:
    """A passage that an answer cites."""

    number: int
    """As in the answer: the passage's place in the prompt, from 1."""
    source: str
    section: str
    quote: str
    """The line of the passage that is nearest to what cites it."""
    place: str = ""
    """Where in the source it stands, such as ``page 3``; empty where the format has no places."""

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        place = {"place": self.place} if self.place else {}
        return {"number": self.number, "source": self.source, "section": self.section, "quote": self.quote, **place}


@dataclass(frozen=True)
class Answer:
    """What a chat model made of a question and its passages, checked against the passages."""

    text: str
    citations: list[Citation]
    model: str
    usage: dict[str, int]
    """``input_tokens``, ``output_tokens`` and ``total_tokens``, as far as the model tells."""
    finish_reason: str
    """``STOP``, ``MAX_TOKENS``, ``CONNECTION_LOST``, ``NO_PASSAGES``, ``TOOL_CALLS``, or why it was blocked:
    ``SAFETY`` and others."""
    problems: list[str] = field(default_factory=list)
    """What the check found: citations of passages that were not given, figures that stand in no cited passage."""

    @property
    def grounded(self) -> bool:
        """Whether it is whole, cites at least one passage, and the check found nothing."""
        return self.finish_reason == STOP and bool(self.citations) and not self.problems

    @property
    def trouble(self) -> str | None:
        """The first name of :attr:`failure_reason`."""
        return self.failure_reason

    @property
    def failure_reason(self) -> str | None:
        """Why there is no text, or not all of it; None if all is well."""
        sent = bool(self.text.strip())
        if self.finish_reason == NO_PASSAGES or (self.finish_reason == STOP and sent):
            return None
        match self.finish_reason:
            case "STOP":
                return f"{self.model} sent an empty answer; ask again or in other words"
            case "MAX_TOKENS":
                what = "cut off" if sent else "used up before any text came"
                return f"the answer was {what} at the limit of tokens; raise answer.max_output_tokens"
            case "TOOL_CALLS":
                return f"{self.model} called a tool in place of an answer; give a model without tools"
            case "CONNECTION_LOST":
                return "the connection was lost before the end of the answer; ask again"
        what = "ended the answer" if sent else "gave no answer"
        return f"{self.model} {what}: {self.finish_reason}; ask in other words, or with other passages (-k)"

    def as_dict(self) -> dict[str, Any]:
        """The stable machine-readable form."""
        return {
            "text": self.text,
            "citations": [citation.as_dict() for citation in self.citations],
            "model": self.model,
            "usage": self.usage,
            "finish_reason": self.finish_reason,
            "grounded": self.grounded,
            "problems": self.problems,
        }


def normal_reason(reason: str) -> str:
    """A provider's reason to stop under one name for all."""
    reason = reason.rsplit(".", 1)[-1].upper()
    return STOP if reason in _STOPPED else MAX_TOKENS if reason in _CUT else reason
