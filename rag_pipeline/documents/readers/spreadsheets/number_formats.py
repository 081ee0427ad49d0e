"""Numbers of an XLSX file as a person sees them (ECMA-376, part 1, 18.8.31): dates, percentages, money.

Dates come out in ISO 8601, whatever their format. Digits are added as a format wants them, and never cut.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

# Formats that files only number: those of ECMA-376, 18.8.30, and the East Asian ones, all of them dates.
_BUILT_IN = {
    2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 22: "yyyy-mm-dd hh:mm", 37: "#,##0", 38: "#,##0",
    39: "#,##0.00", 40: "#,##0.00", 41: "#,##0", 42: "#,##0", 43: "#,##0.00", 44: "#,##0.00", 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss", **dict.fromkeys([14, 15, 16, 17, *range(27, 32), 36, *range(50, 59)], "yyyy-mm-dd"),
    **dict.fromkeys([18, 19, 20, 21, 32, 33, 34, 35], "hh:mm"),
}  # fmt: skip
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_CURRENCY = re.compile(r"\[\$([^\]-]*)[^\]]*\]")
_IN_BRACKETS = re.compile(r"\[[^\]]*\]")
# Quoted text, one character after a backslash; padding (_x) and filling (*x) are no text.
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|[_*].')
_PLAIN = re.compile(r"-?[0-9]{1,15}")
# No more digits than a number has exactly, and none at the end that say nothing.
_PLAIN_FRACTION = re.compile(r"-?[0-9]{1,7}\.[0-9]{0,7}[1-9]")
_PLACES = re.compile(r"[0#?.,]*[0#?][0#?.,]*")
_DASHED = re.compile(r"[0#]+(?:-[0#]+)+")
_MARK = "\0"
# From here on Excel counts a day that never was, the 29th of February 1900.
_AFTER_FALSE_DAY = 60
_LAST_DAY = 2_958_465
_SECONDS = 86_400
# A format of a time of day alone, with a whole day or more in it: a sum of hours rather than a date.
_A_YEAR = 366

Shown = Callable[[str], str]


def number_format(code: str | int, *, from_1904: bool = False) -> Shown:
    """What shows a number, given as the file writes it.

    Args:
        code: a format, or the number of a built-in one.
        from_1904: whether days are counted from 1904, as on old Macs.
    """
    text = _BUILT_IN.get(code, "General") if isinstance(code, int) else code
    text = _first_section(text)
    if text.lower() in ("general", "@", ""):
        return plain_number
    elapsed = _ELAPSED.search(text)
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(match[1] or match[2] or "")
        return _MARK

    bare = _CURRENCY.sub(lambda match: f'"{match[1]}"', text)
    bare = _LITERAL.sub(keep, _IN_BRACKETS.sub("", bare))
    letters = bare.lower().replace("am/pm", "").replace("a/p", "")
    has_time = bool(elapsed) or "h" in letters or "s" in letters
    has_date = "y" in letters or "d" in letters or ("m" in letters and not has_time)
    if elapsed:
        return lambda raw: _shown(raw, lambda days: _duration(days, with_seconds="s" in letters or "s" in elapsed[1]))
    if has_date or has_time:
        return lambda raw: _shown(raw, lambda days: _moment(days, has_date=has_date, from_1904=from_1904))
    if dashed := _DASHED.fullmatch(bare.replace(_MARK, "-") if set(literals) <= {"-"} else bare):
        return lambda raw: _dashed(raw, dashed[0])
    return _figures(bare, literals)


def plain_number(raw: str) -> str:
    """A number without a format: no more digits than a spreadsheet has, and no exponent where a person writes none."""
    if _PLAIN.fullmatch(raw) or _PLAIN_FRACTION.fullmatch(raw):
        return raw
    try:
        value = Decimal(raw)
        if not math.isfinite(float(raw)):
            return raw
        if value == value.to_integral_value() and abs(value) < 10**21:
            return f"{value.quantize(Decimal(1)) if value else 0:f}"
        value = Decimal(f"{float(raw):.15g}")
        small = Decimal("1e-10") < abs(value) < 10**21
        return f"{value.normalize():f}" if small else f"{float(value):g}"
    except (InvalidOperation, ValueError, OverflowError):
        return raw


def _first_section(code: str) -> str:
    """The format of positive numbers: sections are parted by semicolons that are not quoted."""
    quoted = False
    for index, character in enumerate(code):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted and code[index - 1 : index] != "\\":
            return code[:index]
    return code


def _shown(raw: str, show: Callable[[float], str]) -> str:
    try:
        return show(float(raw))
    except (ValueError, OverflowError):
        return plain_number(raw)


def _moment(days: float, *, has_date: bool, from_1904: bool) -> str:
    seconds = round((days - int(days)) * _SECONDS)
    whole, seconds = int(days) + seconds // _SECONDS, seconds % _SECONDS
    time = (datetime.datetime.min + datetime.timedelta(seconds=seconds)).time()
    clock = time.isoformat("seconds" if time.second else "minutes")
    if not has_date and whole < _A_YEAR:
        return clock
    if not 0 <= days <= _LAST_DAY:
        raise ValueError("beyond the calendar of a spreadsheet")
    if from_1904:
        date = datetime.date(1904, 1, 1) + datetime.timedelta(days=whole)
    else:
        date = datetime.date(1899, 12, 30 if whole >= _AFTER_FALSE_DAY else 31) + datetime.timedelta(days=whole)
    return f"{date.isoformat()} {clock}" if seconds else date.isoformat()


def _duration(days: float, *, with_seconds: bool) -> str:
    seconds = round(abs(days) * _SECONDS)
    shown = f"{'-' if days < 0 else ''}{seconds // 3600}:{seconds // 60 % 60:02}"
    return f"{shown}:{seconds % 60:02}" if with_seconds or seconds % 60 else shown


def _dashed(raw: str, places: str) -> str:
    """Digits with dashes between them, as of a telephone."""
    digits = plain_number(raw)
    if not digits.isdigit():
        return digits
    digits = digits.zfill(places.count("0"))
    shown = ""
    for place in reversed(places):
        if place == "-":
            shown = f"-{shown}"
        elif digits:
            digits, shown = digits[:-1], digits[-1] + shown
    return (digits + shown).lstrip("-")


def _figures(bare: str, literals: list[str]) -> Shown:
    match = _PLACES.search(bare)
    if match is None or "/" in bare or "e" in bare.lower():
        return plain_number
    places = match[0]
    before, after = bare[: match.start()], bare[match.end() :]
    count = before.count(_MARK)
    prefix, suffix = _affix(before, literals[:count]).lstrip(" (-+"), _affix(after, literals[count:]).rstrip(" )")
    scale = len(places) - len(places.rstrip(","))
    whole, _, fraction = places.rstrip(",").partition(".")
    grouped, decimals = "," in whole, fraction.count("0")
    digits = whole.replace(",", "").count("0")

    def show(raw: str) -> str:
        try:
            value = Decimal(raw if _PLAIN.fullmatch(raw) else f"{float(raw):.15g}")
        except (InvalidOperation, ValueError):
            return raw
        value = value.scaleb((2 if "%" in bare else 0) - 3 * scale)
        if not value.is_finite() or abs(value) >= 10**30:
            return plain_number(raw)
        sign, text = ("-" if value < 0 else ""), f"{abs(value):f}"
        integer, _, rest = text.partition(".")
        integer = integer.zfill(digits)
        rest = rest.rstrip("0").ljust(decimals, "0")
        integer = f"{int(integer):,}" if grouped else integer
        return f"{sign}{prefix}{integer}{'.' + rest if rest else ''}{suffix}"

    return show


def _affix(bare: str, literals: list[str]) -> str:
    """Text beside the digits, such as ₩ or 원."""
    rest = iter(literals)
    return "".join(next(rest, "") if character == _MARK else character for character in bare)
