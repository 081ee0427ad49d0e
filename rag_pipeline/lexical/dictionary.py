"""A small dictionary of both languages: words of everyday documents that may stand for one another."""

from __future__ import annotations

import functools
from importlib.resources import files

from rag_pipeline.lexical.stems import stem
from rag_pipeline.text import hangul_count


@functools.cache
def translations() -> dict[str, tuple[str, ...]]:
    """By term, as the index has it, the terms of the other language that may stand for it; both ways."""
    found: dict[str, dict[str, None]] = {}
    for line in files("rag_pipeline.lexical").joinpath("dictionary.txt").read_text(encoding="utf-8").splitlines():
        korean, _, english = line.partition("=")
        if english and not line.startswith("#"):
            for one in map(_term, korean.split()):
                for other in map(_term, english.split()):
                    found.setdefault(one, {})[other] = None
                    found.setdefault(other, {})[one] = None
    return {word: tuple(others) for word, others in found.items()}


def _term(word: str) -> str:
    if not hangul_count(word):
        return stem(word)
    return f"{word[:-1]}/V" if word.endswith("다") and len(word) > 1 else word
