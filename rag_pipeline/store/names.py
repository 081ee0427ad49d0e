"""What may name a collection."""

from __future__ import annotations

import re
from typing import Any

from rag_pipeline.config import COLLECTION_NAME
from rag_pipeline.errors import UsageError
from rag_pipeline.store.store import is_reserved


def check_name(name: Any, option: str = "") -> None:
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
