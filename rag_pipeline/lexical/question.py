"""A question's terms, what each is worth in an index, and the query that looks for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag_pipeline.lexical.alternatives import Alternative, alternatives
from rag_pipeline.lexical.analysis import Terms
from rag_pipeline.lexical.writer import FIELD_WEIGHTS

if TYPE_CHECKING:
    import tantivy

# tantivy's k1; its b is 0.75.
K1 = 1.2
# What the presence of a term is worth besides its frequency, in BM25+; 1 in the paper, 2 on our development sets.
PRESENCE = 2.0
_RANGE_WEIGHT = 0.5


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
    others = tuple(alternatives(searcher, terms, words, worth, PRESENCE + 1))
    return Question(found, len(words), others)


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
