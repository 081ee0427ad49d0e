"""The loopback Gemini takes what the live API documents, and nothing else."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from rag_pipeline.answering import make_chat_model
from rag_pipeline.config import AnswerSettings
from rag_pipeline.testing import gemini_faults as faults
from rag_pipeline.testing import gemini_replies

BATCH = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
# Field by field from https://ai.google.dev/api/embeddings (EmbedContentRequest).
DOCUMENTED = {
    "model": "models/gemini-embedding-001",
    "content": {"parts": [{"text": "hello"}], "role": "user"},
    "taskType": "RETRIEVAL_DOCUMENT",
    "title": "greeting",
    "outputDimensionality": 16,
}


@pytest.fixture
def http(gemini):
    with httpx.Client(base_url=gemini.url, headers={"x-goog-api-key": gemini.api_key}) as client:
        yield client


def embed(http, *texts, **fields):
    requests = [{**DOCUMENTED, "content": {"parts": [{"text": text}]}, **fields} for text in texts]
    return http.post(BATCH, json={"requests": requests})


def test_a_documented_embedding_request_is_answered_in_the_documented_form(http):
    reply = http.post(BATCH, json={"requests": [DOCUMENTED]})
    assert reply.status_code == 200
    assert [list(embedding) for embedding in reply.json()["embeddings"]] == [["values"]]
    assert len(reply.json()["embeddings"][0]["values"]) == 16
    single = http.post(BATCH.replace("batchEmbedContents", "embedContent"), json=DOCUMENTED)
    assert single.json()["embedding"]["values"] == reply.json()["embeddings"][0]["values"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task_type": "RETRIEVAL_QUERY"}, 'Unknown name "task_type"'),
        ({"model": "models/other"}, "not the one of the path"),
        ({"taskType": "SEARCH"}, "requests.task_type"),
        ({"taskType": "RETRIEVAL_QUERY"}, "title is only applicable"),
        ({"outputDimensionality": 4000}, "output_dimensionality"),
        ({"content": {"parts": [{"text": " "}]}}, "content is empty"),
        ({"content": {"parts": [{"text": "x" * 9000}]}}, "exceeds the maximum number of tokens"),
        ({"content": "hello"}, "content is not specified"),
    ],
)
def test_what_is_not_documented_is_refused(http, change, message):
    reply = http.post(BATCH, json={"requests": [{**DOCUMENTED, **change}]})
    assert reply.status_code == 400
    assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert message in reply.json()["error"]["message"]


def test_more_than_a_hundred_texts_are_refused(http):
    assert embed(http, *["x"] * 100).status_code == 200
    assert embed(http, *["x"] * 101).status_code == 400


def test_the_key_belongs_in_its_header(gemini):
    assert httpx.post(gemini.url + BATCH, json={"requests": [DOCUMENTED]}).status_code == 403
    wrong = httpx.post(
        gemini.url + BATCH, json={"requests": [DOCUMENTED]}, headers={"x-goog-api-key": "some-other-key"}
    )
    assert wrong.status_code == 400
    assert wrong.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    in_query = httpx.post(f"{gemini.url}{BATCH}?key={gemini.api_key}", json={"requests": [DOCUMENTED]})
    assert in_query.status_code == 403


def test_unknown_models_and_paths_are_not_found(http):
    assert http.post("/v1beta/models/embedding-001:batchEmbedContents", json={}).status_code == 404
    assert http.post("/v1/models/gemini-embedding-001:embedContent", json=DOCUMENTED).status_code == 404
    assert http.post("/v1beta/models/gemini-embedding-001:translate", json={}).status_code == 404


def test_the_same_text_has_the_same_vector_and_like_texts_are_near(http):
    texts = ["최대 흘수 12.04 m인 컨테이너선", "최대 흘수 12.04 m인 컨테이너선", "최대 흘수가 큰 컨테이너선", "pilot"]
    one, same, near, far = (
        np.array(row["values"]) for row in embed(http, *texts, outputDimensionality=256).json()["embeddings"]
    )
    assert (one == same).all()
    assert one @ near > one @ far + 0.1


def test_answers_come_in_the_documented_forms(http):
    body = {
        "contents": [{"role": "user", "parts": [{"text": "one two three four"}]}],
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "generationConfig": {"temperature": 0.0, "maxOutputTokens": 10},
    }
    whole = http.post("/v1beta/models/gemini-3.5-flash:generateContent", json=body).json()
    assert whole["candidates"][0]["content"] == {"parts": [{"text": "one two three four"}], "role": "model"}
    assert whole["candidates"][0]["finishReason"] == "STOP"
    assert set(whole["usageMetadata"]) == {"promptTokenCount", "candidatesTokenCount", "totalTokenCount"}
    stream = http.post("/v1beta/models/gemini-3.5-flash:streamGenerateContent?alt=sse", json=body)
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.text.count("data: {") == 2
    assert stream.text.endswith("}\r\n\r\n")
    assert http.post("/v1beta/models/gemini-3.5-flash:generateContent", json={**body, "prompt": "x"}).status_code == 400
    assert http.post("/v1beta/models/gemini-3.5-flash:generateContent", json={}).status_code == 400


def test_models_are_listed_page_by_page(gemini, http):
    first = http.get("/v1beta/models").json()
    assert set(first["models"][0]) >= {"name", "inputTokenLimit", "outputTokenLimit", "supportedGenerationMethods"}
    second = http.get("/v1beta/models", params={"pageToken": first["nextPageToken"]}).json()
    assert {model["name"] for model in first["models"]}.isdisjoint(model["name"] for model in second["models"])


def test_requests_are_recorded(gemini, http):
    embed(http, "a", "b")
    (request,) = gemini.requests
    assert (request.method, request.path, request.route) == ("POST", BATCH, "batchEmbedContents")
    assert request.texts == ["a", "b"] == gemini.embedded()
    assert request.headers["x-goog-api-key"] == gemini.api_key


def test_faults_happen_when_and_as_often_as_ordered(gemini, http):
    gemini.expect(faults.status(503, times=2, after=1), faults.html(route="generateContent"))
    assert [embed(http, "a").status_code for _ in range(4)] == [200, 503, 503, 200]
    assert http.get("/v1beta/models").status_code == 200
    gemini.expect(
        faults.status(429, retry_after=7, retry_delay="3s", quota="PerDay", when=lambda body: "secret" in str(body))
    )
    assert embed(http, "a").status_code == 200
    refused = embed(http, "secret")
    assert refused.headers["retry-after"] == "7"
    assert {detail["@type"].rsplit(".", 1)[-1] for detail in refused.json()["error"]["details"]} == {
        "QuotaFailure",
        "RetryInfo",
    }


def test_an_answer_is_taken_from_the_passages_of_the_prompt():
    text = (
        '<passages>\n<passage number="1" title="A">\nthe bulk carrier\n</passage>\n<passage number="2">\n'
        "the draft is 12.04 m\n</passage>\n</passages>\n\n<question>\nWhat is the draft?\n</question>"
    )
    body = {"contents": [{"parts": [{"text": text}]}]}
    assert gemini_replies.answer(body) == "the draft is 12.04 m [2]"


@pytest.mark.slow
def test_it_runs_by_itself(python):
    import subprocess
    import sys

    from tests.conftest import offline_environment

    server = subprocess.Popen(
        [sys.executable, "-m", "rag_pipeline.testing.gemini_server", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=offline_environment(),
    )
    try:
        url = server.stdout.readline().strip().partition("=")[2]
        assert httpx.get(url + "/v1beta/models").status_code == 403
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def test_tokens_are_counted_as_the_sdk_and_langchain_ask_for_it(gemini, http):
    count = "/v1beta/models/gemini-3.5-flash:countTokens"
    contents = [{"parts": [{"text": "x" * 10}]}, {"parts": [{"text": "y" * 10}], "role": "model"}]
    assert http.post(count, json={"contents": contents}).json()["totalTokens"] == 5
    whole = {
        "model": "models/gemini-3.5-flash",
        "contents": contents,
        "systemInstruction": {"parts": [{"text": "z" * 8}]},
    }
    assert http.post(count, json={"generateContentRequest": whole}).json()["totalTokens"] == 7
    model = make_chat_model(AnswerSettings())
    assert model.get_num_tokens("x" * 40) == 10
    model.client.close()
    for body in ({}, {"contents": []}, {"contents": contents, "generateContentRequest": whole}, {"texts": ["x"]}):
        assert http.post(count, json=body).status_code == 400
    gemini.expect(faults.status(503, route="countTokens"))
    assert http.post(count, json={"contents": contents}).status_code == 503
