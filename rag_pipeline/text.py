"""Text as every room of the package treats it: one line of an error, Korean or not, clean for a store."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

PATH_SEPARATOR = " > "
"""Between the headings of a title path."""

_HANGUL = re.compile("[가-힣]")
# Soft hyphen, zero width space, word joiner, byte order mark.
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")
# Zero width joiner and non-joiner, but for those after Hebrew to Mongolian, other scripts that need them, and emoji.
_JOINER = re.compile(
    "(?<![\u0590-\u10ff\u1700-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
    "\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]+"
)
# Combining marks are put in order among their neighbours, in time that grows with the square of how many follow one
# another; a letter of any script has a few. All marks are among what this finds.
_MOST_MARKS = 256
_MARKS = re.compile(rf"[^\w\s\x00-\u02ff]{{{_MOST_MARKS},}}")
# A Korean text names ships, units and figures in other letters; an English one hardly holds a Korean name or two.
_KOREAN_SHARE = 0.2


def one_line(said: object, longest: int | None = None) -> str:
    """What an exception or a library says, in one line; an exception without a message gives its name.

    Args:
        said: an exception, or a text.
        longest: most characters; what is beyond is cut and marked with an ellipsis. None: any number.
    """
    line = " ".join(str(said).split()) or (type(said).__name__ if isinstance(said, BaseException) else "")
    return line if longest is None or len(line) <= longest else line[:longest] + " …"


def first_line(said: object, longest: int) -> str:
    """As :func:`one_line`, of the first line alone: the libraries below follow it with pages of advice."""
    lines = str(said).strip().splitlines()
    return one_line(lines[0], longest) if lines else one_line(said, longest)


def normalized(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """What :func:`unicodedata.normalize` gives, in time in proportion to the text.

    Of a letter with more than 256 combining marks, which no script has, the marks are put in order in groups of 256.
    """
    if text.isascii():
        return text
    parts: list[str] = []
    start = 0
    for end in _cuts_among_marks(text):
        parts.append(text[start:end])
        start = end
    return "".join(unicodedata.normalize(form, part) for part in (*parts, text[start:]))


def _cuts_among_marks(text: str) -> Iterator[int]:
    for run in _MARKS.finditer(text):
        marks = 0
        for place in range(run.start(), run.end()):
            if marks == _MOST_MARKS:
                yield place
                marks = 0
            marks = marks + 1 if unicodedata.combining(text[place]) else 0


def clean(text: str) -> str:
    """NFC, Unix line ends, without what nobody sees and what no store takes.

    Nobody sees soft hyphens, spaces and joiners of no width, and marks of byte order: with one of them inside, a word
    is another word. Joiners stay where they shape letters, as in Arabic and Indic scripts, or make one emoji of
    several. No store takes NUL and lone surrogates.
    """
    text = _JOINER.sub("", _UNSEEN.sub("", text)) if not text.isascii() else text
    text = normalized("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8")


def hangul_count(text: str) -> int:
    """How many syllables of Hangul a text holds, decomposed ones too."""
    return len(_HANGUL.findall(normalized("NFC", text)))


def is_korean(text: str) -> bool:
    """Whether a text is in Korean, names and figures in other letters among it."""
    return hangul_count(text) > _KOREAN_SHARE * len(text)


def split_title_path(text: str, title: str) -> tuple[str, str]:
    """The title path in front of a chunk's text, and the rest; the path is empty where the text has none.

    Args:
        text: of any chunk; what was not chunked here begins with whatever its author wrote.
        title: of its document; empty where it has none, and then no title path either.
    """
    head, separator, body = text.partition("\n\n")
    ours = bool(title and separator) and (head == title or head.startswith(title + PATH_SEPARATOR))
    return (head, body) if ours else ("", text)
