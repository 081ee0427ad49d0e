"""What may name a collection, and which names are ours."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Literal

from rag_pipeline.config import COLLECTION_NAME
from rag_pipeline.errors import UsageError

# A collection that is being recreated keeps the first ending until it replaces the old one, which then has the second
# for as long as the two change places.
STAGING = ".rag-rebuild"
RETIRED = ".rag-retired"
# The collection of a server that stands for the right to write.
LEASE = "rag-pipeline-writer"

# What makes a collection that takes the place of another.
Operation = Literal["rebuild", "adopt", "repair", "switch"]


def is_reserved(name: str) -> bool:
    """Whether a collection of this name is a thing of ours that users have nothing to do with."""
    return name.endswith((STAGING, RETIRED)) or name.startswith(LEASE)


def known_names(names: Collection[str]) -> set[str]:
    """The names by which collections can be asked, out of all that a store has.

    Where two change places, the name is known also in the moment in which neither has it.
    """
    between = {name.removesuffix(RETIRED) for name in names if name.endswith(RETIRED)}
    return {name for name in (*names, *between) if not is_reserved(name)}


def standing_for(name: str, names: Collection[str]) -> str:
    """The name of the collection that a known name means."""
    between = (name, name + STAGING, name + RETIRED)
    return next(other for other in between if other in names)


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
