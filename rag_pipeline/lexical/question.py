"""A question's terms: what each is worth in an index, and what may stand in its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag_pipeline.lexical.analysis import KOREAN, OTHER, Terms, analyze
from rag_pipeline.lexical.dictionary import translations
from rag_pipeline.lexical.glosses import SIGN, key
from rag_pipeline.lexical.writer import FIELD_WEIGHTS
from rag_pipeline.text import hangul_count

if TYPE_CHECKING:
    import tantivy

# tantivy's k1; its b is 0.75.
K1 = 1.2
# What the presence of a term is worth besides its frequency, in BM25+; 1 in the paper, 2 on our development sets.
PRESENCE = 2.0
# What stands in another's place is worth so much of it.
_GLOSS_SHARE = 0.7
_RELATED_SHARE = 0.4
_RANGE_WEIGHT = 0.5
_SOUND_SHARE = 2.0
_BY_LENGTH = (0.0, 0.0, 0.25, 0.75, 1.25, 1.25)
_DICTIONARY_SHARE = 1.5
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


@dataclass(frozen=True)
class Question:
    """The terms of a question and what each is worth in this index."""

    terms: list[tuple[str, str, float]]
    """Field, term, and the inverse document frequency times the field's weight; each term of a field once."""
    words: int
    """How many different content words the question has."""
    alternatives: tuple[Alternative, ...] = ()

    @property
    def ideal(self) -> float:
        """What a passage would score that held every term over and over; terms that are nowhere count too."""
        return sum(weight for _, _, weight in self.terms) * (K1 + 1 + PRESENCE)


def weighed(searcher: tantivy.Searcher, terms: Terms) -> Question:
    """Weigh a question's terms in an index, and look for what may stand in their place."""
    count = int(searcher.num_docs)

    def worth(field: str, term: str) -> float:
        frequency = searcher.doc_freq(field, term)
        return math.log(1 + max(count - frequency + 0.5, 0.5) / (frequency + 0.5))

    found = [
        (field, term, weight * worth(field, term))
        for field, weight in FIELD_WEIGHTS.items()
        for term in dict.fromkeys(getattr(terms, field))
    ]
    # A figure that lies in no range is none the worse for it.
    found += [
        ("ranges", step, _RANGE_WEIGHT * worth("ranges", step))
        for step in terms.figures
        if searcher.doc_freq("ranges", step)
    ]
    words = {term: weight for field, term, weight in found if field == "words"}
    alternatives = tuple(_alternatives(searcher, terms, words, worth))
    return Question(found, len(words), alternatives)


def query_parts(query: Any, schema: Any, question: Question) -> list[tuple[Any, Any]]:
    """The clauses of tantivy's query."""
    import tantivy

    should = tantivy.Occur.Should

    def term_parts(field: str, term: str, weight: float) -> Iterator[tuple[Any, Any]]:
        if field in FIELD_WEIGHTS:
            one = query.term_query(schema, field, term, index_option="freq")
            # tantivy multiplies by the inverse document frequency itself.
            yield should, query.boost_query(one, FIELD_WEIGHTS[field])
            yield should, query.const_score_query(one, weight * PRESENCE)
        else:
            one = query.term_query(schema, field, term, index_option="basic")
            yield should, query.const_score_query(one, weight * (PRESENCE + 1))

    replaced = {word: other for other in question.alternatives for word in other.words}
    parts: list[tuple[Any, Any]] = []
    groups: dict[tuple[str, ...], list[tuple[Any, Any]]] = {other.words: [] for other in question.alternatives}
    for field, term, weight in question.terms:
        if weight > 0:
            own = list(term_parts(field, term, weight))
            if field == "words" and term in replaced:
                groups[replaced[term].words] += own
            else:
                parts += own
    for words, own in groups.items():
        ways = [query.boolean_query(own)] if own else []
        for other in question.alternatives:
            if other.words == words:
                share = other.weight / len(other.terms)
                way = [
                    (should, query.const_score_query(query.term_query(schema, other.field, term), share))
                    for term in other.terms
                ]
                if other.language:
                    spoken = query.const_score_query(query.term_query(schema, "language", other.language), 0.0)
                    way = [(tantivy.Occur.Must, query.boolean_query(way)), (tantivy.Occur.Must, spoken)]
                ways.append(query.boolean_query(way))
        parts.append((should, query.disjunction_max_query(ways)))
    return parts


def _alternatives(
    searcher: tantivy.Searcher, terms: Terms, words: dict[str, float], worth: Callable[[str, str], float]
) -> Iterator[Alternative]:
    taken: set[str] = set()
    content = terms.content
    for length in range(_LONGEST_GLOSS, 0, -1):
        for start in range(len(content) - length + 1):
            run = tuple(content[start : start + length])
            if not taken.isdisjoint(run):
                continue
            full = sum(words.get(word, 0.0) for word in run) * (PRESENCE + 1)
            for other in _explained(searcher, run, words):
                taken.update(run)
                yield Alternative(run, other, _GLOSS_SHARE * full)
    for word in dict.fromkeys(content):
        if word not in taken and word.isascii() and word.isalpha() and len(word) >= _SHORTEST_BEGINNING:
            for other in _related(searcher, word):
                if other not in words:
                    taken.add(word)
                    yield Alternative((word,), (other,), _RELATED_SHARE * words[word] * (PRESENCE + 1))
    for word in words:
        if word not in taken:
            for other in translations().get(word, ()):
                if other not in words and searcher.doc_freq("words", other):
                    weight = min(words[word], worth("words", other))
                    yield Alternative(
                        (word,), (other,), _DICTIONARY_SHARE * weight * (PRESENCE + 1), "words", _language(other)
                    )
    for word, sounds in terms.sounds.items():
        if word in words and word not in taken:
            for sound in sounds:
                other = _OTHER_SCRIPT[sound[0]] + sound[1:]
                if searcher.doc_freq("sounds", other):
                    # A short key is that of many words, which shows in how many passages have it.
                    weight = min(words[word], worth("sounds", other))
                    yield Alternative(
                        (word,),
                        (other,),
                        _SOUND_SHARE * _BY_LENGTH[min(len(sound) - 2, 5)] * weight * (PRESENCE + 1),
                        "sounds",
                        KOREAN if other[0] == "k" else OTHER,
                    )


def _language(term: str) -> str:
    return KOREAN if hangul_count(term) else OTHER


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
