"""Judged passages become lines of a question file, which a person reads before anything is trained by it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag_pipeline.errors import UsageError
from rag_pipeline.evaluation.questions import language_of
from rag_pipeline.text import normalized


@dataclass
class JudgedQuestion:
    """One question, and what people said of passages for it."""

    text: str
    right: dict[str, None] = field(default_factory=dict)
    """Places, in the order in which they were judged: source#section, or source."""
    wrong: dict[str, None] = field(default_factory=dict)

    @property
    def disputed(self) -> list[str]:
        """Places that were called both."""
        return [place for place in self.right if place in self.wrong]

    @property
    def relevant(self) -> list[str]:
        """Places that were called right and by nobody wrong."""
        return [place for place in self.right if place not in self.wrong]


@dataclass(frozen=True)
class JudgedQuestions:
    """What a file of verdicts says, put together by question."""

    questions: list[JudgedQuestion]
    lines: int

    def rows(self) -> Iterator[dict[str, Any]]:
        """Lines of a question file: one for each question with a right passage that nobody disputes."""
        usable = (question for question in self.questions if question.relevant)
        for number, question in enumerate(usable, start=1):
            yield {
                "id": f"feedback-{number:03d}",
                "question": question.text,
                "relevant": question.relevant,
                "language": language_of(question.text),
            }

    def disputed(self) -> Iterator[tuple[str, str]]:
        """Questions and places that were called right and wrong: a person has to decide."""
        for question in self.questions:
            for place in question.disputed:
                yield question.text, place

    @property
    def without_right(self) -> int:
        """Questions of which nobody has seen a right passage; they may tell what the documents lack."""
        return sum(not question.right for question in self.questions)


def judged_questions(file: Path, collection: str | None = None) -> JudgedQuestions:
    """Read a file of verdicts, as ``Pipeline.feedback`` writes it.

    Questions that differ in case, spaces or composition of letters alone are one. The same verdict twice counts once.

    Args:
        file: lines of JSON with question, verdict (``right`` or ``wrong``), source, and if there is one section.
        collection: only verdicts on this one; None: on all.

    Raises:
        UsageError: the file is missing, or a line is none of a verdict.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read ({error}); verdicts come from use, e.g. Pipeline.feedback") from None
    found: dict[str, JudgedQuestion] = {}
    read = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = _row(line, file, number)
        if collection is not None and row.get("collection") != collection:
            continue
        read += 1
        if row.get("about") == "answer" and row["verdict"] == "wrong":
            continue  # of a wrong answer, the passages may be right
        text = " ".join(normalized("NFC", str(row["question"])).split())
        question = found.setdefault(text.casefold().rstrip("?？ "), JudgedQuestion(text))
        place = f"{row['source']}#{row['section']}" if row.get("section") else str(row["source"])
        (question.right if row["verdict"] == "right" else question.wrong)[normalized("NFC", place)] = None
    return JudgedQuestions(list(found.values()), read)


def _row(line: str, file: Path, number: int) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    known = isinstance(row, dict) and all(isinstance(row.get(key), str) and row[key] for key in ("question", "source"))
    if not known or row.get("verdict") not in ("right", "wrong"):
        raise UsageError(f"{file}, line {number}: not a verdict (question, source, and verdict: right or wrong)")
    return dict(row)
