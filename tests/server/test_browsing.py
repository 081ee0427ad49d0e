"""What collections hold, over HTTP."""

from __future__ import annotations

import json
import random
import re
import string

import pytest

from rag_pipeline import Pipeline
from rag_pipeline.testing import HashEmbeddings


def document_of(served, source):
    listed = served.get("/api/v1/collections/docs/documents").json()["documents"]
    return next(one["id"] for one in listed if one["source"] == source)


def test_collections_are_listed(served):
    [docs, english] = served.get("/api/v1/collections").json()["collections"]
    assert (docs["name"], docs["documents"], docs["chunks"], docs["problem"]) == ("docs", 3, 4, None)
    assert (english["name"], english["dimension"]) == ("english", 64)
    assert (docs["default"], english["default"]) == (True, False)


@pytest.mark.slow
def test_only_those_of_the_configuration_are_there(serve):
    served = serve(collections=["english"])
    assert [one["name"] for one in served.get("/api/v1/collections").json()["collections"]] == ["english"]
    assert served.search("x", collections=["docs"]).status_code == 404
    assert served.search("tug").json()["collection"] == "english"
    assert served.get("/api/v1/collections/docs/documents").status_code == 404


def test_documents_are_listed_in_pages(served):
    whole = served.get("/api/v1/collections/docs/documents").json()
    assert [one["source"] for one in whole["documents"]] == ["bulk.md", "container.md", "notes.txt"]
    assert whole["documents"][0]["metadata"] == {"type": "bulk"}
    page = served.get("/api/v1/collections/docs/documents?limit=1&offset=1").json()
    assert (page["total"], [one["source"] for one in page["documents"]]) == (3, ["container.md"])
    assert served.get("/api/v1/collections/docs/documents?limit=0").status_code == 422


def test_a_document_is_put_together_from_its_chunks(served, made):
    (made / "docs" / "container.md").rename(made / "away.md")  # the store alone is read
    try:
        document = served.get(f"/api/v1/documents/{document_of(served, 'container.md')}").json()
    finally:
        (made / "away.md").rename(made / "docs" / "container.md")
    assert [one["section"] for one in document["sections"]] == ["제원", "역사"]
    assert document["sections"][0]["text"] == "최대 흘수 12.04 m."
    assert document["text"].index("12.04") < document["text"].index("1914")
    assert (document["collection"], document["chunks"]) == ("docs", 2)
    passage = served.get(f"/api/v1/passages/{document['sections'][1]['id']}").json()
    assert "1914" in passage["text"]
    assert passage["document"] == document["id"]


def test_files_are_handed_out_only_where_that_is_configured(served):
    reply = served.get(f"/api/v1/documents/{document_of(served, 'bulk.md')}/file")
    assert (reply.status_code, reply.json()["code"]) == (404, "files_not_served")


@pytest.mark.slow
def test_a_file_is_handed_out_while_it_is_what_was_read(serve, place):
    served = serve(files=True)
    for source in ("container.md", "bulk.md"):  # the second has metadata of the configuration
        reply = served.get(f"/api/v1/documents/{document_of(served, source)}/file")
        assert reply.content == (place / "docs" / source).read_bytes()
        assert reply.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in reply.headers["content-security-policy"]
    file = place / "docs" / "container.md"
    path = f"/api/v1/documents/{document_of(served, 'container.md')}/file"
    kept = file.read_bytes()
    file.write_bytes(kept + b"!")
    assert served.get(path).status_code == 404
    file.unlink()
    assert served.get(path).status_code == 404
    secret = place / "secret.md"
    secret.write_bytes(kept)
    file.symlink_to(secret)
    reply = served.get(path)
    assert (reply.status_code, reply.json()["code"]) == (404, "file_unavailable")
    assert str(place) not in reply.text


def hostile():
    """Ids and paths that nobody means well with."""
    chance = random.Random(7)
    parts = ["..", "%2e%2e", "%2f", "/", "//", "etc/passwd", "config.yaml", "chroma_db", "%00", "C:%5c", "~", ".env"]
    parts += [
        "%0d%0aX-Evil:1",
        "docs",
        "container.md",
        "{}",
        "${HOME}",
        "%ff",
        "\u202e",
        "가",
        "'",
        "%25",
        "?",
        "#",
        ";",
    ]
    for _ in range(1000):
        yield "".join(
            chance.choice([*parts, chance.choice(string.printable.strip())]) for _ in range(chance.randint(1, 6))
        )


@pytest.mark.slow
def test_a_thousand_hostile_ids_give_no_file_and_no_path(serve, place):
    import socket

    (place / ".env").write_text("SOME_SETTING=secret-of-the-file\n", "utf-8")
    served = serve(files=True)
    routes = ["/api/v1/documents/{}", "/api/v1/documents/{}/file", "/api/v1/passages/{}", "/{}", "/.well-known/{}",
              "/api/v1/collections/{}/documents"]  # fmt: skip
    for number, one in enumerate(hostile()):
        path = routes[number % len(routes)].format(one)
        line = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
            connection.sendall(line)
            reply = connection.makefile("rb").read()
        status = int(reply.split(b" ", 2)[1]) if reply.startswith(b"HTTP/1.1 ") else 400
        is_page = re.split("[?#]", path)[0] == "/"
        assert status in (400, 404, 405, 422) or is_page or path.rstrip("/?#").endswith("/docs/documents"), path
        for secret in (str(place).encode(), b"secret-of-the-file", b"root:", b"default_collection", b"\r\nX-Evil"):
            assert secret not in reply, path


def test_what_is_at_no_path_is_a_problem_in_json(served):
    for path in ("/.well-known/oauth-authorization-server", "/.well-known/", "/nothing", "/docs", "/page"):
        reply = served.get(path)
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found")
        assert reply.headers["content-type"] == "application/problem+json"
    assert served.get("/api/v1/search").status_code == 405


@pytest.mark.slow
def test_a_verdict_is_kept_next_to_the_store(serve, place):
    served = serve()
    passage = served.search("최대 흘수는?", k=1).json()["passages"][0]
    for verdict in ("right", "wrong"):
        body = {"question": "최대 흘수는?", "passage_id": passage["id"], "verdict": verdict}
        assert served.post("/api/v1/feedback", body).status_code == 201
    lines = [json.loads(line) for line in (place / "chroma_db.feedback.jsonl").read_text("utf-8").splitlines()]
    assert [line["verdict"] for line in lines] == ["right", "wrong"]
    assert lines[0]["passage"] == passage["id"]
    assert "about" not in lines[0]
    assert lines[0]["text"] == passage["text"]
    assert (lines[0]["question"], lines[0]["collection"]) == ("최대 흘수는?", "docs")
    assert served.post("/api/v1/feedback", {**body, "about": "answer"}).status_code == 201
    assert '"about": "answer"' in (place / "chroma_db.feedback.jsonl").read_text("utf-8").splitlines()[2]
    assert served.post("/api/v1/feedback", {**body, "about": "weather"}).status_code == 422
    assert served.post("/api/v1/feedback", {**body, "verdict": "perhaps"}).status_code == 422
    assert served.post("/api/v1/feedback", {**body, "passage_id": "../../x"}).status_code == 404
    assert served.post("/api/v1/feedback", {**body, "question": " "}).status_code == 400


def test_watchdogs_learn_what_they_want(served):
    assert served.get("/livez").json() == {"status": "ok"}
    assert served.get("/readyz").json() == {"status": "ok"}
    assert served.get("/version").json()["name"] == "rag-pipeline"
    served.search("흘수 어디에도 없는 질문")
    metrics = served.get("/metrics").text
    assert 'rag_pipeline_requests_total{route="/api/v1/search",status="200"}' in metrics
    assert "rag_pipeline_ready 1.0" in metrics
    assert "어디에도" not in metrics


@pytest.mark.parametrize(("k", "mode"), [(1, None), (3, "dense")])
def test_it_answers_as_python_does(served, made, k, mode):
    with Pipeline(made / "config.yaml", collection="english", embeddings=HashEmbeddings()) as pipeline:
        own = pipeline.retrieve("tug", k, mode=mode)
    found = served.search("tug", k=k, mode=mode, collections="english").json()["passages"]
    assert [(one["id"], one["score"]) for one in found] == [(one.id, round(one.score, 6)) for one in own]
