"""An answer held against the passages it was made from, without asking a model again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from rag_pipeline.answering.answer import Citation
from rag_pipeline.figures import NUMBER, SCALES, in_digits
from rag_pipeline.passages import Passage
from rag_pipeline.text import normalized

_CITED = re.compile(r"\[(\d{1,3}(?:\s*[,，]\s*\d{1,3})*)\]")
# A sentence, with the citations that follow its full stop.
_SENTENCE = re.compile(r".+?(?:[.!?。！？](?=\s|\[|$)(?:\s*\[[\d,，\s]+\])*|\n|$)", re.DOTALL)
# A number, or Korean parts that add up: 6만 5천, 1억 2,000만, 6만5000.
_FIGURE = re.compile(rf"(?<![\w.,]){NUMBER}(?:\s?[천만억조](?:\s?{NUMBER}\s?[천만억]|\s?{NUMBER})*)?")
_PART = re.compile(rf"({NUMBER})\s?([천만억조])?")
_LIST_NUMBER = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)
# How many things are counted, in words of the answer's own: "3가지", "two of 3 ships".
_COUNTED = re.compile(r"(?<![\d.,])\d\s*(?:가지|개|종류|번째|번|척|곳|단계|항목)")


def cited_numbers(text: str) -> list[int]:
    """Numbers of the passages that a text cites, in the order they first come."""
    numbers = (int(number) for match in _CITED.finditer(text) for number in re.findall(r"\d+", match[1]))
    return list(dict.fromkeys(numbers))


def check_answer(text: str, question: str, passages: Sequence[Passage]) -> tuple[list[Citation], list[str]]:
    """The citations of an answer, and what is wrong with it.

    A figure must stand in a passage that its sentence cites; where the sentence cites none, in any that the answer
    cites, or in the question. Digits are compared by value: ``65,000``, ``65000`` and ``6만 5천`` are the same.

    Args:
        text: the answer.
        question: what was asked.
        passages: those given, in the order of their numbers from 1.
    """
    numbers = cited_numbers(text)
    problems = [
        f"[{number}] cites a passage that was not given (there are {len(passages)})"
        for number in numbers
        if not 1 <= number <= len(passages)
    ]
    given = [number for number in numbers if 1 <= number <= len(passages)]
    figures = {number: _values(f"{passages[number - 1].text}") for number in given}
    everywhere = {value for values in figures.values() for value in values} | _values(question)
    said: dict[int, list[str]] = {number: [] for number in given}
    for sentence in sentences(_LIST_NUMBER.sub("", text)):
        own = [number for number in cited_numbers(sentence) if number in figures]
        allowed = {value for number in own for value in figures[number]} if own else everywhere
        problems += [
            f"the figure {shown} stands in no passage that is cited for it"
            for shown, values in _figures(sentence)
            if not values & allowed
        ]
        for number in own:
            said[number].append(_CITED.sub("", sentence))
    citations = [
        Citation(
            number,
            passages[number - 1].source,
            passages[number - 1].section,
            _nearest_line(passages[number - 1].body, " ".join(said[number]) or text),
            passages[number - 1].place,
        )
        for number in given
    ]
    return citations, list(dict.fromkeys(problems))


def sentences(text: str) -> list[str]:
    """Sentences of an answer, each with the citations that belong to it."""
    return [match[0] for match in _SENTENCE.finditer(text) if match[0].strip()]


def _figures(text: str) -> Iterator[tuple[str, set[Decimal]]]:
    """Each figure as it is written, and the values it may mean."""
    text = _COUNTED.sub(" ", _CITED.sub(" ", normalized("NFKC", text)))
    for match in _FIGURE.finditer(text):
        parts = [(Decimal(number.replace(",", "")), SCALES.get(scale)) for number, scale in _PART.findall(match[0])]
        values = {sum((number * (scale or 1) for number, scale in parts), Decimal(0))}
        # Whether the parts belong together, and whether 만 is a number or begins a word, only a reader knows.
        values |= {number * (scale or 1) for number, scale in parts[:1]} | {number for number, _ in parts[:1]}
        yield match[0], values


def _values(text: str) -> set[Decimal]:
    """Of the text as it is written, and of its numerals in letters: 이십 미터."""
    spellings = (text, in_digits(normalized("NFKC", text)))
    return {amount for spelling in spellings for _, values in _figures(spelling) for amount in values}


def _nearest_line(body: str, statement: str) -> str:
    """The line of a passage that shares most with a statement, relative to its own length at equal shares."""
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    if not lines:
        return ""
    wanted = _bigrams(statement)

    def share(line: str) -> tuple[int, float]:
        own = _bigrams(line)
        common = len(wanted & own)
        return common, common / (len(own) or 1)

    return max(lines, key=share)


def _bigrams(text: str) -> set[str]:
    folded = "".join(normalized("NFC", text).casefold().split())
    return {folded[start : start + 2] for start in range(len(folded) - 1)}
