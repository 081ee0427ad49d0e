"""What the environment says of proxies and certificates, checked before a library stumbles over it.

httpx, which is under Gemini's SDK, Chroma's client and the hub's, makes a connection to every proxy of the environment
ready when a client is made, also where none will be used, and raises in many ways at one that it cannot use.
"""

from __future__ import annotations

import importlib.util
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from rag_pipeline.errors import ConfigurationError

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_KINDS = ("http", "https", "all")
_SCHEMES = ("http", "https", "socks5", "socks5h")
_MASK = "***"
# How the libraries name a proxy that is away, and one that answers with a refusal.
_AWAY = frozenset({"ConnectError", "ConnectTimeout", "ClientProxyConnectionError"})
_REFUSED = frozenset({"ProxyError", "ClientHttpProxyError"})
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_LONGEST = 200


@dataclass(frozen=True)
class Proxy:
    """A proxy of the environment."""

    url: str
    """With its password: not to be shown."""
    origin: str
    """The variable that names it."""

    def __str__(self) -> str:
        return f"{masked(self.url)} ({self.origin})"

    __repr__ = __str__

    @property
    def scheme(self) -> str:
        """``http``, ``https``, ``socks5`` or another."""
        return self.url.partition("://")[0].lower()


def masked(url: str) -> str:
    """The address of a proxy without user and password."""
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{_MASK if user else ''}{at}{host}"


def proxies() -> dict[str, Proxy]:
    """The proxies that the environment, or the system, names: for ``http``, for ``https``, and for ``all``."""
    found = getproxies()
    if any(host.strip() == "*" for host in found.get("no", "").split(",")):
        return {}
    return {kind: Proxy(_whole(found[kind]), _origin(kind, found[kind])) for kind in _KINDS if found.get(kind)}


def proxy_for(url: str) -> Proxy | None:
    """The proxy that a request goes through; None: it goes straight there."""
    address = urlsplit(url)
    known = proxies()
    proxy = known.get(address.scheme.lower()) or known.get("all")
    return None if proxy is None or (address.hostname and proxy_bypass(address.hostname)) else proxy


def check_network() -> None:
    """Refuse an environment in which no connection can be made.

    Raises:
        ConfigurationError: naming the variable and what to do.
    """
    for problem in problems():
        raise ConfigurationError(problem)


def problems() -> Iterator[str]:
    """What is wrong with the environment's proxies and certificates, each in one line."""
    for proxy in proxies().values():
        if problem := _proxy_problem(proxy):
            yield f"{proxy.origin} is {masked(proxy.url)!r}: {problem}"
    for variable in CERTIFICATES:
        value = os.environ.get(variable, "")
        if value and (problem := _certificate_problem(variable, value)):
            yield f"{variable} is {value!r}: {problem}"


def reason_for(url: str, error: BaseException) -> str | None:
    """What a failed connection has to do with proxies or certificates; None: nothing that can be told.

    Args:
        url: where to.
        error: of httpx or aiohttp, perhaps wrapped in another.
    """
    causes = list(_causes(error))
    names = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    said = " ".join(" ".join(str(cause) for cause in causes).split())
    if _UNTRUSTED in said:
        used = next((f"{name} ({os.environ[name]})" for name in CERTIFICATES if os.environ.get(name)), None)
        remedy = f"see {used}" if used else "set SSL_CERT_FILE to a file of your network's authorities"
        return f"its certificate is not trusted; {remedy}"
    proxy = proxy_for(url)
    if proxy is None:
        return None
    own = " ".join(str(error).split())[:_LONGEST].replace(proxy.url, masked(proxy.url)) or type(error).__name__
    if names & _REFUSED:
        return f"the proxy {proxy} refuses: {own}"
    if names & _AWAY:
        return f"the proxy {proxy} cannot be reached: {own}; start it, or unset {proxy.origin}"
    return f"through the proxy {proxy}: {own}"


def _proxy_problem(proxy: Proxy) -> str:
    import httpx

    remedy = "name one as http://HOST:PORT, or unset it"
    if proxy.scheme not in _SCHEMES:
        return f"proxies of {proxy.scheme}:// cannot be used; {remedy}"
    try:
        address = urlsplit(proxy.url)
        usable = bool(address.hostname) and address.port != 0 and bool(httpx.URL(proxy.url).host)
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable:
        return f"that is no address of a proxy; {remedy}"
    if proxy.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        return f"a SOCKS proxy needs a package that is missing: pip install 'httpx[socks]'; or {remedy}"
    return ""


def _certificate_problem(variable: str, value: str) -> str:
    remedy = "name a file of certificates (PEM), or unset it"
    if variable == "SSL_CERT_DIR":
        is_there = any(Path(folder).is_dir() for folder in value.split(os.pathsep))
        return "" if is_there else "there is no such folder; name a folder of certificates, or unset it"
    path = Path(value)
    if path.is_dir():
        return "" if variable == "REQUESTS_CA_BUNDLE" else f"that is a folder; {remedy}"
    if not path.exists():
        return f"there is no such file; {remedy}"
    try:
        ssl.create_default_context(cafile=value)
    except ssl.SSLError:
        return f"it holds no certificates that can be read; {remedy}"
    except OSError as error:
        return f"it cannot be read ({error.strerror or error}); {remedy}"
    return ""


def _whole(url: str) -> str:
    return url.strip() if "://" in url else f"http://{url.strip()}"


def _origin(kind: str, value: str) -> str:
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    return next((name for name in names if os.environ.get(name) == value), "the system's settings")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
