"""Arguments of a class held against the section of the configuration that says what they may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from rag_pipeline.errors import ConfigurationError


def check_arguments(owner: str, section: type[BaseModel], arguments: Mapping[str, Any]) -> None:
    """Refuse what the configuration would refuse, and what it would turn into something else.

    Args:
        owner: whose arguments they are.
        section: its fields have their names.
        arguments: by name.

    Raises:
        ConfigurationError: the first that is not allowed, with what is.
    """
    try:
        section.model_validate(dict(arguments), strict=True)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        allowed = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        name = ".".join(str(step) for step in problem["loc"])
        raise ConfigurationError(f"{owner}: {name}: found {problem['input']!r}; allowed: {allowed}") from None
