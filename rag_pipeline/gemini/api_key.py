"""The Gemini API key: found once, shown never."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from pydantic import SecretStr

from rag_pipeline.errors import ConfigurationError
from rag_pipeline.masking import mask_keys

# In the SDK's own order. It lets an empty GOOGLE_API_KEY hide a good GEMINI_API_KEY; we do not.
KEY_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
BASE_URL_VARIABLE = "GOOGLE_GEMINI_BASE_URL"
KEY_PAGE = "https://aistudio.google.com/apikey"
_ADDRESS = re.compile(r"https?://[^/\s]+", re.IGNORECASE)
_VERSION = re.compile(r"(?P<base>https?://[^/\s]+.*?)/+(?P<version>v\d+(?:(?:alpha|beta)\d*)?)/*", re.IGNORECASE)
# The paths of calls, and those of Google's imitation of another API.
_TOO_LONG = re.compile(r"/(?:models|openai|tunedModels)(?:[/:].*)?$|[?#].*$")


@dataclass(frozen=True)
class ApiKey:
    """A key and where it came from."""

    secret: SecretStr
    origin: str
    """The environment variable, or ``the caller``."""

    def scrub(self, text: str) -> str:
        """The text with this key masked, should a server have repeated it, and whatever else looks like a key."""
        return mask_keys(text, [self.secret.get_secret_value()])


def has_api_key() -> bool:
    """Whether the environment holds a key."""
    return any(os.environ.get(name, "").strip() for name in KEY_VARIABLES)


def find_api_key(given: str | SecretStr | None = None) -> ApiKey:
    """The key a caller gave, or that of the environment.

    Raises:
        ConfigurationError: there is none.
    """
    if given is not None:
        value = given.get_secret_value() if isinstance(given, SecretStr) else given
        if value.strip():
            return _checked(value.strip(), "the caller")
    for name in KEY_VARIABLES:
        value = os.environ.get(name, "").strip()
        if value:
            return _checked(value, name)
    raise ConfigurationError(
        f"no Gemini API key: set {KEY_VARIABLES[0]} in the environment or in a file .env next to config.yaml;"
        f" keys are made at {KEY_PAGE}"
    )


def find_base_url(given: str | None = None) -> str | None:
    """Where Gemini is called: as given, or as the environment says; None: the SDK's own address.

    Raises:
        ConfigurationError: it is no address of http or https.
    """
    url = given or os.environ.get(BASE_URL_VARIABLE, "").strip() or None
    if url is not None and not _ADDRESS.match(url):
        origin = "base_url" if given else BASE_URL_VARIABLE
        raise ConfigurationError(
            f"{origin}: found {mask_keys(url)!r}; an address begins with http:// or https:// and a host"
        )
    if url is not None and (tail := _TOO_LONG.search(url)):
        origin = "base_url" if given else BASE_URL_VARIABLE
        raise ConfigurationError(
            f"{origin}: found {mask_keys(url)!r}; leave out {tail[0]!r}: the path of a call is added to an address,"
            " which ends with its host, or with the version, as in /v1beta"
        )
    return url


def split_version(base_url: str | None) -> tuple[str | None, str | None]:
    """A base URL without the version of the API at its end, and the version: the SDK adds one in any case.

    Args:
        base_url: from :func:`find_base_url`.

    Returns:
        what the SDK takes as base URL, and the version; None: the SDK's own, ``v1beta``, which does what ``v1`` does.
    """
    found = _VERSION.fullmatch(base_url) if base_url else None
    if found is None:
        return base_url, None
    version = found["version"].lower()
    return found["base"], None if version in ("v1", "v1beta") else version


def _checked(value: str, origin: str) -> ApiKey:
    """A key goes into a header, which takes visible ASCII only."""
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigurationError(
            f"the Gemini API key of {origin} holds characters that no key has, such as spaces; copy it again"
        )
    return ApiKey(SecretStr(value), origin)
