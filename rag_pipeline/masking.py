"""Keys taken out of what is shown: services repeat in their errors what they were sent."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, SecretStr

_MASK = "***"
# Names of fields and of variables of the environment that hold what must not be shown.
_SECRET_NAME = re.compile(r"(api_?key|(?<![a-z])key|token|secret|password|authorization|bearer)s?$", re.IGNORECASE)
# A shorter value is a word of its own: masking it would take words out of every sentence.
_SHORTEST = 4
# What stands between a name and its value: as it is sent, and as Python, JSON within JSON, HTML and URLs show it.
_QUOTE = r"""(?:\\*["']|&quot;|%22)?"""
_BETWEEN = rf"""b?{_QUOTE}(?:\s|%20)*(?:[:=,]|%3A|%3D)(?:\s|%20)*b?{_QUOTE}"""
# What looks like a key, whoever it belongs to. What stands before the key is kept.
_LIKE_KEYS = [
    # Google: API keys in both forms, also in base64, OAuth tokens, client secrets
    re.compile(r"()\bQUl6Y[\w+/-]{20,}=*"),
    re.compile(r"()\b(?:AIza|AQ\.|ya29\.|GOCSPX-)[\w.-]{10,}"),
    re.compile(r"()(?<![\w/])1//[\w-]{16,}"),
    # other services, JSON web tokens, private keys
    re.compile(r"()\b(?:sk|pk|rk|gsk|ck|hf|xai|pplx|ghp|lsv2)[-_][\w-]{12,}"),
    re.compile(r"()\beyJ[\w-]{8,}(?:\.[\w-]+){1,2}"),
    re.compile(r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
    # a parameter of a URL, its signs escaped or not
    re.compile(
        r"""((?:[?&;\s]|%3F|%26|\\u0026|^)(?:(?:api[_-]?)?key|(?:access_|id_|auth_)?token|sig)(?:=|%3D))[^&\s"'<>#\\,;)]+""",
        re.IGNORECASE,
    ),
    # a parameter of a URL that a service signs or a server is entered with
    re.compile(
        r"""([?&][\w.~%-]*(?:key|token|sig|signature|credential|secret|password|passwd|pwd)(?:=|%3D))[^&\s"'<>#\\]+""",
        re.IGNORECASE,
    ),
    # headers and fields, as they are sent and as Python and JSON show them
    re.compile(r"(\bbearer(?:\s+|%20|\+))[\w.~+/=%-]{6,}", re.IGNORECASE),
    re.compile(r"(\bauthorization[\"']?\s*[:=,]\s*b?[\"']?basic\s+)[\w+/=]+", re.IGNORECASE),
    re.compile(
        rf"""((?:api[-_]?key|x-chroma-token|client_secret|secret_access_key|private_key|(?:refresh|access)_token){_BETWEEN})"""
        r"""[^\s"'\\,;&}\])]+""",
        re.IGNORECASE,
    ),
    # In sentences words follow these names too, so that the value has to look like one.
    re.compile(rf"""(\b(?:api key|passw(?:or)?d){_BETWEEN})(?=[^\s"']*\d)[^\s"'\\,;&}}\])]{{6,}}""", re.IGNORECASE),
    re.compile(r"""(\bcookie["']?\s*[:,]\s*b?["']?)[^\r\n"']+""", re.IGNORECASE),
    # user and password of an address
    re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@\"'<>]+(?=@)", re.IGNORECASE),
]


def mask_keys(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without keys: those given, those of the environment, and whatever looks like one.

    Args:
        text: what a service or a library said; mask before it is shortened, for half a key is no longer known.
        secrets: what is known to be secret.
    """
    known = {secret for secret in secrets if secret}
    known |= {
        value.strip()
        for name, value in os.environ.items()
        if _SECRET_NAME.search(name) and len(value.strip()) >= _SHORTEST
    }
    # The longest first: one may be a part of another.
    forms = {form for one in known for form in (one, quote(one, safe=""), b64encode(one.encode()).decode())}
    for secret in sorted(forms, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    for pattern in _LIKE_KEYS:
        text = pattern.sub(rf"\1{_MASK}", text)
    return text


def mask_values(value: Any, name: str = "") -> Any:
    """Settings as they may be shown: without what is secret by its name, and without keys and passwords in addresses.

    Args:
        value: a value of a configuration, with others in it or not.
        name: the key it stands under.
    """
    if isinstance(value, Mapping):
        return {key: mask_values(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(mask_values(inner, name) for inner in value)
    if not isinstance(value, str) or not value:
        return value
    return _MASK if is_secret(name) else mask_keys(value)


def is_secret(name: str) -> bool:
    """Whether a text under this name must not be shown."""
    return bool(_SECRET_NAME.search(name))


def secrets_in(holder: object, depth: int = 3) -> set[str]:
    """What an object holds that must not be shown: its secret fields, and texts whose names say that they are secret.

    Args:
        holder: any object, or a mapping such as headers.
        depth: how many mappings, models and credentials within each other are looked into.
    """
    fields = holder if isinstance(holder, Mapping) else getattr(holder, "__dict__", None)
    found: set[str] = set()
    if not isinstance(fields, Mapping) or depth < 0:
        return found
    for name, value in fields.items():
        if isinstance(value, SecretStr):
            found.add(value.get_secret_value())
        elif isinstance(value, str):
            if _SECRET_NAME.search(str(name)) and len(value.strip()) >= _SHORTEST:
                found.add(value.split()[-1])  # "Bearer …" is known by its end
        elif isinstance(value, Mapping | BaseModel) or str(name).strip("_").endswith("credentials"):
            found |= secrets_in(value, depth - 1)
    return {secret for secret in found if secret.strip()}
