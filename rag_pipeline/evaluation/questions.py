"""Questions with the places that answer them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_pipeline.errors import UsageError
from rag_pipeline.text import is_korean, normalized

_KOREAN_SHARE = 0.2


@dataclass(frozen=True)
class EvaluationQuestion:
    """One question and what answers it."""

    id: str
    text: str
    relevant: frozenset[str]
    """``source``, or ``source#section``; empty for a question that the documents do not answer."""
    language: str
    """``ko`` or ``en``, or what the file says."""
    split: str = ""
    """``dev`` or ``test``, or what the file says."""

    @property
    def answerable(self) -> bool:
        """Whether the documents answer it."""
        return bool(self.relevant)


def load_questions(path: Path, split: str | None = None) -> list[EvaluationQuestion]:
    """Read questions.

    Args:
        path: a JSONL file with ``question`` and ``relevant`` (text or a list: source, or source#section), and if
            wanted ``id``, ``language`` and ``split``; or a folder in BEIR layout (queries.jsonl, and qrels.tsv or
            qrels/*.tsv), whose document ids are sources, with or without their ending.
        split: only questions of this split; of a BEIR folder, qrels/SPLIT.tsv.

    Raises:
        UsageError: the file is missing or cannot be understood; the line is named.
    """
    if path.is_dir():
        questions = list(_read_beir(path, split))
    elif path.is_file():
        questions = [question for question in _read_jsonl(path) if split in (None, question.split)]
    else:
        raise UsageError(f"questions {path} not found; a JSONL file, or a folder in BEIR layout")
    if not questions:
        raise UsageError(f"{path} holds no question" + (f" of split {split!r}" if split else ""))
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise UsageError(f"{path}: two questions have the id {question.id!r}")
        seen.add(question.id)
    return questions


def _read_jsonl(path: Path) -> Iterator[EvaluationQuestion]:
    for number, row in _rows(path):
        text, relevant = row.get("question"), row.get("relevant")
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{path}, line {number}: no text under 'question'")
        if isinstance(relevant, str):
            relevant = [relevant]
        if not isinstance(relevant, list) or not all(isinstance(place, str) and place for place in relevant):
            raise UsageError(
                f"{path}, line {number}: 'relevant' must be a source or source#section, or a list of them"
                " (empty where the documents do not answer)"
            )
        yield EvaluationQuestion(
            id=str(row.get("id", f"line-{number}")),
            text=text.strip(),
            relevant=frozenset(normalized("NFC", place) for place in relevant),
            language=str(row.get("language") or language_of(text)),
            split=str(row.get("split", "")),
        )


def _read_beir(folder: Path, split: str | None) -> Iterator[EvaluationQuestion]:
    queries = folder / "queries.jsonl"
    files = [folder / "qrels.tsv", *sorted((folder / "qrels").glob("*.tsv"))]
    if split is not None:
        files = [folder / "qrels" / f"{split}.tsv"]
    files = [file for file in files if file.is_file()]
    if not queries.is_file() or not files:
        raise UsageError(f"{folder} is not in BEIR layout: queries.jsonl and qrels.tsv or qrels/{split or '*'}.tsv")
    relevant: dict[str, set[str]] = {}
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            for number, cells in enumerate(csv.reader(lines, delimiter="\t"), start=1):
                if number == 1 and cells[-1:] and not cells[-1].lstrip("-").isdigit():
                    continue  # the heading
                if len(cells) < 3 or not cells[-1].lstrip("-").isdigit():
                    raise UsageError(f"{file}, line {number}: expected query id, document id and score")
                # TREC's own form has a column between the two.
                query, document = cells[0], cells[-2]
                if int(cells[-1]) > 0:
                    relevant.setdefault(query, set()).add(normalized("NFC", document))
    for number, row in _rows(queries):
        key, text = row.get("_id"), row.get("text")
        if not isinstance(text, str) or not text.strip() or key is None:
            raise UsageError(f"{queries}, line {number}: expected _id and text")
        if str(key) in relevant:
            yield EvaluationQuestion(
                str(key), text.strip(), frozenset(relevant[str(key)]), language_of(text), split or ""
            )


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as UTF-8 text ({error})") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            raise UsageError(f"{path}, line {number}: not a JSON object") from None
        if not isinstance(row, dict):
            raise UsageError(f"{path}, line {number}: not a JSON object")
        yield number, row


def language_of(text: str) -> str:
    """``ko`` for a text with a good share of Hangul, else ``en``."""
    return "ko" if is_korean(text) else "en"
