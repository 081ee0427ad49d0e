"""Figures as Koreans write them, as plain numbers: ``6만5천`` is 65000, ``'16년`` is 2016년, ``이십 미터`` is 20 미터.

Texts, questions and answers are all read by this one module, so that a figure is found and checked by its value,
whatever its spelling.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SMALL = {"십": 10, "백": 100, "천": 1000}
_LARGE = {"만": 10**4, "억": 10**8, "조": 10**12}
SCALES = {scale: Decimal(size) for scale, size in {**_SMALL, **_LARGE}.items()}
"""What Korean scales multiply a number by."""
_DIGITS = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "륙": 6, "칠": 7, "팔": 8, "구": 9}
# A smaller figure counts things, and a range that is wider says little of what it is about.
_SMALLEST_FIGURE = 10.0
_WIDEST_RANGE = 4.0
# With those of a scale, 28, which is what decimal arithmetic holds.
_MOST_DIGITS = 16
# Units and counters before which a numeral in letters is a number and not a syllable of some word.
_COUNTED = (
    r"(?:밀리|센티|킬로)?(?:미터|그램|리터)|톤|노트|해리|퍼센트|원|달러|유로|엔|명|척|개|배럴|마력|킬로와트|메가와트"
    r"|킬로|제곱미터|세제곱미터|TEU|teu|km|kg|m|t|DWT|dwt"
)
_SUM_OF_MONEY = r"(?:여\s?)?(?:원|달러|유로|엔|위안)"

_PART = rf"{NUMBER}\s?(?:[십백천]\s?)?(?:[만억]|조(?=\s?\d|\s?{_SUM_OF_MONEY}))|{NUMBER}\s?[십백천]"
# Further parts: with a scale of their own, or written at once, or with the commas of a number of thousands.
_FURTHER = rf"(?:\s?(?:{_PART})|\d{{1,4}}(?![\d,.])|\s?\d,\d{{3}}(?![\d,.]))"
_MIXED = re.compile(rf"(?<![\d.,제])(?:{_PART}){_FURTHER}*(?!큼|일\s|세기)")
# Both ends of "15~16만 톤" are counted in 만.
_SHARED_SCALE = re.compile(rf"(?<![\d.,만억조천])({NUMBER})(\s?[~∼〜–-]\s?)({NUMBER})\s?([백천]?[만억]|천)(?![\d])")
_AFTER_A_UNIT = r"급|의|이|가|을|를|은|는|까지|에|로|짜리|이상|이하|쯤"
_SPELLED = re.compile(
    rf"(?<![가-힣\d])((?:[일이삼사오육륙칠팔구]?[십백천만억]|[일이삼사오육륙칠팔구](?=[만억]))+[일이삼사오육륙칠팔구]?)"
    rf"(?=\s?(?:{_COUNTED})(?:(?![가-힣a-zA-Z])|{_AFTER_A_UNIT}))"
)
_SHORT_YEAR = re.compile(r"(?<![\w'’‘`])['’‘`](\d{2})(?=\s?년)")
_DATE = re.compile(
    r"(?<![\d.])(1\d{3}|20\d{2})\s?[.\-/]\s?(0?[1-9]|1[0-2])\s?[.\-/]\s?(0?[1-9]|[12]\d|3[01])(?:\.(?!\d)|(?![\d.]))"
)


def in_digits(text: str) -> str:
    """A text with its Korean figures, short years and dates in one spelling each.

    ``6만5천 톤`` becomes ``65000 톤``, ``15만~16만`` ``150000~160000``, ``1억 2천만`` ``120000000``, ``이십 미터``
    ``20 미터``, ``'16년`` ``2016년``, ``2016. 6. 26.`` ``2016년 6월 26일``. Articles of a law (``제2조``) are no
    figures, and numerals in letters are only before a unit.

    Args:
        text: in NFKC.
    """
    text = _SHARED_SCALE.sub(_both_scaled, text)
    text = _MIXED.sub(lambda match: _plain(value(match[0])) if _is_sane(match[0]) else match[0], text)
    text = _SPELLED.sub(lambda match: _plain(_spelled(match[1])) if _is_sane(match[1]) else match[1], text)
    text = _SHORT_YEAR.sub(lambda match: ("19" if int(match[1]) >= 50 else "20") + match[1], text)
    return _DATE.sub(lambda match: f"{match[1]}년 {int(match[2])}월 {int(match[3])}일", text)


def steps_between(first: float, second: float) -> range:
    """Steps of size, of 4 % each, from one figure to a larger one; empty where they lie too far apart to say anything.

    A figure lies within a range of figures if its step is among those of the range, but for 4 % at each end.
    """
    # Hundreds of digits are infinite as a float.
    if not (_SMALLEST_FIGURE <= first <= second <= first * _WIDEST_RANGE and math.isfinite(second)):
        return range(0)
    return range(_step(first), _step(second) + 1)


def _step(figure: float) -> int:
    return math.floor(math.log(figure) / math.log(1.04))


def value(figure: str) -> Decimal:
    """What a figure of digits and Korean scales amounts to: ``1억 2,000만 500`` is 120000500."""
    total = section = number = Decimal(0)
    for part in re.findall(rf"{NUMBER}|[십백천만억조]", figure):
        if part in _LARGE:
            section += number
            total += (section or 1) * _LARGE[part]
            section = number = Decimal(0)
        elif part in _SMALL:
            section += (number or 1) * _SMALL[part]
            number = Decimal(0)
        else:
            section += number
            number = Decimal(part.replace(",", ""))
    return total + section + number


def _spelled(letters: str) -> Decimal:
    return value("".join(str(_DIGITS[letter]) if letter in _DIGITS else letter for letter in letters))


def _both_scaled(match: re.Match[str]) -> str:
    if not (_is_sane(match[1]) and _is_sane(match[3])):
        return match[0]
    first, second = value(match[1] + match[4]), value(match[3] + match[4])
    return f"{_plain(first)}{match[2]}{_plain(second)}" if first < second else match[0]


def _is_sane(figure: str) -> bool:
    """Whether a figure is short enough to be one; what is longer would be rounded, or end decimal arithmetic."""
    return sum(letter.isdecimal() for letter in figure) <= _MOST_DIGITS


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
