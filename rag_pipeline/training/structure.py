"""Pairs out of the documents alone: a heading asks, its section answers.

Weaker than questions of people: a heading names what a section is about and asks for nothing. Of pairs without a
heading, such as a sentence and the rest of its passage, nothing was learnt where it was measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from rag_pipeline.evaluation.questions import EvaluationQuestion, language_of
from rag_pipeline.text import PATH_SEPARATOR
from rag_pipeline.training.corpus import Corpus

_LEAST_HEADING = 4
_LEAST_BODY = 80


def heading_questions(corpus: Corpus) -> Iterator[EvaluationQuestion]:
    """A question for each heading with a section below; each section once.

    Only sections of which the first chunk says enough; a heading that many documents share comes with its title.
    """
    seen: set[tuple[str, str]] = set()
    for number, metadata in enumerate(corpus.metadata):
        source, section, title = (str(metadata.get(key, "")) for key in ("source", "section", "title"))
        place = (source, section)
        if place in seen or len(corpus.body(number)) < _LEAST_BODY:
            continue
        last = section.rpartition(PATH_SEPARATOR)[2]
        text = " ".join(part for part in (title, last) if part)
        if len(text) < _LEAST_HEADING:
            continue
        seen.add(place)
        name = f"{source}#{section}" if section else source
        yield EvaluationQuestion(f"heading-{number}", text, frozenset({name}), language_of(text))
