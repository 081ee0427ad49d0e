"""Who may ask, of every route that the application has: one that is added later is looked at as well."""

from __future__ import annotations

import itertools
import re

import pytest
from fastapi import APIRouter

from rag_pipeline.server.problems import OPENAI_PREFIX
from tests.server.conftest import TOKEN, app_of, serving

pytestmark = pytest.mark.slow

FOREIGN_HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:8010",
    "evil.example#127.0.0.1",
    "10.0.0.1",
    "[::2]",
    "0.0.0.0",
    "",
]
FOREIGN_ORIGINS = [
    "https://evil.example",
    "http://127.0.0.1.evil.example",
    "http://localhost",
    "http://127.0.0.1:1",
    "https://127.0.0.1",
    "null",
    "file://",
    "chrome-extension://abc",
    "",
]
METHODS = ["GET", "POST", "DELETE", "OPTIONS"]
OPEN = {"/livez", "/readyz"}
# The page's own files, which say nothing of the collections: without them nobody could give it the token.
PAGE = ("/", "/page/")


def is_open(path):
    return path in OPEN or path == PAGE[0] or path.startswith(PAGE[1])


def paths_of(routes):
    """A path for each route, with something in the place of what varies."""
    found = set()
    for route in routes:
        inner = getattr(route, "routes", None)
        if inner is None and hasattr(route, "original_router"):  # one that was included and is looked into when asked
            inner = route.original_router.routes
        found |= paths_of(inner or [])
        if getattr(route, "path", None):
            found.add(re.sub(r"\{[^}]*\}", "x", route.path) + ("/x" if inner is not None else ""))
    return found


@pytest.fixture(scope="module")
def everything(made):
    """A server, and the paths of all of its routes."""
    app = app_of(made)
    added = APIRouter()
    added.add_api_route("/added/{later}", lambda later: later)
    app.include_router(added)
    with serving(app) as served:
        yield served, sorted(paths_of(app.routes))


def code_of(reply, path):
    if not reply.content:
        return None
    return reply.json()["error"]["code"] if path.startswith(OPENAI_PREFIX) else reply.json()["code"]


def test_all_routes_are_known(everything):
    _, paths = everything
    assert {"/mcp", "/api/v1/search", "/api/v1/ask", "/v1/chat/completions", "/shell/hello", "/added/x"} <= set(paths)
    assert {"/livez", "/metrics", "/api/v1/openapi.json", "/api/v1/documents/x/file"} <= set(paths)


def test_a_foreign_host_is_refused_on_every_route(everything):
    served, paths = everything
    for path, method, host in itertools.product(paths, METHODS, FOREIGN_HOSTS):
        reply = served.client.request(method, path, headers={"Host": host})
        assert reply.status_code in (400, 421), (method, path, host)
        if reply.status_code == 421:
            assert code_of(reply, path) in ("foreign_host", None)


def test_a_foreign_origin_is_refused_on_every_route(everything):
    served, paths = everything
    for path, method, origin in itertools.product(paths, METHODS, FOREIGN_ORIGINS):
        reply = served.client.request(method, path, headers={"Origin": origin})
        assert reply.status_code == 403, (method, path, origin)
        assert code_of(reply, path) in ("foreign_origin", None)
        assert not any(name.startswith("access-control") for name in reply.headers)


def test_its_own_names_and_pages_are_refused_on_none(everything):
    served, paths = everything
    for path in paths:
        for headers in ({}, {"Origin": served.url}, {"Host": f"localhost:{served.port}"}):
            reply = served.client.request("OPTIONS", path, headers=headers)
            assert reply.status_code not in (401, 403, 421), (path, headers)


def test_every_route_but_a_sign_of_life_asks_for_the_token(everything, made):
    _, paths = everything
    with serving(app_of(made, token=TOKEN), ready=False) as served:
        for path, method in itertools.product(paths, METHODS):
            if not is_open(path):
                assert served.client.request(method, path).status_code == 401, (method, path)
