"""OpenAI's forms, and Cohere's, as their clients read them."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from rag_pipeline.testing import HashEmbeddings, gemini_faults
from tests.server.conftest import TOKEN


@pytest.mark.slow
def test_collections_and_embeddings_are_listed_as_models(served):
    listed = served.get("/v1/models").json()
    assert listed["object"] == "list"
    names = ["docs", "english", "trigrams", "trigrams:query", "trigrams:document"]
    assert [one["id"] for one in listed["data"]] == names
    assert served.get("/v1/models/trigrams:query").json()["object"] == "model"
    assert served.get("/v1/models/nothing").json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize("name", ["trigrams", "trigrams:document", "trigrams:query"])
def test_texts_are_embedded(served, name):
    own = HashEmbeddings()
    texts = ["배", "a tug"]
    expected = own.embed_documents(texts)
    plain = served.post("/v1/embeddings", {"model": name, "input": texts, "user": "me"}).json()
    assert [one["index"] for one in plain["data"]] == [0, 1]
    assert np.allclose([one["embedding"] for one in plain["data"]], expected)
    assert plain["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    packed = served.post("/v1/embeddings", {"model": name, "input": texts[0], "encoding_format": "base64"}).json()
    vector = np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), "<f4")
    assert np.allclose(vector, expected[0])


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/embeddings", {"model": "e5-large", "input": "x"}, 404),
        ("/v1/embeddings", {"model": "trigrams", "input": ""}, 400),
        ("/v1/embeddings", {"model": "trigrams", "input": []}, 400),
        ("/v1/embeddings", {"model": "trigrams", "input": ["x"] * 2049}, 400),
        ("/v1/embeddings", {"model": "trigrams", "input": [1, 2]}, 400),
        ("/v1/embeddings", {"model": "trigrams", "input": "x", "dimensions": 3}, 400),
        ("/v1/embeddings", {"input": "x"}, 400),
        ("/v1/chat/completions", {"model": "nothing", "messages": [{"role": "user", "content": "x"}]}, 404),
        ("/v1/chat/completions", {"model": "docs", "messages": []}, 400),
        ("/v1/chat/completions", {"model": "docs", "messages": [{"role": "assistant", "content": "x"}]}, 400),
        ("/v1/chat/completions", {"model": "docs", "messages": [{"role": "user", "content": " "}]}, 400),
        ("/v1/vector_stores/nothing/search", {"query": "x"}, 404),
        ("/v1/vector_stores/docs/search", {"query": "x", "filters": {"type": "near", "key": "a", "value": 1}}, 400),
        ("/v1/vector_stores/docs/search", {"query": "x", "max_num_results": 51}, 400),
        ("/v1/rerank", {"query": "x", "documents": []}, 400),
        ("/v1/rerank", {"query": "x", "documents": ["a", " "]}, 400),
        ("/v1/rerank", {"query": "x", "documents": ["a"], "model": "nothing"}, 404),
        ("/v1/nothing", {}, 404),
    ],
)
def test_errors_have_the_form_of_openai(served, path, body, status):
    reply = served.post(path, body)
    assert reply.status_code == status
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["message"]


def test_a_key_that_is_missing_has_it_too(serve):
    served = serve(token=TOKEN, ready=False)
    reply = served.get("/v1/models")
    assert (reply.status_code, reply.json()["error"]["type"]) == (401, "authentication_error")
    assert served.get("/v1/models", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


MESSAGES = [{"role": "system", "content": "Answer as a pirate."}, {"role": "user", "content": "최대 흘수는?"}]


@pytest.mark.slow
def test_a_chat_is_answered_with_its_sources(serve, gemini):
    served = serve()
    gemini.reply = "최대 흘수는 12.04 m이다. [1]"
    body = {"model": "docs", "messages": MESSAGES, "temperature": 1}
    reply = served.post("/v1/chat/completions", body).json()
    [choice] = reply["choices"]
    message = choice["message"]
    assert (reply["object"], choice["finish_reason"], message["role"]) == ("chat.completion", "stop", "assistant")
    assert message["content"].startswith("최대 흘수는 12.04 m이다. [1]\n\n[1] ")
    [annotation] = message["annotations"]
    cited = annotation["url_citation"]
    assert message["content"][cited["start_index"] : cited["end_index"]] == "[1]"
    assert served.get(cited["url"].removeprefix(served.url)).json()["source"] in message["content"]
    assert reply["usage"]["total_tokens"] == reply["usage"]["prompt_tokens"] + reply["usage"]["completion_tokens"] > 0
    assert "pirate" not in str(gemini.requests[-1].body)


@pytest.mark.slow
def test_a_chat_streams(serve, gemini):
    gemini.reply = "최대 흘수는 12.04 m이다. [1]"
    served = serve()
    body = {"model": "docs", "messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}}
    with served.client.stream("POST", "/v1/chat/completions", json=body) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert deltas[0]["role"] == "assistant"
    text = "".join(delta.get("content", "") for delta in deltas)
    assert text.startswith(gemini.reply + "\n\n[1] ")
    [annotation] = [one for delta in deltas for one in delta.get("annotations", [])]
    cited = annotation["url_citation"]
    assert text[cited["start_index"] : cited["end_index"]] == "[1]"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["total_tokens"] > 0


@pytest.mark.slow
def test_a_conversation_is_rewritten(serve, gemini):
    messages = [*MESSAGES, {"role": "assistant", "content": "12.04 m"}]
    messages.append({"role": "user", "content": [{"type": "text", "text": "얼마나 깊은가?"}]})
    served = serve()
    assert served.post("/v1/chat/completions", {"model": "docs,english", "messages": messages}).status_code == 200
    assert len(gemini.requests) == 2
    assert "<conversation>" in str(gemini.requests[0].body)


@pytest.mark.slow
def test_a_model_that_fails_is_an_error_in_the_stream(serve, gemini):
    gemini.expect(gemini_faults.status(403, times=None))
    body = {"model": "docs", "messages": MESSAGES, "stream": True}
    served = serve()
    with served.client.stream("POST", "/v1/chat/completions", json=body) as reply:
        lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    assert json.loads(lines[-2])["error"]["type"] == "server_error"
    assert lines[-1] == "[DONE]"
    whole = served.post("/v1/chat/completions", {**body, "stream": False})
    assert (whole.status_code, whole.json()["error"]["type"]) == (502, "server_error")


@pytest.mark.slow
def test_a_blocked_answer_says_so(serve, gemini):
    gemini.expect(gemini_faults.finish("SAFETY"))
    reply = serve().post("/v1/chat/completions", {"model": "docs", "messages": MESSAGES}).json()
    assert reply["choices"][0]["finish_reason"] == "content_filter"


def test_a_collection_is_searched_as_a_vector_store(served):
    found = served.post("/v1/vector_stores/docs/search", {"query": ["최대", "흘수"], "max_num_results": 2}).json()
    assert found["object"] == "vector_store.search_results.page"
    assert (len(found["data"]), found["has_more"]) == (2, False)
    first = found["data"][0]
    assert served.get(f"/api/v1/documents/{first['file_id']}").json()["source"] == first["filename"]
    assert first["content"][0]["type"] == "text"
    assert "folder" not in first["attributes"]


@pytest.mark.parametrize(
    ("filters", "sources"),
    [
        ({"type": "eq", "key": "type", "value": "bulk"}, {"bulk.md"}),
        ({"type": "in", "key": "source", "value": ["bulk.md", "notes.txt"]}, {"bulk.md", "notes.txt"}),
        (
            {
                "type": "and",
                "filters": [
                    {"type": "ne", "key": "source", "value": "container.md"},
                    {"type": "ne", "key": "type", "value": "bulk"},
                ],
            },
            {"notes.txt"},
        ),
    ],
)
def test_filters_of_openai_are_understood(served, filters, sources):
    found = served.post("/v1/vector_stores/docs/search", {"query": "배", "filters": filters}).json()
    assert {one["filename"] for one in found["data"]} == sources


def test_a_threshold_leaves_out_what_scores_below(served):
    body = {"query": "배", "ranking_options": {"score_threshold": 1000}}
    assert served.post("/v1/vector_stores/docs/search", body).json()["data"] == []


@pytest.mark.parametrize("model", [None, "trigrams"])
def test_texts_are_reranked(served, model):
    texts = ["Grain is loose cargo.", "A tug tows ships.", {"text": "Six people."}]
    body = {"query": "tug tows", "documents": texts, "model": model, "top_n": 2, "return_documents": True}
    found = served.post("/v1/rerank", body).json()
    assert len(found["results"]) == 2
    first = found["results"][0]
    assert (first["index"], first["document"]) == (1, {"text": "A tug tows ships."})
    assert first["relevance_score"] > found["results"][1]["relevance_score"]
    assert "document" not in served.post("/v1/rerank", {"query": "x", "documents": ["a"]}).json()["results"][0]
