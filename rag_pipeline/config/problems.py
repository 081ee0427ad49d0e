"""Pydantic's validation errors in one line: the key, what was found, what is allowed."""

from __future__ import annotations

import os
import re
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from rag_pipeline.config.names import ENV_PREFIX
from rag_pipeline.masking import mask_keys, mask_values
from rag_pipeline.text import one_line

_SHOWN = 3


def describe(error: ValidationError, file: Path | None, model: type[BaseModel]) -> str:
    """One line for the first problems of a :class:`pydantic.ValidationError`.

    Args:
        error: what pydantic raised.
        file: the file the values came from, if any.
        model: the class that was being validated.
    """
    problems = error.errors(include_url=False)
    lines = [_describe_one(dict(problem), file, model) for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"and {len(problems) - _SHOWN} more")
    return "; ".join(lines)


def _describe_one(problem: dict[str, Any], file: Path | None, model: type[BaseModel]) -> str:
    location = list(problem["loc"])
    owner, path = _walk(location, model)
    key = ".".join(path)
    where = _source(path, file)
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            known = ", ".join(sorted(owner.model_fields)) if owner else ""
            return f"{where}: {key}: unknown key; known keys here: {known}"
        case "missing":
            return f"{where}: {key}: missing, and it is needed"
        case "union_tag_not_found":
            return (
                f"{where}: {key}: needs a provider; allowed: {context.get('expected_tags', 'see config.yaml')}"
                if "expected_tags" in context
                else f"{where}: {key}: needs a provider (bundled, mean_pooling, huggingface, gemini)"
            )
        case "union_tag_invalid":
            return f"{where}: {key}.provider: found {context['tag']!r}; allowed: {context['expected_tags']}"
        case "model_type" | "model_attributes_type":
            return (
                f"{where}: {key}: found {_shown(problem['input'], path[-1])}; allowed: {_keys_below(location, model)}"
            )
    found = "***" if "headers" in path else _shown(problem["input"], path[-1])
    message = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{where}: {key}: found {found}; allowed: {message}"


def _shown(value: Any, name: str) -> str:
    """A wrong value without what is secret in it."""
    return mask_keys(repr(mask_values(value, name)))


def _keys_below(location: list[Any], model: type[BaseModel]) -> str:
    below, _ = _walk([*location, "?"], model)
    if below is None:
        return "keys and values below it"
    needed = [name for name, field in below.model_fields.items() if field.is_required()]
    return f"keys and values below it, {'with' if needed else 'of'} {', '.join(needed or sorted(below.model_fields))}"


def describe_variable(error: Exception) -> str:
    """One line for an environment variable whose value should hold keys and values."""
    field = re.search(r'field "(\w+)"', str(error))
    if field is None:
        return f"environment: {one_line(error)}"
    variable = f"{ENV_PREFIX}{field[1]}".upper()
    return f"environment variable {variable}: a section is set key by key: {variable}__KEY=value; or to JSON"


def _source(path: list[str], file: Path | None) -> str:
    for depth in range(len(path), 0, -1):
        variable = ENV_PREFIX + "__".join(path[:depth]).upper()
        if variable in {name.upper() for name in os.environ}:
            return f"environment variable {variable}"
    return str(file) if file else "configuration"


def _walk(location: list[Any], model: type[BaseModel]) -> tuple[type[BaseModel] | None, list[str]]:
    """The model that owns the last key of a location, and the location without pydantic's union tags."""
    owner: type[BaseModel] | None = model
    annotation: Any = model
    path: list[str] = []
    for step in location:
        options = _models_of(annotation)
        tagged = next((option for option in options if len(options) > 1 and _tag(option) == step), None)
        if tagged is not None:
            owner = annotation = tagged
            continue
        if step == "[key]":
            continue
        path.append(str(step))
        if options and len(options) == 1 and str(step) in options[0].model_fields:
            owner = options[0]
            annotation = owner.model_fields[str(step)].annotation
        elif options:
            owner = options[0] if len(options) == 1 else None
            annotation = None
        elif typing.get_origin(annotation) is dict:
            annotation = typing.get_args(annotation)[1]
    return owner, path or ["(top level)"]


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _models_of(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [model for option in typing.get_args(annotation) for model in _models_of(option)]
    return []


def _tag(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("provider")
    arguments = typing.get_args(field.annotation) if field else ()
    return arguments[0] if arguments else None
