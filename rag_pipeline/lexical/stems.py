"""English stems: ``containers`` and ``container`` are one word."""

from __future__ import annotations

import functools
from typing import Any


@functools.lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The stem of a Latin word in lower case, by Snowball's English stemmer."""
    return str(_stemmer().stemWord(word))


@functools.cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")
