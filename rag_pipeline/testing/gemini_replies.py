"""What the loopback Gemini answers: vectors that mean something, and answers taken from the passages."""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from rag_pipeline.testing import gemini_tools

# Fields of a request, as https://ai.google.dev/api/embeddings and https://ai.google.dev/api/generate-content
# list them; anything else is refused, as the live service does.
EMBED_FIELDS = frozenset({"model", "content", "taskType", "title", "outputDimensionality"})
TASK_TYPES = frozenset(
    {
        "TASK_TYPE_UNSPECIFIED",
        "RETRIEVAL_QUERY",
        "RETRIEVAL_DOCUMENT",
        "SEMANTIC_SIMILARITY",
        "CLASSIFICATION",
        "CLUSTERING",
        "QUESTION_ANSWERING",
        "FACT_VERIFICATION",
        "CODE_RETRIEVAL_QUERY",
    }
)
GENERATE_FIELDS = frozenset(
    {
        "model",
        "contents",
        "tools",
        "toolConfig",
        "safetySettings",
        "systemInstruction",
        "generationConfig",
        "cachedContent",
        "serviceTier",
        "store",
    }
)
# https://ai.google.dev/api/tokens
COUNT_FIELDS = frozenset({"model", "contents", "generateContentRequest"})
CONTENT_FIELDS = frozenset({"parts", "role"})

_MAX_DIMENSION = 3072
_CHARACTERS_PER_TOKEN = 4
_PASSAGE = re.compile(r'<passage number="(\d+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)


class RefusedError(Exception):
    """The body is not one that the service takes."""


def check_embed_request(request: Any, model: str, max_tokens: int) -> tuple[str, int]:
    """Text and dimension of one request, or why it is refused.

    Raises:
        RefusedError: a field is unknown, missing or wrong, the text is empty or too long.
    """
    if not isinstance(request, dict):
        raise RefusedError("Invalid value (oneof)")
    _known(request, EMBED_FIELDS)
    if request.get("model") != f"models/{model}":
        raise RefusedError(f"model: {request.get('model')!r} is not the one of the path")
    if request.get("taskType", "RETRIEVAL_QUERY") not in TASK_TYPES:
        raise RefusedError(f"Invalid value at 'requests.task_type': {request['taskType']!r}")
    if request.get("title") and request.get("taskType") != "RETRIEVAL_DOCUMENT":
        raise RefusedError("title is only applicable when task_type is RETRIEVAL_DOCUMENT")
    dimension = request.get("outputDimensionality", _MAX_DIMENSION)
    if not isinstance(dimension, int) or not 1 <= dimension <= _MAX_DIMENSION:
        raise RefusedError(f"output_dimensionality must be between 1 and {_MAX_DIMENSION}")
    text = content_text(request.get("content"))
    if not text.strip():
        raise RefusedError("content is empty")
    if len(text) / _CHARACTERS_PER_TOKEN > max_tokens:
        raise RefusedError(f"The input token count exceeds the maximum number of tokens allowed ({max_tokens}).")
    return text, dimension


def check_generate_request(body: Mapping[str, Any]) -> None:
    """Refuse a body that is not one of generateContent.

    Raises:
        RefusedError: a field is unknown or missing.
    """
    _known(body, GENERATE_FIELDS)
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise RefusedError("contents is not specified")
    for content in contents:
        content_text(content)


def count_prompt(body: Mapping[str, Any]) -> int:
    """Tokens of what countTokens is asked about: contents alone, or a whole request with instructions and tools.

    Raises:
        RefusedError: a field is unknown, or it holds neither or both.
    """
    _known(body, COUNT_FIELDS)
    given = body.get("generateContentRequest")
    if given is not None and body.get("contents"):
        raise RefusedError("contents and generate_content_request are mutually exclusive")
    if given is None:
        given = {"contents": body.get("contents")}
    if not isinstance(given, dict):
        raise RefusedError("Invalid value at 'generate_content_request'")
    check_generate_request(given)
    instructions = [given["systemInstruction"]] if given.get("systemInstruction") else []
    tools = json.dumps(given["tools"], ensure_ascii=False) if given.get("tools") else ""
    return count_tokens("".join(content_text(content) for content in [*instructions, *given["contents"]]) + tools)


def content_text(content: Any) -> str:
    """The text of a Content.

    Raises:
        RefusedError: it is none.
    """
    if not isinstance(content, dict):
        raise RefusedError("content is not specified")
    _known(content, CONTENT_FIELDS)
    parts = content.get("parts")
    if not isinstance(parts, list):
        raise RefusedError("parts is not specified")
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _known(content: Mapping[str, Any], fields: frozenset[str]) -> None:
    for name in content:
        if name not in fields:
            raise RefusedError(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')


def vector(text: str, dimension: int) -> list[float]:
    """A vector of a text: hashed character bigrams and trigrams, so that texts that share words are near.

    Its length is not one, as that of the service's shortened vectors is not.
    """
    folded = f" {unicodedata.normalize('NFC', text).casefold()} "
    values = np.zeros(dimension)
    for width in (2, 3):
        for start in range(len(folded) - width + 1):
            code = zlib.crc32(folded[start : start + width].encode())
            values[code % dimension] += 1.0 if code >> 31 else -1.0
    if not values.any():
        values[0] = 1.0
    shrunk = values / np.linalg.norm(values) * 0.7
    return [round(float(value), 7) for value in shrunk]


def answer(body: Mapping[str, Any]) -> str:
    """An answer taken from the passages of a prompt of :mod:`rag_pipeline.answering`: the line nearest the question.

    After a tool has been called, what it said stands for the passages. A prompt without any is answered with its own
    last line.
    """
    text = "".join(content_text(content) for content in body["contents"])
    passages = _PASSAGE.findall(text)
    result = gemini_tools.tool_result(body)
    if result is not None:
        return _nearest(gemini_tools.question_of(body), gemini_tools.labelled_passages(result))
    question = (re.findall(r"<question>\n(.*?)\n</question>", text, re.DOTALL) or [text])[-1].strip()
    if not passages:
        return question.splitlines()[-1] if question else "…"
    return _nearest(question, passages)


def _nearest(question: str, passages: list[tuple[str, str]]) -> str:
    """The line nearest the question, cited."""
    wanted = _bigrams(question)
    lines = [(number, line.strip(" -*#\t")) for number, body in passages for line in body.splitlines() if line.strip()]
    number, best = max(lines, key=lambda entry: len(wanted & _bigrams(entry[1])))
    return f"{best} [{number}]"


def _bigrams(text: str) -> set[str]:
    folded = "".join(unicodedata.normalize("NFC", text).casefold().split())
    return {folded[start : start + 2] for start in range(len(folded) - 1)}


def count_tokens(text: str) -> int:
    """Tokens as this server counts them: four characters each."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)
