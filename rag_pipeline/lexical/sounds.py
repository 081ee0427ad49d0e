"""How a word sounds, roughly: a name in Latin letters and the same name in Hangul get one key.

``Panama`` and ``파나마`` are both PNM. A key is the consonants of a word in classes that Hangul and English tell apart
alike; vowels are left out, since English spelling hides them and Hangul adds some between consonants. After the
transcription of loanwords (National Institute of Korean Language, "외래어 표기법") and the idea of Soundex.
"""

from __future__ import annotations

import functools
import re

LEAST_CONSONANTS = 2

# Of the nineteen initial and twenty-eight final consonants of Hangul, in Unicode's order. A final ㅅ is how t ends.
_INITIALS = "KKNTTLMPPSS_SSSKTPH"
_FINALS = "_KKKNNNTLKMPLLPLMPPTTNSSKTP_"
_FIRST_SYLLABLE, _LAST_SYLLABLE = "가", "힣"
_SYLLABLES_OF_AN_INITIAL, _FINALS_COUNT = 588, 28

_VOWELS = "aeiouy"
# Spellings of several letters, the longest first; upper case are classes already, a full stop is silent.
_SPELLINGS = [
    (re.compile(pattern), classes)
    for pattern, classes in [
        (r"^(?:kn|gn)", "N"),
        (r"^wr", "L"),
        (r"^ps", "S"),
        (r"^x", "S"),
        (r"^ts", "S"),
        (r"[ts]ch", "S"),
        (r"[tsc]i(?=[aeou])(?!e$)", "S"),
        (r"ture$", "S"),
        (r"ch(?=[rl])", "K"),
        (r"[cs]h", "S"),
        (r"ph", "P"),
        (r"(?<!^)gh", "."),
        (r"ck", "K"),
        (r"sc(?=[eiy])", "S"),
        (r"c(?=[eiy])", "S"),
        (r"dg(?=[eiy])", "S"),
        (r"ng(?![aeiouylrw])", "N"),
        (r"mb$", "M"),
        (r"x", "KS"),
        (r"q", "K"),
        (r"[jz]", "S"),
        (r"h(?![aeiouy])|(?<=[a-z])h$", "."),
    ]
]
_CLASSES = {"b": "P", "c": "K", "d": "T", "f": "P", "g": "K", "h": "H", "k": "K", "l": "L", "m": "M", "n": "N"}
_CLASSES |= {"p": "P", "r": "L", "s": "S", "t": "T", "v": "P"}
# r is heard before a vowel only; but a final one is often written as a syllable of its own: 싱가포르, 함부르크.
_UNHEARD_R = re.compile(r"r(?![aeiouyr])|r(?=e$)")
_SOFT_G = re.compile(r"g(?=[eiy])")
_TWICE = re.compile(r"([a-z])\1")


@functools.lru_cache(maxsize=1 << 16)
def latin_sounds(word: str) -> tuple[str, ...]:
    """Keys of a word in Latin letters of lower case: several where its spelling leaves a choice."""
    if not word.isascii() or not word.isalpha():
        return ()
    plain = _TWICE.sub(r"\1", word)
    found: dict[str, None] = {}
    for without_r in (True, False):
        heard = _UNHEARD_R.sub("", plain) if without_r else plain
        for th in ("S", "T"):
            for soft in ("S", "K"):
                either = heard.replace("ch", "K") if soft == "K" else heard
                found[_key(_SOFT_G.sub(soft, either.replace("th", th)))] = None
    return tuple(key for key in found if len(key.lstrip("A")) >= LEAST_CONSONANTS)


def _key(word: str) -> str:
    for pattern, classes in _SPELLINGS:
        word = pattern.sub(classes, word)
    start = "A" if word[:1] in f"{_VOWELS}w" else ""
    return start + "".join(letter if letter.isupper() else _CLASSES.get(letter, "") for letter in word)


@functools.lru_cache(maxsize=1 << 16)
def korean_sound(word: str) -> str:
    """The key of a word in Hangul; empty if it is of other letters or too short to tell."""
    classes: list[str] = []
    for syllable in word:
        if not _FIRST_SYLLABLE <= syllable <= _LAST_SYLLABLE:
            return ""
        number = ord(syllable) - ord(_FIRST_SYLLABLE)
        initial, final = _INITIALS[number // _SYLLABLES_OF_AN_INITIAL], _FINALS[number % _FINALS_COUNT]
        if initial == "L" and classes and classes[-1] == "L":
            initial = "_"  # one l between vowels is written twice: 갈릴레오
        classes += [one for one in (initial, final) if one != "_"]
    start = "A" if (ord(word[0]) - ord(_FIRST_SYLLABLE)) // _SYLLABLES_OF_AN_INITIAL == _INITIALS.index("_") else ""
    return start + "".join(classes) if len(classes) >= LEAST_CONSONANTS else ""
