"""Lines that may be headings: what each kind looks like, by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Ways of counting. A number is a tuple: 제2조의3 is (2, 3), and 1.2.1 is (1, 2, 1).
_GANADA = "가나다라마바사아자차카타파하"
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
_ROMAN_SIGNS = "ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫ"
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50}

# Parts of a statute, outermost first; what stands after the articles starts again at the top.
STATUTE = ("annex", "편", "장", "절", "관", "조")

_LONGEST = 60
_LONGEST_ANNEX = 100
# A number of more digits counts no parts of a document, and may be of thousands.
_PARTS = re.compile(r"제\s*(\d{1,5})\s*([편장절관])(?:\s*의\s*(\d{1,5}))?(?=\s|$)\s*(.*)")
# A reference at the beginning of a line goes on with a particle: 제5조에 따라, 제5조(목적)의.
_ARTICLE = re.compile(
    r"(제\s*(\d{1,5})\s*조(?:\s*의\s*(\d{1,5}))?\s*(?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|\[[^\]\n]+\]|【[^】\n]+】|<[^>\n]+>))"
    r"(?=\s|$|[①<\[])(?!\s*(?:및|또는|내지|부터)\s)\s*(.*)"
)
_BARE_ARTICLE = re.compile(r"(제\s*(\d{1,5})\s*조(?:\s*의\s*(\d{1,5}))?)(?:[.:]?\s+(.*)|$)")
_ANNEX = re.compile(
    r"(?:■.{0,60})?(?:[\[【<]\s*(?:별표|별지|별첨|붙임|첨부|서식|부록)[^\]】>\n]{0,30}[\]】>]"
    r"|\(\s*(?:별표|별지|별첨|붙임|첨부|서식|부록)\s*\d*\s*\))(?:[\s<(\[].*)?|부\s*칙(?:\s*[<(\[].*)?"
    r"|(?:Appendix|Annex|Exhibit|APPENDIX|ANNEX|EXHIBIT)\s+(?:[A-Z]|\d{1,2})(?:[.:]?\s+[A-Z(].*)?"
)
# What says where an annex is.
_POINTS = re.compile(r"(?:[다요오]|참조|참고)[\]】>)]?[.!]?$")
# A sentence goes on in small letters: Section 1 of this law.
_ENGLISH = re.compile(
    r"(Part|Chapter|Section|Article|PART|CHAPTER|SECTION|ARTICLE)\s+(\d{1,5}|[IVXL]{1,12}|[A-Z])\b[.:)]?(?:\s+([^a-z].*)|\s*$)"
)
_DECIMAL = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})(\.?)[ \t]+(.*)")
_NUMBERED = (
    ("roman", re.compile(rf"([{_ROMAN_SIGNS}]|[IVX]{{1,5}})\s*[.．]\s*(.*)")),
    ("ganada.", re.compile(rf"([{_GANADA}])\.\s*(.*)")),
    ("1)", re.compile(r"(\d{1,2})\)\s*(.*)")),
    ("ganada)", re.compile(rf"([{_GANADA}])\)\s*(.*)")),
    ("(1)", re.compile(r"\((\d{1,2})\)\s*(.*)")),
    ("(ganada)", re.compile(rf"\(([{_GANADA}])\)\s*(.*)")),
    ("circled", re.compile(rf"([{_CIRCLED}])\s*(.*)")),
)
_MARKED = re.compile(r"([□■◇◆▣❏○◎●])\s*(\S.*)")
_BOLD = re.compile(r"(\*\*\*|\*\*|__)(?=\S)((?:(?!\1).)+?)(?<=\S)\1\s*[:：]?")
# Names of authors, or the rest of a line.
_ENUMERATION = re.compile(r"[,.;:)]|(?:[^,]*,){3}")
_LETTER = re.compile(r"[^\W\d_]")
# A name and its value are an item of a list: 기간: 3월부터.
_LABELLED = re.compile(r"[^:：]{1,20}[:：]\s*\S")
_SENTENCE = re.compile(r"(?:[.!。！;,:，]|다|[가-힣](?:음|함|됨|임)\.?)$")
# Particles and endings of a sentence that goes on. Those that nouns end with too (정의, 결과, 경로, 사고) say nothing.
_GOES_ON = re.compile(r"(?:(?<![마가노])을|[를은는]|에서|으로|하여|및|또는|또한)$")
_LEADER = re.compile(r"(?:[.·…]\s?){3,}\s*\d*$|\t\s*\d+$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True)
class Candidate:
    """A line that may be a heading."""

    section: int
    line: int
    kind: str
    number: tuple[int, ...]
    """Empty for kinds that do not count."""
    heading: str
    rest: str = ""
    """What follows it in the same line: the beginning of an article's text."""

    @property
    def reads_as_sentence(self) -> bool:
        """Whether its words are those of a text rather than of a heading."""
        words = self.heading.rstrip(" *_")
        is_labelled = self.kind.startswith(("mark", "ganada", "1)", "(1)", "circled")) and _LABELLED.match(words)
        return bool(_SENTENCE.search(words) or _GOES_ON.search(words) or is_labelled)


def find_candidates(
    section: int, lines: Sequence[str], *, indented_is_list: bool, counted_is_list: bool = False
) -> Iterator[Candidate]:
    """Lines of one section that may be headings; code, tables and quotations hold none.

    Args:
        section: its position in the document.
        lines: its text.
        indented_is_list: whether an indented line belongs to what is above it, as in Markdown.
        counted_is_list: whether ``1.`` counts the items of lists alone: in Markdown with headings of its own.
    """
    fence = ""
    for number, line in enumerate(lines):
        opened = _FENCE.match(line)
        if opened and (not fence or opened[1].startswith(fence)):
            fence = "" if fence else opened[1]
            continue
        if fence or (indented_is_list and line[:1] in (" ", "\t")):
            continue
        text = line.strip()
        if not text or (text[0] in "|>-*+#" and not text.startswith("**")):
            continue
        found = _candidate(text)
        if found is not None:
            kind, count, heading, rest = found
            if indented_is_list and kind in ("decimal 1", "1)"):
                if counted_is_list or _is_plain(lines[number + 1 : number + 2]):
                    continue  # Markdown takes the next line for a part of this item
            elif line[0].isspace() and kind.startswith(("decimal", "1)", "(1)")):
                kind = f"indented {kind}"  # a list below numbered headings counts by itself
            yield Candidate(section, number, kind, count, " ".join(heading.split()), rest)


def _is_plain(following: Sequence[str]) -> bool:
    """Whether a line is there that is neither blank nor the beginning of something else."""
    return bool(following) and bool(following[0].strip()) and following[0].lstrip()[0] not in "|>-*+#`"


Found = tuple[str, tuple[int, ...], str, str]


def _candidate(text: str) -> Found | None:
    bold = _BOLD.fullmatch(text) if len(text) <= _LONGEST + 10 else None
    if bold:
        words = bold[2].strip().rstrip(":：").strip()
        inner = _plain_candidate(words)
        if inner is not None:
            # Numbers in bold are a level of their own: below them plain numbers count a list.
            kind, number, heading, rest = inner
            return (kind if kind in STATUTE else f"bold {kind}", number, heading, rest)
        if len(words) <= _LONGEST and _LETTER.search(words) and not _ENUMERATION.match(words):
            return "bold", (), words, ""
        return None
    return _plain_candidate(text)


def _plain_candidate(text: str) -> Found | None:
    if _LEADER.search(text[-_LONGEST:]):
        return None  # a line of a table of contents
    return _of_statute(text) or _of_count(text)


def _of_statute(text: str) -> Found | None:
    if match := _ARTICLE.match(text):
        return "조", _numbers(match[2], match[3]), match[1], match[4]
    if (match := _BARE_ARTICLE.match(text)) and len(text) <= _LONGEST:
        return "조", _numbers(match[2], match[3]), text, ""
    if (match := _PARTS.match(text)) and len(text) <= _LONGEST:
        return match[2], _numbers(match[1], match[3]), text, ""
    if len(text) <= _LONGEST_ANNEX and _ANNEX.fullmatch(text) and not _POINTS.search(text):
        return "annex", (), text, ""
    if (match := _ENGLISH.match(text)) and len(text) <= _LONGEST_ANNEX:
        number = _english_number(match[2])
        return (match[1].title(), (number,), text, "") if number else None
    return None


def _of_count(text: str) -> Found | None:
    if len(text) > _LONGEST:
        return None
    if match := _DECIMAL.fullmatch(text):
        number = tuple(map(int, match[1].split(".")))
        if _LETTER.match(match[3]) or match[3][:1] in '(「『<“"':
            return f"decimal {len(number)}", number, text, ""
        return None
    for kind, pattern in _NUMBERED:
        match = pattern.fullmatch(text)
        if match and _LETTER.search(match[2]):
            return kind, (_value(match[1]),), text, ""
    if (match := _MARKED.fullmatch(text)) and _LETTER.search(match[2]):
        return f"mark {match[1]}", (), match[2], ""
    return None


def _numbers(number: str, branch: str | None) -> tuple[int, ...]:
    return (int(number), int(branch)) if branch else (int(number),)


def _value(sign: str) -> int:
    """What a sign counts: 나 is 2, ③ is 3, Ⅳ and IV are 4."""
    for signs in (_GANADA, _CIRCLED, _ROMAN_SIGNS):
        if sign in signs:
            return signs.index(sign) + 1
    return int(sign) if sign.isdecimal() else _roman(sign)


def _english_number(sign: str) -> int:
    if sign.isdecimal():
        return int(sign)
    if set(sign) <= _ROMAN.keys():
        return _roman(sign)
    return ord(sign) - ord("A") + 1


def _roman(sign: str) -> int:
    values = [_ROMAN[letter] for letter in sign]
    return sum(-value if value < max(values[place:], default=0) else value for place, value in enumerate(values))
