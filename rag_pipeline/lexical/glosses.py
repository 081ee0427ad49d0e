"""Terms that a text explains in the other script: ``파나막스(Panamax)``, ``LNG(액화천연가스)``.

Korean documents put a term's English name, or an abbreviation's meaning, in brackets. Such pairs let a question in one
language find passages in the other by their words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from rag_pipeline.lexical.stems import stem
from rag_pipeline.lexical.vocabulary import ENGLISH_STOP_WORDS, UNITS
from rag_pipeline.text import hangul_count

SIGN = "≡"
"""Between the two sides of a gloss in the index."""

_BRACKET = re.compile(r"[(\[]([^()\[\]\n:;!?]{2,60})[)\]]")
# What a term before a bracket does not go beyond.
_BOUNDARY = re.compile(r"[()\[\]\n,:;.!?>]")
_LONGEST_BEFORE = 60
_HANGUL_WORD = re.compile(r"[가-힣]+(?:\s[가-힣]+)*")
_LATIN_PHRASE = re.compile(r"[A-Za-z][A-Za-z&'-]*(?:\s[A-Za-z][A-Za-z&'-]*){0,4}$")
_ABBREVIATION = re.compile(r"[A-Z][A-Z&-]{1,6}s?$")
# Titles name several things in a row, and their translations in the same order.
_SEPARATOR = re.compile(r"\s[_/|·–-]\s|\s?[·/]\s?")
_MOST_WORDS = 4
_MOST_KOREAN = 4

Nouns = Callable[[str], Sequence[Sequence[str]]]
"""Gives the nouns at the end of a Korean phrase, word by word; empty if it does not end with a noun."""


def glosses(text: str, nouns: Nouns) -> Iterator[tuple[str, str]]:
    """Pairs of terms that stand for one another, the Korean one first, each in the spelling of :func:`key`.

    Args:
        text: in NFKC.
        nouns: of the Korean analyser.
    """
    for bracket in _BRACKET.finditer(text):
        before = _BOUNDARY.split(text[max(bracket.start() - _LONGEST_BEFORE, 0) : bracket.start()])[-1].strip()
        # One side in each script, or it is a remark.
        if before and bool(hangul_count(before[-1])) != bool(hangul_count(bracket[1][0])):
            yield from _aligned(before, bracket[1], nouns)


def key(words: Sequence[str]) -> str:
    """How a term of one or more words is written in the index: Korean as one word, Latin with signs between."""
    return "_".join(words) if words and not hangul_count(words[0]) else "".join(words)


def _aligned(before: str, inside: str, nouns: Nouns) -> Iterator[tuple[str, str]]:
    firsts, seconds = _SEPARATOR.split(before), _SEPARATOR.split(inside)
    if len(seconds) == 1:
        firsts = firsts[-1:]
    elif len(firsts) != len(seconds):
        return
    for first, second in zip(firsts, seconds, strict=True):
        pair = _pair(first.strip(), second.strip(), nouns, whole=len(seconds) > 1)
        if pair is not None:
            yield pair


def _pair(before: str, inside: str, nouns: Nouns, whole: bool) -> tuple[str, str] | None:
    if _LATIN_PHRASE.fullmatch(inside) and before and hangul_count(before[-1]):
        latin = _latin(inside)
        words = nouns(before)
        letters = sum(letter.isupper() for letter in inside) if _ABBREVIATION.fullmatch(inside) else 0
        chosen = _last(words, max(len(latin), letters), whole)
        korean = "".join(chosen)
    elif _HANGUL_WORD.fullmatch(inside) and (found := _LATIN_PHRASE.search(before)):
        words = nouns(inside)
        korean = "".join("".join(word) for word in words)
        if korean != inside.replace(" ", ""):
            return None  # a remark, and no name
        count = sum(len(word) for word in words)
        phrase = found[0].split()
        latin = _latin(" ".join(phrase if whole else phrase[-max(count, 1) :]))
    else:
        return None
    if not latin or len(korean) < 2 or len(latin) > _MOST_WORDS:
        return None
    return korean, key(latin)


def _latin(phrase: str) -> list[str]:
    words = [word for word in re.findall(r"[a-z]+", phrase.casefold()) if word not in ENGLISH_STOP_WORDS]
    if len(words) == 1 and (len(words[0]) < 2 or words[0] in UNITS):
        return []
    return [stem(word) for word in words]


def _last(words: Sequence[Sequence[str]], wanted: int, whole: bool) -> list[str]:
    """The nouns of the last word, and of those before as long as fewer than wanted."""
    chosen: list[str] = []
    for word in list(reversed(words))[:_MOST_KOREAN]:
        if chosen and len(chosen) >= wanted and not whole:
            break
        chosen = [*word, *chosen]
    return chosen
