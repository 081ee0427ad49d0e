"""Answers over HTTP: as they come, when they are whole, and ended when nobody listens."""

from __future__ import annotations

import time

import httpx
import pytest

from rag_pipeline.testing import gemini_faults
from tests.server.conftest import read_events


def names(events):
    """The names of events, pieces of text counted once."""
    found = []
    for name, _ in events:
        if found[-1:] != [name]:
            found.append(name)
    return found


@pytest.mark.slow
def test_an_answer_comes_in_events(serve, gemini):
    events = list(serve().events("/api/v1/ask", {"question": "최대 흘수는?"}))
    assert names(events) == ["question", "passages", "text", "answer", "done"]
    content = dict(events)
    assert content["question"] == {"question": "최대 흘수는?", "asked": "최대 흘수는?"}
    answer = content["answer"]
    assert "".join(piece["text"] for name, piece in events if name == "text").strip() == answer["text"]
    assert set(answer) == {"text", "citations", "model", "usage", "finish_reason", "grounded", "problems"}
    cited = answer["citations"][0]
    assert content["passages"]["passages"][cited["number"] - 1]["source"] == cited["source"]
    assert set(content["done"]) == {"took_ms", "request_id"}


@pytest.mark.slow
def test_an_answer_comes_whole_as_well(serve, gemini):
    found = serve().post("/api/v1/ask", {"question": "최대 흘수는?", "stream": False, "k": 2}).json()
    assert len(found["passages"]) == 2
    assert found["answer"]["finish_reason"] == "STOP"
    assert found["answer"]["citations"]


@pytest.mark.slow
def test_with_a_history_the_question_is_rewritten(serve, gemini):
    gemini.reply = lambda body: "최대 흘수는?" if "passage" not in str(body["contents"]).lower() else "12.04 m [1]"
    history = [{"role": "user", "content": "컨테이너선을 아는가?"}, {"role": "assistant", "content": "안다."}]
    events = dict(serve().events("/api/v1/ask", {"question": "얼마나 깊은가?", "history": history}))
    assert events["question"] == {"question": "얼마나 깊은가?", "asked": "최대 흘수는?"}
    assert events["passages"]["question"] == "최대 흘수는?"


@pytest.mark.slow
def test_without_a_key_the_status_says_so(serve):
    reply = serve().post("/api/v1/ask", {"question": "최대 흘수는?"})
    assert (reply.status_code, reply.json()["code"]) == (503, "configuration")
    assert "GOOGLE_API_KEY" in reply.json()["detail"]


@pytest.mark.slow
def test_an_unknown_collection_is_no_stream(serve, gemini):
    reply = serve().post("/api/v1/ask", {"question": "x", "collections": ["nothing"]})
    assert (reply.status_code, reply.json()["code"]) == (404, "collection_not_found")


@pytest.mark.slow
def test_a_model_that_refuses_is_an_event_after_the_passages(serve, gemini):
    served = serve()
    gemini.expect(gemini_faults.status(403, times=None))
    events = list(served.events("/api/v1/ask", {"question": "최대 흘수는?"}))
    assert names(events) == ["question", "passages", "error", "done"]
    assert (dict(events)["error"]["status"], dict(events)["error"]["code"]) == (502, "service_failed")
    whole = served.post("/api/v1/ask", {"question": "최대 흘수는?", "stream": False})
    assert (whole.status_code, whole.json()["code"]) == (502, "service_failed")


@pytest.mark.slow
def test_a_client_that_leaves_a_stream_ends_the_request_of_the_model(serve, gemini):
    served = slow(serve, gemini)
    with served.client.stream("POST", "/api/v1/ask", json={"question": "최대 흘수는?"}) as reply:
        assert "text" in (name for name, _ in read_events(reply.iter_lines()))
    ended(served, gemini)


@pytest.mark.slow
def test_a_client_that_does_not_wait_for_the_whole_ends_it_too(serve, gemini):
    served = slow(serve, gemini)
    with pytest.raises(httpx.ReadTimeout):
        served.post("/api/v1/ask", {"question": "최대 흘수는?", "stream": False}, timeout=2)
    ended(served, gemini)


def slow(serve, gemini):
    """A server for one question at a time, whose model takes a minute for its answer."""
    gemini.reply = "말 " * 9000
    gemini.expect(gemini_faults.slow_stream(0.02, times=None))
    return serve(concurrency=1)


def ended(served, gemini):
    """Nobody waits for the model any more, and the place is free again."""
    end = time.monotonic() + 30
    while not gemini.abandoned or served.search("x").status_code == 429:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert gemini.abandoned == 1


@pytest.mark.slow
def test_a_stream_holds_its_place(serve, gemini):
    served = slow(serve, gemini)
    with served.client.stream("POST", "/api/v1/ask", json={"question": "최대 흘수는?"}) as reply:
        # Only then has the model been asked.
        assert "text" in (name for name, _ in read_events(reply.iter_lines()))
        assert served.search("x").status_code == 429
    ended(served, gemini)
