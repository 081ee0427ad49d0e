"""Who may ask."""

from __future__ import annotations

import logging
import socket

import pytest

from rag_pipeline import load_settings
from rag_pipeline.config import ServeSettings
from rag_pipeline.errors import ConfigurationError
from tests.server.conftest import TOKEN

PATHS = ["/livez", "/readyz", "/metrics", "/api/v1/collections", "/v1/models", "/nothing", "/.well-known/x", "/"]


def raw(served, text):
    """The status of a reply to a request as it is written."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(text.encode("latin-1"))
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "10.0.0.1", "", "[::1", "a b"]
)
def test_a_foreign_host_is_refused_on_every_path(served, path, host):
    reply = served.get(path, headers={"Host": host})
    assert reply.status_code in (400, 421)
    assert reply.status_code == 400 or reply.json()["code" if path != "/v1/models" else "error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9999", "LOCALHOST", "[::1]:8010"])
def test_names_of_this_machine_are_its_own_on_any_port(served, host):
    assert served.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "lines", ["", "Host: 127.0.0.1\r\nHost: evil.example\r\n", "Host: evil.example\r\nX-Forwarded-Host: 127.0.0.1\r\n"]
)
def test_one_host_is_named_or_nothing_is_answered(served, lines):
    assert raw(served, f"GET /livez HTTP/1.1\r\n{lines}Connection: close\r\n\r\n") in (400, 421)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "file://", "http://localhost"]
)
def test_a_foreign_origin_is_refused_on_every_path(served, path, origin):
    for method in ("GET", "POST", "OPTIONS"):
        reply = served.client.request(method, path, headers={"Origin": origin})
        assert reply.status_code == 403
        assert not any(name.startswith("access-control") for name in reply.headers)


def test_a_page_of_its_own_may_ask(served):
    assert served.get("/livez", headers={"Origin": served.url}).status_code == 200


@pytest.mark.slow
def test_with_a_token_everything_but_a_sign_of_life_asks_for_it(serve):
    served = serve(token=TOKEN, ready=False)
    assert served.get("/livez").status_code == 200
    for path in ("/metrics", "/version", "/api/v1/collections", "/api/v1/openapi.json", "/nothing"):
        for header in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": TOKEN},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": f"Bearer {TOKEN[:-1]}"},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": "Bearer"},
            {"X-Api-Key": TOKEN},
            {"Cookie": f"token={TOKEN}"},
        ):
            reply = served.get(path, headers=header)
            assert reply.status_code == 401
            assert reply.headers["www-authenticate"] == "Bearer"
        assert served.get(f"{path}?token={TOKEN}").status_code == 401
        assert served.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code != 401


def test_the_page_is_there_before_a_token_can_be_given(serve):
    served = serve(token=TOKEN, ready=False)
    for path in ("/", "/page/main.js"):
        assert served.get(path).status_code == 200
        assert served.get(path, headers={"Host": "evil.example"}).status_code == 421
    for path in ("//", "/pages", "/page", "/page/../version", "/page/%2e%2e/version"):
        assert raw(served, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") in (401, 404)


@pytest.mark.slow
def test_a_proxy_may_pass_on_the_folder_of_its_site_or_not(serve):
    served = serve(root_path="/rag", token=TOKEN, ready=False)
    for prefix in ("", "/rag"):
        assert served.get(f"{prefix}/").headers["content-type"].startswith("text/html")
        assert served.get(f"{prefix}/livez").status_code == 200
        assert served.get(f"{prefix}/version").status_code == 401
    described = served.get("/rag/api/v1/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert described["servers"] == [{"url": "/rag"}]
    assert served.get("/ragged/livez", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 404


@pytest.mark.parametrize("path", ["rag", "/rag/", "/", "//rag", "/api", "/v1/x", "/a b", "/{x}"])
def test_a_folder_that_is_none_or_hides_our_paths_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_PIPELINE_SERVE__ROOT_PATH", path)
    with pytest.raises(ConfigurationError, match="root_path"):
        load_settings()


def test_two_tokens_are_none(serve):
    served = serve(token=TOKEN, ready=False)
    line = f"Authorization: Bearer {TOKEN}\r\n"
    assert raw(served, f"GET /version HTTP/1.1\r\nHost: localhost\r\n{line}Connection: close\r\n\r\n") == 200
    assert raw(served, f"GET /version HTTP/1.1\r\nHost: localhost\r\n{line}{line}Connection: close\r\n\r\n") == 401


def test_beyond_this_machine_addresses_and_named_hosts_are_known(serve):
    served = serve(host="0.0.0.0", token=TOKEN, allowed_hosts=["rag.example.org"], ready=False)
    for host, status in {
        "rag.example.org": 200,
        "192.0.2.7:8010": 200,
        "evil.example": 421,
        "0.0.0.0.evil": 421,
    }.items():
        assert served.get("/livez", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("chunked", [True, False])
def test_a_large_body_is_refused(served, chunked):
    body = b'{"question": "' + b"x" * 1_100_000 + b'"}'
    parts = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    reply = served.client.post("/api/v1/search", content=parts if chunked else body)
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


def test_a_header_without_end_is_refused(served):
    assert raw(served, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + "x" * 200_000) == 400


@pytest.mark.slow
def test_questions_stay_out_of_the_log(serve, caplog):
    served = serve()
    with caplog.at_level(logging.DEBUG, logger="rag_pipeline"), caplog.at_level(logging.DEBUG, logger="uvicorn"):
        served.search("비밀스러운 질문")
        served.search("비밀스러운 질문", where={"a": {"$비밀스러운": 1}})
        served.get("/api/v1/passages/비밀스러운?q=비밀스러운")
        served.get("/비밀스러운")
        served.post("/api/v1/ask", {"question": "비밀스러운 질문"})
    assert "/api/v1/search" in caplog.text
    assert "비밀스러운" not in caplog.text
    assert "%EB%B9%84" not in caplog.text.upper()


def test_every_reply_says_that_it_is_what_it_is(served):
    headers = served.get("/livez", headers={"X-Request-Id": "bad id\u00e9".encode("latin-1")}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "bad" not in headers["x-request-id"]


@pytest.mark.parametrize("token", ["short", "with a space in between", "ends-in-\u00e9-and-is-long"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(token, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_PIPELINE_SERVE__TOKEN", token)
    with pytest.raises(ConfigurationError, match=r"16 or more|ASCII") as refused:
        load_settings()
    assert token not in str(refused.value)


def test_a_token_is_never_shown():
    settings = ServeSettings.model_validate({"token": TOKEN})
    assert TOKEN not in repr(settings)
    assert TOKEN not in str(settings.model_dump(mode="json"))
