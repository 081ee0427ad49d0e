"""A text becomes the terms it can be found by: Korean morphemes, Latin words, numbers with their units.

Korean is cut by Kiwi (Lee, 2024, "Kiwi: Developing a Korean Morphological Analyzer Based on Statistical Language
Models and Skip-Bigram"), since a word of it carries its particles and endings with it. Its part-of-speech tags are
those of the Sejong corpus with additions of its own.
"""

from __future__ import annotations

import functools
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from rag_pipeline import forking
from rag_pipeline.figures import in_digits, steps_between
from rag_pipeline.lexical.glosses import SIGN, glosses
from rag_pipeline.lexical.sounds import korean_sound, latin_sounds
from rag_pipeline.lexical.stems import stem
from rag_pipeline.lexical.vocabulary import ENGLISH_STOP_WORDS, FUNCTION_VERBS, UNITS
from rag_pipeline.text import hangul_count, is_korean, normalized

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token

# To be raised when the same text gives other terms than before: an index of other rules is rebuilt.
RULES = 2
KOREAN, OTHER = "ko", "other"

_CONTENT = frozenset(["NNG", "NNP", "NNB", "NR", "VV", "VA", "XR", "SL", "SH", "SN", "MM", "MAG"])
_NOUN = frozenset(["NNG", "NNP", "NNB", "NR", "XSN", "XPN", "SN", "SL", "SH"])
_VERB = frozenset({"VV", "VA"})
_NAMING = frozenset(["NNG", "NNP", "XR", "XSN", "XPN", "SH", "MM"])
_LONGEST_NAME = 30
_RANGE_SIGNS = frozenset(["~", "-", "–", "∼", "to", "and", "에서", "부터"])
_SPLITTABLE = frozenset({"NNG", "NNP"})
_UNIT = frozenset({"NNB", "NNG", "SL", "SW"})
_SHORTEST_LATIN = 4
_SHORTEST_LOANWORD = 3
_LONGEST_RANGE_SIGN = 2
_LEAST_COMPOUND = 3
_LEAST_PIECE = 2
_WHOLE_IDEOGRAPHS = 2
# Kiwi looks for words in pieces of about this length; on a run of Latin letters that is longer, such as encoded data,
# it takes time by the square of its length.
_RUN = re.compile(r"\S{1000}")


@dataclass(frozen=True)
class Terms:
    """What a text can be found by, in three kinds that are weighed apart."""

    words: list[str]
    """Content morphemes in their order, the parts of compound nouns among them; verbs end in ``/V``."""
    compounds: list[str]
    """Neighbouring nouns of one word written as one, and numbers with their units: ``+컨테이너선``, ``+12.04m``."""
    pairs: list[str]
    """Each content morpheme with the next: ``최대_흘수``."""
    content: list[str] = field(default_factory=list)
    """The words in their order, without the parts of compound nouns."""
    ranges: list[str] = field(default_factory=list)
    """Steps of size that the text's ranges of figures cover, from ``65,000~75,000``."""
    figures: list[str] = field(default_factory=list)
    """The step of size of each single figure; a question's are looked up among the ranges of texts."""
    glosses: list[str] = field(default_factory=list)
    """Terms that the text explains in the other script, both ways round: ``파나막스≡panamax``."""
    sounds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """How names sound, by word, to be found in the other script: ``파나마`` → ``k:PNM``, ``panama`` → ``l:PNM``."""
    language: str = OTHER
    """``ko`` if the text is Korean, else ``other``."""


def analyze(texts: Sequence[str]) -> list[Terms]:
    """Terms of each text. The analyser is loaded at the first call (0.8 s) and kept."""
    normal = [in_digits(_RUN.sub(r"\g<0> ", normalized("NFKC", text))) for text in texts]
    with _LOCK:
        return [_terms(text, tokens) for text, tokens in zip(normal, _kiwi().tokenize(normal), strict=True)]


def load() -> None:
    """Load the analyser now rather than at the first text."""
    with _LOCK:
        _kiwi()


def version() -> str:
    """What the terms depend on: our rules, and the analyser's model."""
    import kiwipiepy_model

    return f"{RULES} kiwi {kiwipiepy_model.__version__}"


_LOCK = threading.RLock()
forking.renew_locks(sys.modules[__name__])


@functools.cache
def _kiwi() -> Kiwi:
    from kiwipiepy import Kiwi

    # The dictionaries of typing errors and of terms of several words take 1.7 of 2.5 seconds to load.
    return Kiwi(load_multi_dict=False, load_typo_dict=False, model_type="cong")


def _in_child() -> None:
    """The analyser cuts texts in threads of its own, which a fork leaves behind."""
    if _kiwi.cache_info().currsize:
        forking.keep(_kiwi())
    _kiwi.cache_clear()


forking.after_fork(_in_child)


def _terms(text: str, tokens: Sequence[Token]) -> Terms:
    content: list[str] = []
    pieces: list[str] = []
    for token in tokens:
        content += filter(None, _words(token.form, _tag(token)))
        if _tag(token) in _SPLITTABLE:
            pieces += _pieces(token.form)
    pairs = [f"{first}_{second}" for first, second in pairwise(content)]
    ranges, figures = _sizes(tokens)
    explained = [SIGN.join(two) for pair in glosses(text, _nouns_at_end) for two in (pair, pair[::-1])]
    return Terms(
        content + pieces,
        list(_compounds(tokens)),
        pairs,
        content,
        ranges,
        figures,
        list(dict.fromkeys(explained)),
        _sounds(tokens),
        KOREAN if is_korean(text) else OTHER,
    )


def _sounds(tokens: Sequence[Token]) -> dict[str, tuple[str, ...]]:
    """Of Latin words, and of Korean nouns that may be names or loanwords, by the word as it is among the terms."""
    found: dict[str, tuple[str, ...]] = {}
    for token in tokens:
        tag, word = _tag(token), _clean(token.form)
        if tag == "SL" and len(word) >= _SHORTEST_LATIN and word not in ENGLISH_STOP_WORDS:
            found[stem(word)] = tuple(f"l:{sound}" for sound in latin_sounds(word))
        elif tag == "NNP" or (tag == "NNG" and len(word) >= _SHORTEST_LOANWORD):
            sound = korean_sound(word) if len(word) >= 2 else ""
            found[word] = (f"k:{sound}",) if sound else ()
    return found


@functools.lru_cache(maxsize=1 << 14)
def _nouns_at_end(phrase: str) -> tuple[tuple[str, ...], ...]:
    """The nouns that a phrase ends with, word by word; empty if it ends with something else."""
    words: dict[int, list[str]] = {}
    for token in reversed(_kiwi().tokenize(phrase[-_LONGEST_NAME:])):
        if _tag(token) not in _NAMING:
            break
        words.setdefault(token.word_position, []).insert(0, _clean(token.form))
    return tuple(tuple(word) for word in reversed(words.values()))


def _tag(token: Token) -> str:
    return str(token.tag).partition("-")[0]  # "VV-R": a regular verb


def _words(form: str, tag: str) -> Iterator[str]:
    if tag == "SN":
        yield _number(form)
    elif tag == "SL":
        word = _clean(form)
        if word and word not in ENGLISH_STOP_WORDS:
            yield stem(word)
    elif tag in _VERB:
        if form not in FUNCTION_VERBS:
            yield f"{form}/V"
    elif tag == "SH":
        yield from _ideographs(form)
    elif tag in _CONTENT or tag.startswith("W_"):
        yield _clean(form)
    elif tag == "SW" and any(letter.isalpha() for letter in form):
        # Kiwi's name for letters of other scripts. Kana are written without spaces, as ideographs are.
        yield from _ideographs(form) if _is_kana(form) else [_clean(form)]


def _clean(form: str) -> str:
    # The index cuts at white space; Kiwi takes the full stop after a short Latin word to be a part of it.
    return "".join(form.casefold().split()).rstrip(".")


def _number(form: str) -> str:
    """``65,000`` and ``65000``, ``12.40`` and ``12.4`` are one number."""
    whole, point, decimals = form.replace(",", "").partition(".")
    if point and whole.isdigit() and decimals.isdigit():
        decimals = decimals.rstrip("0")
        return f"{whole}.{decimals}" if decimals else whole
    return form.replace(",", "")


def _ideographs(form: str) -> list[str]:
    if len(form) <= _WHOLE_IDEOGRAPHS:
        return [form]
    return [form[start : start + 2] for start in range(len(form) - 1)]


def _is_kana(form: str) -> bool:
    return any("\u3040" <= letter <= "\u30ff" for letter in form)


@functools.lru_cache(maxsize=1 << 16)
def _pieces(noun: str) -> tuple[str, ...]:
    """The nouns that a noun is made of, where Kiwi knows it as one: ``컨테이너선`` is found by ``컨테이너``."""
    if len(noun) < _LEAST_COMPOUND or hangul_count(noun) < len(noun):
        return ()
    tokens = _kiwi().tokenize(noun, blocklist=[noun])
    if len(tokens) < 2 or any(_tag(token) not in _NOUN for token in tokens):
        return ()
    return tuple(_clean(token.form) for token in tokens if len(token.form) >= _LEAST_PIECE)


def _compounds(tokens: Sequence[Token]) -> Iterator[str]:
    run: list[Token] = []
    for token in tokens:
        is_noun = _tag(token) in _NOUN
        if run and not (is_noun and token.word_position == run[-1].word_position):
            yield from _joined(run)
            run = []
        if is_noun:
            run.append(token)
    yield from _joined(run)
    yield from _measures(tokens)


def _joined(run: Sequence[Token]) -> Iterator[str]:
    if len(run) < 2 or (len(run) == 2 and _tag(run[0]) == "SN" and _unit(run[1]) is not None):
        return
    yield "+" + "".join(_number(token.form) if _tag(token) == "SN" else _clean(token.form) for token in run)


def _measures(tokens: Sequence[Token]) -> Iterator[str]:
    """Numbers with the unit after them, written together or apart, in either language; both ends of a range."""
    for place, (number, token) in enumerate(pairwise(tokens)):
        unit = _unit(token)
        if unit is not None and _tag(number) == "SN":
            yield f"+{_number(number.form)}{unit}"
            if place >= 2 and _tag(tokens[place - 2]) == "SN" and _clean(tokens[place - 1].form) in _RANGE_SIGNS:
                yield f"+{_number(tokens[place - 2].form)}{unit}"


def _sizes(tokens: Sequence[Token]) -> tuple[list[str], list[str]]:
    """Steps of size between both ends of each range, and those of all other figures."""
    numbers = [place for place, token in enumerate(tokens) if _tag(token) == "SN"]
    values = {place: _value(tokens[place].form) for place in numbers}
    ranges: list[str] = []
    ends: set[int] = set()
    for first, second in pairwise(numbers):
        between = tokens[first + 1 : second]
        # "65,000~75,000 t" and "65,000 t to 75,000 t"
        signs = [token for token in between if _unit(token) is None]
        if len(between) <= _LONGEST_RANGE_SIGN and len(signs) == 1 and _clean(signs[0].form) in _RANGE_SIGNS:
            steps = steps_between(values[first], values[second])
            ranges += [f"≈{step}" for step in steps]
            ends |= {first, second} if steps else set()
    singles = [step for place in numbers if place not in ends for step in steps_between(values[place], values[place])]
    return ranges, [f"≈{step}" for step in dict.fromkeys(singles)]


def _value(form: str) -> float:
    try:
        return float(_number(form))
    except ValueError:
        return 0.0  # an address of a network, or a number of a version


def _unit(token: Token) -> str | None:
    return UNITS.get(_clean(token.form)) if _tag(token) in _UNIT else None
