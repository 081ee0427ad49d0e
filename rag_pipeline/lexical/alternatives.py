"""What may stand in the place of a question's words: other letters, the other language, or a part of a word."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from rag_pipeline.lexical.analysis import KOREAN, OTHER, Terms, analyze
from rag_pipeline.lexical.dictionary import translations
from rag_pipeline.lexical.glosses import SIGN, key
from rag_pipeline.text import hangul_count

if TYPE_CHECKING:
    import tantivy

# What stands in another's place is worth so much of it. A translation says more than a word of the question that is
# found: in a text of the other language few of them are. Chosen on the sets of docs/retrieval.md, in steps of a half.
_GLOSS_SHARE = 0.7
_PART_SHARE = 0.4
_DICTIONARY_SHARE = 1.5
_SOUND_SHARE = 2.0
# By the number of consonants: two are shared by many words.
_BY_CONSONANTS = (0.0, 0.0, 0.25, 0.75, 1.25)
_OTHER_SCRIPT = {"l": "k", "k": "l"}
_MOST_GLOSSES = 2
_LONGEST_GLOSS = 3
# "suez" and "suezmax", "panama" and "panamax"; shorter beginnings are of words that have nothing in common.
_SHORTEST_BEGINNING = 4
_LEAST_IN_COMMON = 0.55
_MOST_RELATED = 4


@dataclass(frozen=True)
class Alternative:
    """Terms that may stand in the place of some words of the question, found in the collection itself."""

    words: tuple[str, ...]
    """Of the question."""
    terms: tuple[str, ...]
    """Of the index; all of them together are worth ``weight``."""
    weight: float
    field: str = "words"
    """Of the terms: ``words``, or ``sounds`` for a name that sounds alike in the other script."""
    language: str = ""
    """Only passages of this language hold it; empty: of any. A Korean text with an English word is no translation."""

    def __str__(self) -> str:
        there = "~" + self.terms[0].partition(":")[2] if self.field == "sounds" else " ".join(self.terms)
        return f"{' '.join(self.words)} → {there}"


def alternatives(
    searcher: tantivy.Searcher, terms: Terms, words: dict[str, float], worth: Callable[[str, str], float], whole: float
) -> list[Alternative]:
    """What an index holds in the place of a question's words.

    A word that the collection itself explains needs no dictionary; else what sounds like it and what the dictionary
    says are both looked for.

    Args:
        searcher: of the index.
        terms: of the question.
        words: what each word of the question is worth.
        worth: the inverse document frequency of a term of a field.
        whole: what a term's presence scores, in its worth.
    """
    found = list(_glosses(searcher, terms.content, words))
    taken = {word for one in found for word in one.words}
    found += _parts(searcher, [word for word in words if word not in taken], words)
    taken |= {word for one in found for word in one.words}
    dictionary = [one for one in _dictionary(searcher, terms.content, words, worth) if taken.isdisjoint(one.words)]
    taken |= {word for one in dictionary if len(one.words) > 1 for word in one.words}
    sounds = {word: heard for word, heard in terms.sounds.items() if word in words and word not in taken}
    found += dictionary
    found += _sounds(searcher, sounds, words, worth)
    return [replace(one, weight=one.weight * whole) for one in found]


def _glosses(searcher: tantivy.Searcher, content: Sequence[str], words: dict[str, float]) -> Iterator[Alternative]:
    taken: set[str] = set()
    for length in range(_LONGEST_GLOSS, 0, -1):
        for start in range(len(content) - length + 1):
            run = tuple(content[start : start + length])
            if taken.isdisjoint(run):
                for other in _explained(searcher, run, words):
                    taken.update(run)
                    yield Alternative(run, other, _GLOSS_SHARE * sum(words.get(word, 0.0) for word in run))


def _parts(searcher: tantivy.Searcher, content: Sequence[str], words: dict[str, float]) -> Iterator[Alternative]:
    for word in content:
        if word.isascii() and word.isalpha() and len(word) >= _SHORTEST_BEGINNING:
            for other in _related(searcher, word):
                if other not in words:
                    yield Alternative((word,), (other,), _PART_SHARE * words[word])


def _dictionary(
    searcher: tantivy.Searcher, content: Sequence[str], words: dict[str, float], worth: Callable[[str, str], float]
) -> Iterator[Alternative]:
    for run in _known_runs(content):
        full = sum(words.get(word, 0.0) for word in run)
        for field, other in _translated(searcher, "".join(run)):
            if other not in words:
                weight = _DICTIONARY_SHARE * min(full, worth(field, other))
                yield Alternative(run, (other,), weight, field, KOREAN if hangul_count(other) else OTHER)


def _sounds(
    searcher: tantivy.Searcher,
    sounds: dict[str, tuple[str, ...]],
    words: dict[str, float],
    worth: Callable[[str, str], float],
) -> Iterator[Alternative]:
    for word, heard in sounds.items():
        for sound in heard:
            script, _, consonants = sound.partition(":")
            other = f"{_OTHER_SCRIPT[script]}:{consonants}"
            if searcher.doc_freq("sounds", other):
                # A key of many words is in many passages, and worth little.
                weight = min(words[word], worth("sounds", other))
                weight *= _SOUND_SHARE * _BY_CONSONANTS[min(len(consonants), len(_BY_CONSONANTS) - 1)]
                yield Alternative((word,), (other,), weight, "sounds", KOREAN if script == "l" else OTHER)


def _known_runs(content: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Words of the dictionary, those among them that the analyser cuts into two: 흘수 as 흘 and 수."""
    pairs = [pair for pair in pairwise(content) if hangul_count(pair[0]) and "".join(pair) in translations()]
    cut = {word for pair in pairs for word in pair}
    yield from dict.fromkeys(pairs)
    yield from ((word,) for word in dict.fromkeys(content) if word not in cut and word in translations())


def _translated(searcher: tantivy.Searcher, word: str) -> Iterator[tuple[str, str]]:
    """Fields and terms of the index that the dictionary gives for a word."""
    for other in translations()[word]:
        if searcher.doc_freq("words", other):
            yield "words", other
        elif searcher.doc_freq("compounds", f"+{other}"):
            yield "compounds", f"+{other}"


def _explained(searcher: tantivy.Searcher, run: tuple[str, ...], words: dict[str, float]) -> Iterator[tuple[str, ...]]:
    """What the collection's texts say that a run of words means."""
    found = searcher.terms_with_prefix("glosses", key(run) + SIGN, limit=_MOST_GLOSSES)
    for term, _ in found:
        other = term.partition(SIGN)[2]
        terms = tuple(other.split("_")) if not hangul_count(other) else tuple(dict.fromkeys(analyze([other])[0].words))
        if terms and not set(terms) <= words.keys():
            yield terms


def _related(searcher: tantivy.Searcher, word: str) -> Iterator[str]:
    """Latin words of the index that begin with a word, or that it begins with."""
    longest = int(len(word) / _LEAST_IN_COMMON)
    found = [
        term
        for term, _ in searcher.terms_with_prefix("words", word, limit=4 * _MOST_RELATED)
        if term != word and len(term) <= longest and term.isalpha() and term.isascii()
    ]
    shortest = max(_SHORTEST_BEGINNING, math.ceil(len(word) * _LEAST_IN_COMMON))
    found += [word[:end] for end in range(shortest, len(word)) if searcher.doc_freq("words", word[:end])]
    yield from found[:_MOST_RELATED]
