"""The page for people: files as they lie here, handed to any browser, since nothing in them is secret."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from rag_pipeline.server.problems import ProblemError

router = APIRouter(include_in_schema=False)

_START = "index.html"
_PREFIX = "/page/"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Whatever a document or a model says, the page runs and loads its own files alone: a text cannot become HTML, since no
# function that would make it so may be called at all.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def _read() -> dict[str, tuple[bytes, str]]:
    """Each file of the page by its name, with its type."""
    folder = files(__name__)
    found = {}
    for start, entries in (("", folder), ("messages/", folder.joinpath("messages"))):
        for entry in entries.iterdir():
            kind = _TYPES.get(f".{entry.name.rpartition('.')[2]}")
            if kind is not None and entry.is_file():
                found[start + entry.name] = entry.read_bytes(), kind
    return found


_FILES = _read()


def is_page(path: str) -> bool:
    """Whether a path is the page's, which has to be there before anyone can give a token."""
    return path == "/" or path.startswith(_PREFIX)


@router.get("/")
async def start() -> Response:
    """The page."""
    return _response(_START)


@router.get(_PREFIX + "{name:path}")
async def part(name: str) -> Response:
    """What it is made of, by the names that were read: what comes in is never a part of a path."""
    if name not in _FILES or name == _START:
        raise ProblemError(404, "not_found", "nothing is at this path")
    return _response(name)


def _response(name: str) -> Response:
    content, kind = _FILES[name]
    # Of its own, since Starlette would add a charset to what has none.
    return Response(content, headers={**_HEADERS, "Content-Type": kind})
