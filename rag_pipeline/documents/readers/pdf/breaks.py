"""What stands at the end of a line within a paragraph: a space, nothing, or a hyphen.

A Korean line may end between words or in the middle of one, and the file rarely says which. A space that the file
holds at the end of the line does. The rest is the language's, which Kiwi knows, and the habit of the document, taken
from its first lines: where other lines have a space at their end and most of those without are within a word, all of
those are, since a program that writes such spaces writes them always; and where hardly any line seems to end within a
word, none does, since the document is set in whole words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice

from rag_pipeline.documents.readers.pdf.lines import Line

# Marks in a text, until all of the document is known. No text holds them: controls are not read.
UNDECIDED, CUT_OR_LINE, WRITTEN_SPACE, HYPHENATED = "\x01", "\x02", "\x03", "\x04"

_OPENING, _CLOSING = "([{<「『【〈《‘“", ")]}>」』】〉》’”,.;:?!%…。、"
_QUOTES = frozenset("\"'")
_IDEOGRAPH = re.compile("[\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")
_HANGUL = re.compile("[ᄀ-ᇿ가-힣]")
_AROUND = 20
# How many line ends are looked at to see what a document does, and what shares of them say it.
_SAMPLE, _FEWEST_SAMPLED, _HARDLY_CUT = 40, 8, 0.12
_FEWEST_WRITTEN, _MOSTLY_CUT, _OFTEN_CUT = 2, 0.75, 0.3
# Letters of the last line of a page, below which it is no line that was full.
_FEWEST_LETTERS = 15
# What is counted follows its number without a space in most texts, and Kiwi would have one: 22 | 명의, 제89 | 조.
_COUNTER = re.compile(
    "[년월일명개조항호원톤회시분초세건척대권장절관층번차위배급살점](?:[^가-힣]|[은는이가을를의에로도과와까부만]|$)"
)
_LATIN = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
# First parts of English compounds, which keep their hyphen at the end of a line too.
_FIRST_PARTS = frozenset(
    {
        "cross",
        "double",
        "fast",
        "first",
        "four",
        "full",
        "half",
        "hard",
        "high",
        "large",
        "light",
        "long",
        "low",
        "old",
        "one",
        "real",
        "second",
        "self",
        "short",
        "single",
        "six",
        "slow",
        "small",
        "state",
        "ten",
        "third",
        "three",
        "time",
        "two",
        "user",
        "well",
        "wide",
    }
)
# What is beyond, such as the next cell, says nothing of the words here.
_EDGE = re.compile(r"\n|\|")
_MARKS = re.compile(f"[{UNDECIDED}{CUT_OR_LINE}]")


def joint(above: Line, below: Line) -> str:
    """What stands between two lines of one paragraph, or a mark where only the whole document says it."""
    if above.ends_in_hyphen:
        return HYPHENATED
    last, first = above.text.rstrip()[-1:], below.text.lstrip()[:1]
    korean = bool(_HANGUL.match(last)) + bool(_HANGUL.match(first))
    if above.ends_in_space or above.text[-1:].isspace() or below.text[:1].isspace():
        return WRITTEN_SPACE if korean == 2 else " "
    opens = last in _OPENING or (last in _QUOTES and above.text.count(last) % 2 == 1)
    closes = first in _CLOSING or (first in _QUOTES and above.text.count(first) % 2 == 1)
    if opens or closes or (last == "-" and above.text[-2:-1].isalnum()):
        return ""
    if korean:
        decidable = (last.isalnum() or last in ")」』’”") and (first.isalnum() or first in "(「『")
        return UNDECIDED if decidable else " "
    return "" if _IDEOGRAPH.match(last) and _IDEOGRAPH.match(first) else " "


def settle(texts: Sequence[str], pages: Sequence[int], is_separate: Callable[[str, str], bool]) -> list[str]:
    """The texts with spaces, hyphens or nothing in place of the marks.

    A word that is cut at the end of a page is whole on the page where it begins.

    Args:
        texts: all of a document.
        pages: the page that each stands on.
        is_separate: whether a space stands between two pieces of Korean text.
    """
    texts = _hyphens(
        _with_cut_words(texts, pages, lambda end, start: HYPHENATED if _is_hyphenated(end, start) else None)
    )

    @cache  # the first line ends are asked for twice
    def parts(before: str, after: str) -> bool:
        return not (before[-1:].isdecimal() and _COUNTER.match(after)) and is_separate(before, after)

    written = sum(text.count(WRITTEN_SPACE) for text in texts)
    texts = [text.replace(WRITTEN_SPACE, " ") for text in texts]
    asked, cut = _sampled(texts, parts)
    if written >= _FEWEST_WRITTEN and asked >= _FEWEST_WRITTEN and cut >= _MOSTLY_CUT * asked:
        texts = [text.replace(UNDECIDED, "") for text in texts]
    whole_words = asked >= _FEWEST_SAMPLED and cut <= _HARDLY_CUT * asked
    texts = [_settled(text, parts, whole_words=whole_words) for text in texts]
    if asked >= _FEWEST_WRITTEN and cut >= _OFTEN_CUT * asked:
        texts = _with_cut_words(
            texts, pages, lambda end, start: "" if _is_cut_korean(end, start) and not parts(end, start) else None
        )
    return texts


def _with_cut_words(texts: Sequence[str], pages: Sequence[int], between: Callable[[str, str], str | None]) -> list[str]:
    """Texts, the first word of a page moved to the page before where something says that it is the end of a word."""
    done = list(texts)
    for index in range(len(done) - 1):
        if pages[index + 1] != pages[index] + 1:
            continue
        end, start = done[index].rpartition("\n")[2], done[index + 1][:_AROUND]
        joined = between(end[-_AROUND:], start)
        if joined is not None and len(end) >= _FEWEST_LETTERS:
            word = done[index + 1].split(None, 1)[0]
            done[index] = done[index].removesuffix("-") + joined + word
            done[index + 1] = done[index + 1][len(word) :].lstrip()
    return done


def _is_hyphenated(end: str, start: str) -> bool:
    return end[-1:] == "-" and end[-2:-1].islower() and start[:1].islower()


def _is_cut_korean(end: str, start: str) -> bool:
    return bool(_HANGUL.match(end[-1:]) and _HANGUL.match(start[:1]))


def _sampled(texts: Sequence[str], is_separate: Callable[[str, str], bool]) -> tuple[int, int]:
    """Of the first open line ends: how many there are, and how many of them are within a word, as it seems."""
    places = ((text, mark.start()) for text in texts for mark in re.finditer(UNDECIDED, text))
    sample = [is_separate(*_around(text, place)) for text, place in islice(places, _SAMPLE)]
    return len(sample), sample.count(False)


def _settled(text: str, is_separate: Callable[[str, str], bool], *, whole_words: bool) -> str:
    def decided(mark: re.Match[str]) -> str:
        separate = " " if mark[0] == UNDECIDED else "\n"
        return separate if whole_words or is_separate(*_around(text, mark.start())) else ""

    return _MARKS.sub(decided, text)


def _around(text: str, place: int) -> tuple[str, str]:
    """What stands before and after a mark, other marks read as spaces."""
    before, after = text[max(0, place - _AROUND) : place], text[place + 1 : place + 1 + _AROUND]
    return _MARKS.sub(" ", _EDGE.split(before)[-1]), _MARKS.sub(" ", _EDGE.split(after)[0])


def _hyphens(texts: Sequence[str]) -> list[str]:
    """Words that were cut at a hyphen: whole again, or with the hyphen where it belongs to a compound."""
    if not any(HYPHENATED in text for text in texts):
        return list(texts)
    pattern = re.compile(f"(?<![^\\W\\d_])([^\\W\\d_]*+){HYPHENATED}([^\\W\\d_]*+)")
    known = frozenset(word for text in texts for word in _LATIN.findall(pattern.sub(" ", text.lower())))

    def joined(match: re.Match[str]) -> str:
        first, second = match[1].lower(), match[2].lower()
        if first and first + second in known:
            return match[1] + match[2]
        compound = (
            f"{first}-{second}" in known
            or first in _FIRST_PARTS
            or not (first and second)
            or not match[2][0].islower()
            or (min(len(first), len(second)) >= 4 and first in known and second in known)
        )
        return f"{match[1]}-{match[2]}" if compound else match[1] + match[2]

    return [pattern.sub(joined, text) for text in texts]
