"""Text that stands in a fence of a prompt cannot close it, nor open another, in letters that only look like the mark's.

Compared is how a text looks: compatibility forms (full width, mathematical) and accents are taken apart, blanks and
what is not seen are left out, and letters of other scripts count as the Latin ones they look like (after the tables of
https://www.unicode.org/reports/tr39/ for these letters). The text itself stays as it is, but for the bracket.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator

_ESCAPED = "&lt;"
# What looks like the bracket that begins a mark, in itself or taken apart.
_BRACKETS = re.compile(
    "[<\u02c2\u1438\u16b2\u2039\u227a\u2329\u276c\u276e\u2770\u27e8\u29fc\u3008\ufe3f\ufe64\uff1c\u226e]"
)
# Small letters that look like a Latin letter, or whose capitals do; ciphers that are read as one.
_ALIKE = {
    "a": "4@\u0251\u03b1\u0430\u1d00\u13aa\ua4ee",
    "c": "\u03f2\u03c2\u0441\u1d04\u13df\ua4da\u2ca5",
    "e": "3\u025b\u03b5\u0435\u0454\u04bd\u1d07\u212e\u13ac\ua4f0",
    "g": "9\u0261\u0262\u050d\u0581\u13c0\ua4d6",
    "i": "1l|!\u0131\u0269\u026a\u03b9\u0456\u04cf\u01c0\u05c0\ua4f2",
    "n": "\u0274\u03b7\u03bd\u043f\u0578\u057c\ua4e0",
    "o": "0\u00f8\u03bf\u03c3\u043e\u04e9\u0585\u1d0f\u25cb\ua4f3",
    "p": "\u00fe\u03c1\u0440\u1d18\u13e2\ua4d1",
    "q": "9\u051b\u0563\u0566",
    "r": "\u0280\u027e\u0433\u1d26\u13a1\ua4e3",
    "s": "5$\u0282\u0455\u01bd\ua731\u13da\ua4e2",
    "t": "7+\u03c4\u0442\u1d1b\u13a2\ua4d4",
    "u": "\u028b\u03c5\u057d\u1d1c\ua4f4",
    "v": "\u03bd\u0475\u05d8\u1d20\u13d9\ua4e6",
}
# Letters and signs that show nothing: fillers of Hangul, the empty pattern of Braille.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_UNSEEN = frozenset({"Cf", "Cc", "Mn", "Me", "Zs", "Zl", "Zp"})
# Signs that may stand between the bracket and the name, as a slash of any kind does.
_MOST_SIGNS = 3


def defused(text: str, names: tuple[str, ...]) -> str:
    """A text in which no bracket begins what looks like a mark of one of these names.

    Args:
        text: of anyone.
        names: of the fence's marks, in small Latin letters.
    """
    mark, longest = _compiled(names)
    pieces, done = [], 0
    for bracket in _BRACKETS.finditer(text):
        start = bracket.end()
        seen = list(_seen(text, start, longest))
        found = mark.match("".join(letter for letter, _ in seen))
        if found is None or _goes_on(seen, found.end()):
            continue
        pieces += [text[done : bracket.start()], _ESCAPED]
        done = start
    return "".join([*pieces, text[done:]])


@functools.cache
def _compiled(names: tuple[str, ...]) -> tuple[re.Pattern[str], int]:
    """What begins with one of the names, and how many letters have to be looked at."""
    spelt = ("".join(f"[{re.escape(letter + _ALIKE.get(letter, ''))}]" for letter in name) for name in names)
    # The plural too: it is as good a mark.
    pattern = rf"[^\w<>]{{0,{_MOST_SIGNS}}}?(?:{'|'.join(spelt)})[{re.escape('s' + _ALIKE['s'])}]?"
    return re.compile(pattern), _MOST_SIGNS + max(map(len, names)) + 2


def _seen(text: str, start: int, most: int) -> Iterator[tuple[str, int]]:
    """The first letters that are seen from a place on, as small as they come, each with its own place."""
    count = 0
    for place in range(start, len(text)):
        for part in unicodedata.normalize("NFKD", text[place]):
            if part in _BLANK or part.isspace() or unicodedata.category(part) in _UNSEEN:
                continue
            for letter in part.casefold():
                yield letter, place
                count += 1
        if count >= most:
            return


def _goes_on(seen: list[tuple[str, int]], end: int) -> bool:
    """Whether the word goes on right behind the name, and so is another one."""
    if end >= len(seen):
        return False
    letter, place = seen[end]
    return letter.isalnum() and place == seen[end - 1][1] + 1
