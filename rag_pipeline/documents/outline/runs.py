"""Which lines are headings after all: those whose kind is used consistently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from rag_pipeline.documents.outline.candidates import STATUTE, Candidate

# Headings of one kind, below which it is no outline but a line of its own.
_FEWEST = 2
# Share of a kind's lines that must have text below them before the next of the kind; in a list none has.
_WITH_TEXT = 0.5
# Share of a kind's lines that may read as sentences; of marked lines, which are mostly items, half may.
_SENTENCES = 0.25
_MARKED_SENTENCES = 0.5
# Characters below a heading, in the middle of all: with less, its lines are items and not parts.
_LEAST_TEXT = 15
# The same where items of another mark are what stands below.
_LEAST_ITEMS = 8
# Articles that may be missing between two: some are repealed, and not printed.
_GAP = 3
# Kinds that stand above lists of other kinds, whose items are text for them.
_ABOVE_LISTS = ("roman", "bold", "mark □", "mark ■", "mark ◆", "mark ◇", "mark ▣", "mark ❏")
# Kinds that nest as they first appear.
_NESTING = ("decimal", "ganada", "1)", "(1)", "(ganada)", "circled", "mark")
# Lines below a heading that are looked at for text: whatever a text may be made of, the time stays in proportion to it.
_LOOKED_AT = 30
# Levels of parts that hold nothing but parts.
_DEEPEST = 5
LEAD = "lead"
"""The kind of a first line in bold that has nothing below it but the others: it stands above them all."""


def headings_of(candidates: Sequence[Candidate], text: OutlineText) -> list[Candidate]:
    """Candidates that are headings, in the order of the document."""
    by_kind: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_kind[candidate.kind].append(candidate)
    accepted: set[Candidate] = set()
    # A part may hold nothing but parts, which must be found to be some first: from the innermost to the outermost.
    for _ in range(_DEEPEST):
        text.take_for_text(candidates, accepted)
        found = {line for kind, group in by_kind.items() if kind != "annex" for line in _consistent(kind, group, text)}
        if found == accepted:
            break
        accepted = found
    has_articles = any(candidate.kind == "조" for candidate in accepted)
    accepted.update(
        candidate for candidate in by_kind["annex"] if has_articles or not candidate.heading.startswith("부")
    )
    kinds = {candidate.kind for candidate in accepted}
    return _with_lead([found for found in candidates if found in accepted and not _is_lone(found, kinds)], text)


def _consistent(kind: str, group: Sequence[Candidate], text: OutlineText) -> list[Candidate]:
    """The lines of one kind that are headings: all of them that keep its order, or none."""
    if not group[0].number:
        words = [line for line in group if not text.reads_as_sentence(line)]
        if len(group) - len(words) > _MARKED_SENTENCES * len(group):
            return []
        group = words
    runs = _runs(kind, group, text)
    if all(len(run) == 1 for run in runs):
        return []
    # Steps of a list below numbered headings count as those do, and are mostly sentences.
    runs = [run for run in runs if _holds_text(run, text) and (kind in STATUTE or not _is_steps(run, text))]
    lines = [line for run in runs for line in run]
    if len(lines) < _FEWEST or all(len(run) == 1 for run in runs):
        return []
    if kind == "조" and all(map(_is_named, lines)):
        return lines  # an article that names its matter needs no other sign
    least = _LEAST_ITEMS if kind.startswith(_ABOVE_LISTS) else _LEAST_TEXT
    sentences = sum(text.reads_as_sentence(line) for line in lines)
    has_text = kind in STATUTE or median(text.lengths(lines)) >= least
    return lines if has_text and sentences <= _SENTENCES * len(lines) else []


def _runs(kind: str, group: Sequence[Candidate], text: OutlineText) -> list[list[Candidate]]:
    """Lines of a kind whose numbers follow one another; a number out of order is no heading."""
    runs: list[list[Candidate]] = []
    for line, after in zip(group, [*group[1:], None], strict=True):
        last = runs[-1][-1] if runs else None
        if last is not None and (not line.number or _follows(kind, last.number, line.number)):
            runs[-1].append(line)
        elif last is not None and last.number < line.number and _is_named(line) and _goes_on(line, after):
            runs[-1].append(line)  # an extract leaves articles out
        elif last is None or line.number[-1] == 1 or not text.same_part(last, line):
            runs.append([line])
    return runs


def _goes_on(line: Candidate, after: Candidate | None) -> bool:
    """Whether the next article follows this one, which a reference to another article is not followed by."""
    return after is None or _follows(line.kind, line.number, after.number)


def _is_steps(run: Sequence[Candidate], text: OutlineText) -> bool:
    return sum(map(text.reads_as_sentence, run)) > max(_SENTENCES * len(run), 0 if run[0].number else len(run))


def _is_named(line: Candidate) -> bool:
    """Whether it is an article that names its matter."""
    return line.kind == "조" and line.heading[-1] in ")]】>"


def _follows(kind: str, last: tuple[int, ...], number: tuple[int, ...]) -> bool:
    if kind in STATUTE:
        if len(number) > 1:  # 제2조의2 after 제2조 or 제2조의1
            return number[0] == last[0] and (len(last) == 1 or 0 < number[1] - last[1] <= _GAP)
        return 0 < number[0] - last[0] <= _GAP
    return number[:-1] == last[:-1] and number[-1] - last[-1] == 1


def _holds_text(run: Sequence[Candidate], text: OutlineText) -> bool:
    """Whether text stands below the lines of a run; a list and a table of contents have none between them.

    What stands below the last says nothing, since any text may follow a list.
    """
    between = [bool(line.rest) or text.has_below(line, after) for line, after in pairwise(run)]
    if not between:
        return bool(run[0].rest) or text.has_below(run[0], None)
    return sum(between) >= max(_WITH_TEXT * len(between), 1)


def _is_lone(line: Candidate, kinds: set[str]) -> bool:
    """Whether it is ``1 Introduction`` without a full stop where no 1.1 is: it may be any line that begins so."""
    family, _, depth = line.kind.rpartition(" ")
    if depth != "1" or not family.endswith("decimal") or f"{family} 2" in kinds:
        return False
    return not line.heading.split(" ", 1)[0].endswith(".")


def _with_lead(headings: list[Candidate], text: OutlineText) -> list[Candidate]:
    if len(headings) > 2 and headings[0].kind == headings[1].kind == "bold":
        first, second = headings[:2]
        if text.is_first(first) and not text.has_below(first, second):
            return [replace(first, kind=LEAD), *headings[1:]]
    return headings


class OutlineText:
    """The text around candidates.

    Args:
        texts: lines of each section.
        bases: headings that each section has already.
        indented_is_list: whether an indented line belongs to what is above it, as in Markdown.
    """

    def __init__(
        self, texts: Sequence[Sequence[str]], bases: Sequence[tuple[str, ...]], *, indented_is_list: bool
    ) -> None:
        self._texts = texts
        self._bases = bases
        self._indented_is_list = indented_is_list
        self._no_text: set[tuple[int, int]] = set()
        self._headings: dict[tuple[int, int], str] = {}
        self._order: dict[str, int] = {}

    def take_for_text(self, candidates: Sequence[Candidate], headings: set[Candidate]) -> None:
        """Say which lines that look like headings are text for the others: those that are some, and sentences.

        What is left are items of lists.
        """
        self._no_text = {
            (line.section, line.line)
            for line in candidates
            if line not in headings and not line.rest and not self.reads_as_sentence(line)
        }
        self._headings = {(line.section, line.line): line.kind for line in headings}
        kinds = {line.kind for line in headings}
        appeared = dict.fromkeys(line.kind for line in candidates if line.kind in kinds)
        self._order = {kind: place for place, kind in enumerate(appeared)}

    def same_part(self, one: Candidate, other: Candidate) -> bool:
        """Whether two lines stand under the same heading of the document's own."""
        return self._bases[one.section] == self._bases[other.section]

    def is_first(self, line: Candidate) -> bool:
        """Whether nothing stands above a line."""
        return line.section == 0 and not any(text.strip() for text in self._texts[0][: line.line])

    def reads_as_sentence(self, line: Candidate) -> bool:
        """Whether a line is one of a text: by its words, or since the next line goes on with it."""
        following = self._texts[line.section][line.line + 1 : line.line + 2]
        goes_on = bool(following) and following[0].strip()[:1].islower()
        return line.reads_as_sentence or goes_on

    def has_below(self, line: Candidate, after: Candidate | None) -> bool:
        """Whether any text stands below a line, before the other one."""
        return next(self._below(line, after, _LOOKED_AT), None) is not None

    def lengths(self, lines: Sequence[Candidate]) -> list[int]:
        """Characters below each line, before the next of them or the end of the part."""
        return [
            len(line.rest) + sum(map(len, self._below(line, after)))
            for line, after in zip(lines, [*lines[1:], None], strict=True)
        ]

    def _stands_above(self, other: str | None, kind: str) -> bool:
        """Whether a heading of another kind ends what stands below one of this: it appeared first, and is no part."""
        if other is None or not kind.startswith(_NESTING) or other in STATUTE:
            return False
        if "decimal" in kind and "decimal" in other:
            return other < kind  # 2 ends 1.1
        return self._order[other] < self._order.get(kind, len(self._order))

    def _below(self, line: Candidate, after: Candidate | None, most: int | None = None) -> Iterator[str]:
        looked_at = 0
        above_lists = line.kind.startswith(_ABOVE_LISTS)
        for section in range(line.section, len(self._texts)):
            if self._bases[section] != self._bases[line.section]:
                return
            first = line.line + 1 if section == line.section else 0
            is_last = after is not None and after.section == section
            last = after.line if after is not None and is_last else len(self._texts[section])
            for number in range(first, last):
                looked_at += 1
                if most is not None and looked_at > most:
                    return
                if self._stands_above(self._headings.get((section, number)), line.kind):
                    return
                text = self._texts[section][number]
                if (not above_lists and (section, number) in self._no_text) or (
                    self._indented_is_list and text[:1] in (" ", "\t")
                ):
                    continue
                if text.strip():
                    yield text.strip()
            if is_last:
                return
