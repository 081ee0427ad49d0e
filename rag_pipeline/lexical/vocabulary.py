"""Words that the analysis treats in a way of their own."""

from __future__ import annotations

_STOP_WORDS = """
a about after all also am an and any are as at be because been before being between both but by can could did do
does doing down during each few for from further had has have having he her here hers him his how i if in into is
it its itself just me more most my no nor not of off on once only or other our out over own same she should so
some such than that the their theirs them then there these they this those through to too under until up very was
we were what when where which while who whom whose why will with would you your
"""
ENGLISH_STOP_WORDS = frozenset(_STOP_WORDS.split())

# Verbs that stand in nearly every sentence: do, become, be there, be, not be there, be like.
FUNCTION_VERBS = frozenset({"하", "되", "있", "이", "없", "같"})

_UNIT_NAMES = {
    "m": "미터 meter meters metre metres",
    "km": "킬로미터 kilometer kilometers kilometre kilometres",
    "cm": "센티미터 센티 centimeter centimeters centimetre centimetres",
    "mm": "밀리미터 millimeter millimeters millimetre millimetres",
    "kg": "킬로그램 킬로 kilogram kilograms",
    "g": "그램 gram grams",
    "t": "톤 ton tons tonne tonnes",
    "kn": "노트 knot knots kt kts",
    "nm": "해리",
    "%": "퍼센트 프로 percent",
    "l": "리터 liter liters litre litres",
    "kw": "킬로와트 kilowatt kilowatts",
    "mw": "메가와트 megawatt megawatts",
    "h": "시간 hour hours",
    "min": "분 minute minutes",
    "s": "초 second seconds",
    "won": "원 krw",
    "usd": "달러 dollar dollars",
    "teu": "티이유",
}

UNITS = {name: unit for unit, names in _UNIT_NAMES.items() for name in [unit, *names.split()]}
"""One spelling for each unit: Korean names, English names and signs."""
