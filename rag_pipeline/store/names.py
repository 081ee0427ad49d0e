"""What may name a collection, and which names are ours."""

from __future__ import annotations

import re
from typing import Any

from rag_pipeline.config import COLLECTION_NAME
from rag_pipeline.errors import UsageError

# A collection that is being recreated keeps this ending until it replaces the old one.
STAGING = ".rag-rebuild"
RETIRED = ".rag-retired"
# The collection of a server that stands for the right to write.
LEASE = "rag-pipeline-writer"


def is_reserved(name: str) -> bool:
    """Whether a collection of this name is a thing of ours that users have nothing to do with."""
    return name.endswith((STAGING, RETIRED)) or name.startswith(LEASE)


def check_collection_name(name: Any, option: str = "") -> None:
    """Refuse what cannot name a collection.

    Args:
        name: what was given.
        option: where another can be given.

    Raises:
        UsageError: says what can.
    """
    if not isinstance(name, str) or name.endswith("\n") or not re.match(COLLECTION_NAME, name) or is_reserved(name):
        raise UsageError(
            f"{name!r} cannot name a collection (3 to 492 of a-z, A-Z, 0-9, '.', '_', '-', beginning and ending"
            f" in a letter or digit); choose another name{f' with {option}' if option else ''}"
        )
