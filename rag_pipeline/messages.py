"""What the command line says, in the language of who reads it: English, and Korean where the locale is Korean.

English is the text in the code, marked by :func:`_` or :func:`N_`; the rest is in ``locale/``, as gettext has it.
``scripts/catalogue.py`` brings the two in step. The command line chooses the language for as long as it runs; for
whoever calls this package from Python everything is English.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gettext import GNUTranslations

Language = Literal["en", "ko"]
DOMAIN = "rag_pipeline"
FOLDER = Path(__file__).with_name("locale")
_KNOWN: tuple[Language, ...] = ("en", "ko")
_language: Language = "en"


def _(message: str) -> str:
    """A text of the command line in the language that is spoken; with a mark for who gathers such texts."""
    return message if _language == "en" else _catalogue(_language).gettext(message)


def ngettext(one: str, several: str, count: int) -> str:
    """As :func:`_`, for a text that differs between one and several."""
    if _language == "en":
        return one if count == 1 else several
    return _catalogue(_language).ngettext(one, several, count)


def N_(message: str) -> str:  # noqa: N802 (the name that tools for gettext look for)
    """A text that is marked here and translated later, where it is shown."""
    return message


def spoken() -> Language:
    """The language that is spoken now."""
    return _language


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak a language for as long as the context lasts, in the whole process."""
    global _language  # noqa: PLW0603
    before, _language = _language, language
    try:
        yield
    finally:
        _language = before


def language_of(environment: Mapping[str, str] = os.environ) -> Language:
    """The language that an environment asks for.

    The locale is the first of ``LC_ALL``, ``LC_MESSAGES`` and ``LANG`` that is not empty, as POSIX has it.
    ``LANGUAGE``, a list by preference, goes before it, except where the locale is C, as GNU gettext has it.
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := environment.get(name))), "C")
    if _language_code(locale) in ("c", "posix"):
        return "en"
    for wanted in (*environment.get("LANGUAGE", "").split(":"), locale):
        for language in _KNOWN:
            if _language_code(wanted) == language:
                return language
    return "en"


def _language_code(locale: str) -> str:
    """``ko`` of ``ko_KR.UTF-8@modifier``."""
    return locale.replace("-", "_").partition("@")[0].partition(".")[0].partition("_")[0].lower()


@cache
def _catalogue(language: Language) -> GNUTranslations:
    # Imported only where it is wanted: a question to a warm server has little time.
    import gettext

    return gettext.translation(DOMAIN, FOLDER, [language])
