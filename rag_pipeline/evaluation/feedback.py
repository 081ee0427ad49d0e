"""What people say of passages: right or wrong for a question, kept in a file next to the store."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from rag_pipeline.config import Settings
from rag_pipeline.errors import OutputError, UsageError
from rag_pipeline.passages import Passage
from rag_pipeline.text import clean

Verdict = Literal["right", "wrong"]
Subject = Literal["passage", "answer"]

_SUFFIX = ".feedback.jsonl"
_lock = threading.Lock()


def feedback_file(settings: Settings) -> Path:
    """Where verdicts are kept: next to the store's folder, under its name with ``.feedback.jsonl``."""
    store = settings.resolve_path(settings.store.path).resolve()
    return store.with_name(store.name + _SUFFIX)


def add_feedback(
    settings: Settings, question: str, passage: Passage, verdict: str, about: Subject = "passage"
) -> dict[str, Any]:
    """Add a line to the file of verdicts.

    Args:
        settings: the configuration, which says where the store is.
        question: what was asked.
        passage: what was found.
        verdict: ``right`` or ``wrong``.
        about: what it is about: the passage, or an answer that cites it. A right answer is from right passages; a wrong
            one may be, too.

    Returns:
        the line: ``question``, ``collection``, ``passage``, ``source``, ``section``, ``text``, ``verdict`` and ``time``
        (UTC), and ``about`` where that is an answer.

    Raises:
        UsageError: the question is blank, or there is no such verdict.
        OutputError: the file cannot be written.
    """
    asked = clean(question).strip()
    if not asked:
        raise UsageError("the question is empty; say which one the verdict is for")
    if verdict not in get_args(Verdict):
        raise UsageError(f"unknown verdict {verdict!r}; known: {', '.join(get_args(Verdict))}")
    line = {
        "question": asked,
        "collection": passage.collection,
        "passage": passage.id,
        "source": passage.source,
        "section": passage.section,
        "text": passage.text,
        "verdict": verdict,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        **({"about": about} if about != "passage" else {}),
    }
    content = (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    file = feedback_file(settings)
    try:
        # One write at the end of the file: lines of several processes do not mix.
        with _lock:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, content)
            finally:
                os.close(descriptor)
    except OSError as error:
        raise OutputError(f"{file}: {error.strerror}; the verdict is not kept") from None
    return line
