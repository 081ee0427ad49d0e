"""What the loopback Gemini does with tools: it calls the first one with the question, and answers from what it gives.

Forms of function calling: https://ai.google.dev/gemini-api/docs/function-calling
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LABELLED = re.compile(r"^\[(\w+)\] [^\n]*\n(.*?)(?=\n\n\[\w+\] |\Z)", re.DOTALL | re.MULTILINE)


def function_call(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The call that a request with tools is answered with; None: there is no tool, or one has been called already."""
    declared = [
        one
        for tool in body.get("tools") or []
        for one in tool.get("functionDeclarations") or []
        if isinstance(one, dict)
    ]
    if not declared or tool_result(body) is not None:
        return None
    texts = [part["text"] for part in body["contents"][-1].get("parts", []) if "text" in part]
    schema = declared[0].get("parameters") or declared[0].get("parametersJsonSchema") or {}
    names = list(schema.get("properties") or {"question": {}})
    return {"name": declared[0]["name"], "args": {names[0]: " ".join(texts).strip()}}


def tool_result(body: Mapping[str, Any]) -> str | None:
    """What the tool said that was called last, if that is the last thing in the conversation."""
    for part in body["contents"][-1].get("parts", []):
        if "functionResponse" in part:
            said = part["functionResponse"].get("response") or {}
            return str(said.get("output") or said.get("result") or said)
    return None


def question_of(body: Mapping[str, Any]) -> str:
    """The last text of the user."""
    said = [
        part["text"]
        for content in body["contents"]
        if content.get("role", "user") == "user"
        for part in content.get("parts", [])
        if "text" in part
    ]
    return str(said[-1]) if said else ""


def labelled_passages(result: str) -> list[tuple[str, str]]:
    """Label and text of each passage in what a tool said; all of it as the first where none has one."""
    return _LABELLED.findall(result) or [("1", result)]
