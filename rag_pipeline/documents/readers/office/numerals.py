"""Numbers as lists write them (ECMA-376 part 1: ``ST_NumberFormat``, ``ST_TextAutonumberScheme``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_GANADA = "가나다라마바사아자차카타파하"
_CHOSUNG = "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"
_KOREAN = "영일이삼사오육칠팔구"
_CHINESE = "〇一二三四五六七八九"
_NATIVE_ONES = ("", "하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_LONGEST = 100  # letters of one number: Word repeats a letter for each round of the alphabet
_LARGEST = 1_000_000


def written_number(number: int, form: str) -> str:
    """A number in a format of Word, such as ``ganada``; in digits where it has no sign for it, or is unknown."""
    write = _FORMATS.get(form)
    return (write(number) if write is not None and 0 <= number < _LARGEST else "") or str(number)


def _repeated(signs: str) -> Callable[[int], str]:
    """From a to z, then from aa to zz, and so on."""
    return lambda number: (
        signs[(number - 1) % len(signs)] * min((number - 1) // len(signs) + 1, _LONGEST) if number else ""
    )


def _again(signs: str) -> Callable[[int], str]:
    """From the first sign again after the last."""
    return lambda number: signs[(number - 1) % len(signs)] if number else ""


def _row(first: str, count: int) -> Callable[[int], str]:
    """Signs that follow each other in Unicode, as far as there are any."""
    return lambda number: chr(ord(first) + number - 1) if 1 <= number <= count else ""


def _digits(signs: str) -> Callable[[int], str]:
    return lambda number: "".join(signs[int(digit)] for digit in str(number))


def counted(digits: str, tens: Sequence[str], large: str, *, leave_one: Sequence[str]) -> Callable[[int], str]:
    """십이, 이백삼: digits with ten, hundred and thousand; ``leave_one`` are those before which no "one" is said."""

    def below(number: int) -> str:
        parts = []
        for place, sign in zip((1000, 100, 10), reversed(tens), strict=True):
            digit = number // place % 10
            if digit:
                parts.append(sign if digit == 1 and sign in leave_one else f"{digits[digit]}{sign}")
        return "".join(parts) + (digits[number % 10] if number % 10 else "")

    def write(number: int) -> str:
        if number == 0:
            return digits[0]
        upper, lower = divmod(number, 10_000)
        high = "" if not upper else large if upper == 1 and large in leave_one else f"{below(upper)}{large}"
        return high + below(lower)

    return write


def roman(number: int) -> str:
    """A Roman number in small letters; empty where there is none."""
    if not 0 < number < 5000:
        return ""
    signs = []
    for value, sign in _ROMAN:
        signs.append(sign * (number // value))
        number %= value
    return "".join(signs)


def _native(number: int) -> str:
    return _NATIVE_TENS[number // 10] + _NATIVE_ONES[number % 10] if 0 < number < 100 else ""


def _ordinal(number: int) -> str:
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


_counting = counted(_KOREAN, "십백천", "만", leave_one="십백천만")
_chinese = counted(_CHINESE, "十百千", "万", leave_one="十")
_FORMATS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimalHalfWidth": str,
    "decimalZero": lambda number: f"{number:02d}",
    "decimalFullWidth": _digits("０１２３４５６７８９"),
    "decimalFullWidth2": _digits("０１２３４５６７８９"),
    "decimalEnclosedCircle": _row("①", 20),
    "decimalEnclosedCircleChinese": _row("①", 20),
    "decimalEnclosedParen": _row("⑴", 20),
    "decimalEnclosedFullstop": _row("⒈", 20),
    "numberInDash": lambda number: f"- {number} -",
    "ordinal": _ordinal,
    "hex": lambda number: f"{number:X}",
    "upperRoman": lambda number: roman(number).upper(),
    "lowerRoman": roman,
    "upperLetter": _repeated(_LETTERS.upper()),
    "lowerLetter": _repeated(_LETTERS),
    "ganada": _again(_GANADA),
    "chosung": _again(_CHOSUNG),
    "koreanDigital": _digits(_KOREAN),
    "koreanDigital2": _digits("零" + _CHINESE[1:]),
    "koreanCounting": _counting,
    "koreanLegal": _native,
    "chineseCounting": _chinese,
    "chineseCountingThousand": _chinese,
    "japaneseCounting": _chinese,
    "taiwaneseCounting": _chinese,
    "taiwaneseCountingThousand": _chinese,
    "japaneseDigitalTenThousand": _digits(_CHINESE),
    "ideographDigital": _digits(_CHINESE),
    "taiwaneseDigital": _digits(_CHINESE),
    "ideographEnclosedCircle": _row("㊀", 10),
    "ideographTraditional": _again("甲乙丙丁戊己庚辛壬癸"),
    "ideographZodiac": _again("子丑寅卯辰巳午未申酉戌亥"),
    "aiueo": _again("ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜｦﾝ"),
    "aiueoFullWidth": _again(
        "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
    ),
    "iroha": _again("ｲﾛﾊﾆﾎﾍﾄﾁﾘﾇﾙｦﾜｶﾖﾀﾚｿﾂﾈﾅﾗﾑｳﾉｵｸﾔﾏｹﾌｺｴﾃｱｻｷﾕﾒﾐｼﾋﾓｾｽ"),
    "irohaFullWidth": _again(
        "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
    ),
    "russianLower": _repeated("абвгдежзиклмнопрстуфхцчшщыэюя"),
    "russianUpper": _repeated("АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЭЮЯ"),
}

# The schemes of slides are a format and what stands around it.
_SLIDE_FORMATS = (
    ("circleNum", "decimalEnclosedCircle"),
    ("alphaLc", "lowerLetter"),
    ("alphaUc", "upperLetter"),
    ("romanLc", "lowerRoman"),
    ("romanUc", "upperRoman"),
    ("ea1", "chineseCounting"),
    ("arabicDb", "decimalFullWidth"),
)


def slide_number(number: int, scheme: str) -> str:
    """A number in a scheme of PowerPoint, such as ``arabicParenBoth``."""
    form = next((form for start, form in _SLIDE_FORMATS if scheme.startswith(start)), "decimal")
    text = written_number(number, form)
    if scheme.endswith("ParenBoth"):
        return f"({text})"
    return text + (")" if scheme.endswith("ParenR") else "." if scheme.endswith("Period") else "")
