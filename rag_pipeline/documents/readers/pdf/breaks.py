"""What stands at the end of a line within a paragraph: a space, nothing, or a hyphen.

A Korean line may end between words or in the middle of one, and the file rarely says which. What says it, first found
first: a space that the file holds at the end of the line; spaces at the ends of other lines of the document, since a
program that writes them writes them always; and the language itself, which Kiwi knows. A document in which hardly any
line ends within a word, as Kiwi reads it, is set with whole words, and then no line does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rag_pipeline.documents.readers.pdf.lines import Line

# Marks in a text, until all of the document is known. No text holds them: controls are not read.
UNDECIDED, CUT_OR_LINE, WRITTEN_SPACE, HYPHENATED = "\x01", "\x02", "\x03", "\x04"

_OPENING, _CLOSING = "([{<「『【〈《‘“", ")]}>」』】〉》’”,.;:?!%…。、"
_IDEOGRAPH = re.compile("[\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")
_HANGUL = re.compile("[ᄀ-ᇿ가-힣]")
_AROUND = 20
_WRITTEN_SHARE, _FEWEST_WRITTEN = 0.3, 2
_SAMPLE, _FEWEST_SAMPLED, _CUT_SHARE = 40, 8, 0.12
_LATIN = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
# First parts of English compounds, which keep their hyphen at the end of a line too.
_FIRST_PARTS = frozenset(
    "cross double fast first four full half hard high large light long low old one real second self short single six"
    " slow small state ten third three time two user well wide".split()
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
    if last in _OPENING or (first in _CLOSING and korean) or (last == "-" and above.text[-2:-1].isalnum()):
        return ""
    if korean:
        decidable = (last.isalnum() or last in ")」』’”") and (first.isalnum() or first in "(「『")
        return UNDECIDED if decidable else " "
    return "" if _IDEOGRAPH.match(last) and _IDEOGRAPH.match(first) else " "


def settle(texts: Sequence[str], is_separate: Callable[[str, str], bool]) -> list[str]:
    """The texts with spaces, hyphens or nothing in place of the marks.

    Args:
        texts: all of a document.
        is_separate: whether a space stands between two pieces of Korean text.
    """
    texts = _hyphens(texts)
    written = sum(text.count(WRITTEN_SPACE) for text in texts)
    open_ends = sum(text.count(UNDECIDED) for text in texts)
    texts = [text.replace(WRITTEN_SPACE, " ") for text in texts]
    if written >= _FEWEST_WRITTEN and written >= _WRITTEN_SHARE * (written + open_ends):
        texts = [text.replace(UNDECIDED, "") for text in texts]
    whole_words = _keeps_words_whole(texts, is_separate)
    return [_settled(text, is_separate, whole_words=whole_words) for text in texts]


def _keeps_words_whole(texts: Sequence[str], is_separate: Callable[[str, str], bool]) -> bool:
    """Whether hardly any line of a sample ends within a word."""
    asked = cut = 0
    for text in texts:
        for mark in re.finditer(UNDECIDED, text):
            if asked == _SAMPLE:
                break
            asked += 1
            cut += not is_separate(*_around(text, mark.start()))
    return asked >= _FEWEST_SAMPLED and cut <= _CUT_SHARE * asked


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
    pattern = re.compile(f"([^\\W\\d_]*){HYPHENATED}([^\\W\\d_]*)")
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
