"""Passages over HTTP."""

from __future__ import annotations

import json

import pytest

from rag_pipeline import Pipeline, load_settings
from rag_pipeline.server import create_app
from rag_pipeline.testing import HashEmbeddings
from tests.server.conftest import serving

JSON = {"content-type": "application/json"}


@pytest.mark.slow
def test_a_search_has_the_form_of_the_command_with_ids(serve, place):
    served = serve()
    reply = served.search("최대 흘수는?", k=2)
    found = reply.json()
    assert reply.status_code == 200
    assert list(found) == ["question", "collection", "mode", "passages", "answer", "took_ms", "request_id"]
    assert (found["collection"], found["mode"], found["answer"]) == ("docs", "hybrid", None)
    assert found["request_id"] == reply.headers["x-request-id"]
    with Pipeline("config.yaml", embeddings=HashEmbeddings()) as pipeline:
        expected = pipeline.retrieve("최대 흘수는?", 2)
    for passage, own in zip(found["passages"], expected, strict=True):
        document = passage.pop("document")
        assert passage == {**own.as_dict(), "id": own.id}
        assert served.get(f"/api/v1/documents/{document}").json()["source"] == own.source


@pytest.mark.slow
def test_no_path_of_the_server_is_in_any_reply(serve, place):
    served = serve(files=True)
    passages = served.search("tug", collections=["docs", "english"], k=50, explain=True)
    replies = [
        passages,
        served.get("/api/v1/collections"),
        served.get("/api/v1/collections/docs/documents"),
        served.get("/api/v1/collections/nothing/documents"),
        served.search("tug", collections=["nothing"]),
        *(served.get(f"/api/v1/documents/{one['document']}") for one in passages.json()["passages"]),
        *(served.get(f"/api/v1/passages/{one['id']}") for one in passages.json()["passages"]),
    ]
    for reply in replies:
        assert str(place) not in reply.text
        assert '"folder"' not in reply.text


@pytest.mark.slow
def test_options_are_passed_on(served):
    assert [one["source"] for one in served.search("배", where={"type": "bulk"}).json()["passages"]] == ["bulk.md"]
    assert served.search("배", where={"type": {"$ne": "bulk"}}, mode="dense").json()["mode"] == "dense"
    assert served.search("배", where=["type!=bulk"], k=1).json()["passages"][0]["source"] != "bulk.md"
    assert [one["source"] for one in served.search("배", where=["type=bulk,x"]).json()["passages"]] == ["bulk.md"]
    assert served.search("배", min_score=1000).json()["passages"] == []
    sources = [one["source"] for one in served.search("운하", k=10, distinct=True).json()["passages"]]
    assert len(sources) == len(set(sources))
    both = served.search("tug", collections=["docs", "english"], k=50).json()
    assert {one["collection"] for one in both["passages"]} == {"docs", "english"}
    explained = served.search("최대 흘수 12.04", mode="lexical", explain=True).json()["passages"][0]
    assert explained["explanation"]["lexical_rank"] == 1
    joined = served.search("흘수 12.04", context=3, k=1).json()["passages"][0]
    assert "1914" in joined["text"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"question": "  "}, 400, "bad_request"),
        ({"question": "x" * 8001}, 422, "invalid"),
        ({"question": "x", "k": 51}, 422, "invalid"),
        ({"question": "x", "k": 0}, 422, "invalid"),
        ({"question": "x", "k": "5"}, 422, "invalid"),
        ({"question": "x", "k": True}, 422, "invalid"),
        ({"question": "x", "unknown": 1}, 422, "invalid"),
        ({"question": "x", "mode": "magic"}, 422, "invalid"),
        ({"question": "x", "where": {"year": {"$near": 3}}}, 400, "bad_request"),
        ({"question": "x", "where": ["nonsense"]}, 400, "bad_request"),
        ({"question": "x", "where": ["a=1"] * 21}, 422, "invalid"),
        ({"question": "x", "collections": ["nothing"]}, 404, "collection_not_found"),
        ({"question": "x", "collections": ["\ud800"]}, 422, "invalid"),
        ({"question": "x", "rerank": "cross_encoder"}, 400, "not_configured"),
        ({}, 422, "invalid"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(served, fields, status, code):
    reply = served.client.post("/api/v1/search", content=json.dumps(fields), headers={**JSON, "X-Request-Id": "mine"})
    problem = reply.json()
    assert (reply.status_code, problem["code"], problem["request_id"]) == (status, code, "mine")
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"null", b"[]", b'"x"', b""])
def test_a_body_that_is_no_question_is_a_problem(served, body):
    reply = served.client.post("/api/v1/search", content=body, headers=JSON)
    assert reply.status_code in (400, 422)
    assert reply.json()["code"] in ("bad_json", "bad_request", "invalid")


def test_a_body_that_does_not_say_it_is_json_is_refused(served):
    reply = served.client.post("/api/v1/search", content='{"question": "x"}', headers={"content-type": "text/plain"})
    assert reply.status_code == 422


def test_where_nests_only_so_deep(served):
    deep = '{"$and": [' * 400 + '{"a": 1}' + "]}" * 400
    reply = served.client.post("/api/v1/search", content='{"question": "x", "where": ' + deep + "}", headers=JSON)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid")


def test_a_collection_of_another_model_is_in_conflict(serve, place):
    (place / "config.yaml").write_text("default_collection: docs\nserve: {collections: [docs]}\n", "utf-8")
    other = HashEmbeddings(dimension=32)
    with serving(create_app(load_settings(), embeddings={"docs": other}), ready=False) as served:
        reply = served.search("x")
        assert (reply.status_code, reply.json()["code"]) == (409, "collection_mismatch")
        assert served.get("/readyz").status_code == 503
        assert served.get("/readyz").headers["retry-after"]
        assert served.search("x", collections=["english"]).status_code == 404


@pytest.mark.slow
def test_what_is_ingested_later_is_found(serve, place):
    served = serve()
    (place / "docs" / "ferry.md").write_text("# Ferry\n\nA ferry crosses the strait.\n", "utf-8")
    with Pipeline("config.yaml", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest()
        assert served.search("ferry strait", k=1).json()["passages"][0]["source"] == "ferry.md"
        listed = served.get("/api/v1/collections/docs/documents").json()
        assert "ferry.md" in [one["source"] for one in listed["documents"]]
        pipeline.ingest(rebuild=True)
        assert served.search("ferry strait", k=1).json()["passages"][0]["source"] == "ferry.md"


def test_more_questions_than_places_are_told_to_come_back(serve):
    served = serve(concurrency=1)
    leave = served.app.state.service.take_place()
    reply = served.search("x")
    assert (reply.status_code, reply.json()["code"]) == (429, "busy")
    assert int(reply.headers["retry-after"]) >= 1
    leave()
    assert served.search("x").status_code == 200


@pytest.mark.slow
def test_a_question_that_takes_too_long_is_given_up(serve):
    served = serve(deadline=0.000001)
    reply = served.search("x")
    assert (reply.status_code, reply.json()["code"]) == (503, "deadline")
    assert reply.headers["retry-after"]
