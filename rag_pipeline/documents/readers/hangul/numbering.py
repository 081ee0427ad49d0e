"""Automatic numbers of paragraphs, written as Hangul shows them: 제1조, 1., 가., ①."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rag_pipeline.documents.readers.office.numerals import counted, roman

# Names of OWPML (KS X 6101); their order is that of the numbers in HWP 5 ("문단 번호 형식", "각주/미주 모양 속성").
KINDS = (
    "DIGIT",
    "CIRCLED_DIGIT",
    "ROMAN_CAPITAL",
    "ROMAN_SMALL",
    "LATIN_CAPITAL",
    "LATIN_SMALL",
    "CIRCLED_LATIN_CAPITAL",
    "CIRCLED_LATIN_SMALL",
    "HANGUL_SYLLABLE",
    "CIRCLED_HANGUL_SYLLABLE",
    "HANGUL_JAMO",
    "CIRCLED_HANGUL_JAMO",
    "HANGUL_PHONETIC",
    "IDEOGRAPH",
    "CIRCLED_IDEOGRAPH",
    "DECAGON_CIRCLE",
    "DECAGON_CIRCLE_HANJA",
)
_CONSONANTS = "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"
_SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"
_SMALL_LATIN = "abcdefghijklmnopqrstuvwxyz"
# Where each kind has so many signs of its own, they are these; what is beyond them is written in digits.
_SIGNS = {
    "CIRCLED_DIGIT": "".join(
        map(chr, [*range(0x2460, 0x2474), *range(0x3251, 0x3260), *range(0x32B1, 0x32C0)])
    ),  # ① to ㊿
    "LATIN_CAPITAL": _SMALL_LATIN.upper(),
    "LATIN_SMALL": _SMALL_LATIN,
    "CIRCLED_LATIN_CAPITAL": "".join(map(chr, range(0x24B6, 0x24D0))),
    "CIRCLED_LATIN_SMALL": "".join(map(chr, range(0x24D0, 0x24EA))),
    "HANGUL_SYLLABLE": _SYLLABLES,
    "CIRCLED_HANGUL_SYLLABLE": "".join(map(chr, range(0x326E, 0x327C))),
    "HANGUL_JAMO": _CONSONANTS,
    "CIRCLED_HANGUL_JAMO": "".join(map(chr, range(0x3260, 0x326E))),
    "CIRCLED_IDEOGRAPH": "".join(map(chr, range(0x3280, 0x328A))),
    "DECAGON_CIRCLE": "갑을병정무기경신임계",
    "DECAGON_CIRCLE_HANJA": "甲乙丙丁戊己庚辛壬癸",
}
_COUNTED = {
    "HANGUL_PHONETIC": counted("영일이삼사오육칠팔구", "십백천", "만", leave_one="십백천"),
    "IDEOGRAPH": counted("〇一二三四五六七八九", "十百千", "万", leave_one="十百千"),
}
_MARK = re.compile(r"\^(10|[1-9nN])")
MOST_LEVELS = 10
_LONGEST = 200


def numeral(value: int, kind: str) -> str:
    """A number as its kind writes it; in digits where the kind has no sign for it, or is not known."""
    signs = _SIGNS.get(kind, "")
    if 1 <= value <= len(signs):
        return signs[value - 1]
    if kind in ("ROMAN_CAPITAL", "ROMAN_SMALL") and 0 < value < 4000:
        return roman(value).upper() if kind == "ROMAN_CAPITAL" else roman(value)
    if kind in _COUNTED and 0 < value < 10000:
        return _COUNTED[kind](value)
    return str(value)


@dataclass(frozen=True)
class ListLevel:
    """How the numbers of one level look."""

    text: str
    """Such as ``제^1조``: ``^1`` is the number of level 1, ``^n`` and ``^N`` are those of all levels down to this."""
    kind: str = "DIGIT"
    start: int = 1


@dataclass(frozen=True)
class NumberedList:
    """A list of numbered paragraphs, as the document defines it."""

    levels: tuple[ListLevel, ...]


class Counters:
    """The numbers that were given so far.

    Args:
        lists: by the identifiers that paragraphs name.
    """

    def __init__(self, lists: Mapping[int, NumberedList]) -> None:
        self._lists = lists
        self._given: dict[int, list[int | None]] = {}

    def next(self, identifier: int, level: int) -> str:
        """The number of the next paragraph of a list; empty where the list shows none.

        Args:
            identifier: of the list.
            level: from 0.
        """
        numbered = self._lists.get(identifier)
        if numbered is None or not 0 <= level < len(numbered.levels):
            return ""
        given = self._given.setdefault(identifier, [None] * MOST_LEVELS)
        last = given[level]
        given[level] = numbered.levels[level].start if last is None else last + 1
        given[level + 1 :] = [None] * (MOST_LEVELS - level - 1)

        def shown(place: int) -> str:
            if place >= len(numbered.levels):
                return ""
            value = given[place]
            return numeral(numbered.levels[place].start if value is None else value, numbered.levels[place].kind)

        def written(mark: re.Match[str]) -> str:
            if mark[1] in "nN":
                return ".".join(shown(place) for place in range(level + 1)) + ("." if mark[1] == "N" else "")
            return shown(int(mark[1]) - 1)

        return _MARK.sub(written, numbered.levels[level].text[:_LONGEST]).strip()


def numbered(number: str, text: str) -> str:
    """A paragraph's text behind its number: "제1조(목적)", "가. 대상"."""
    if not number or not text:
        return text
    # The bracket of an article stands at its number, as in every statute.
    tight = text.startswith("(") and number[-1].isalpha() and len(number) > 1
    return f"{number}{'' if tight else ' '}{text}"
