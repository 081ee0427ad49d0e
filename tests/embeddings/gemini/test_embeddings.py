"""GeminiEmbeddings through Google's real SDK over HTTP; nothing in the SDK is patched."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import traceback

import numpy as np
import pytest

from rag_pipeline.embeddings import DocumentText, GeminiEmbeddings
from rag_pipeline.errors import ConfigurationError, EmbeddingError, RagPipelineError, ServiceError
from rag_pipeline.testing import GeminiServer
from rag_pipeline.testing import gemini_faults as faults


def make(**options):
    return GeminiEmbeddings(**{"dimension": 64, "attempts": 3, **options})


@pytest.fixture
def embeddings(gemini):
    made = make()
    yield made
    made.close()


def sent(gemini):
    return [request for call in gemini.requests for request in call.body["requests"]]


def failure(embeddings, texts=("x",)):
    with pytest.raises(RagPipelineError) as caught:
        embeddings.embed_documents(list(texts))
    return caught.value


def test_gemini_embedding_2_gets_its_task_in_the_text(gemini, embeddings):
    embeddings.embed_documents(["최대 흘수 12.04 m"])
    embeddings.embed_query("흘수?")
    list(embeddings.embed_stream([DocumentText("배 > 제원\n\n길이", "배 > 제원", "길이")]))
    texts = [request["content"]["parts"][0]["text"] for request in sent(gemini)]
    assert texts == [
        "title: none | text: 최대 흘수 12.04 m",
        "task: search result | query: 흘수?",
        "title: 배 > 제원 | text: 길이",
    ]
    assert all(set(request) == {"model", "content", "outputDimensionality"} for request in sent(gemini))


def test_gemini_embedding_001_gets_task_type_and_title_text_by_text(gemini):
    embeddings = make(model="gemini-embedding-001")
    list(embeddings.embed_stream([DocumentText("A\n\na", "A", "a"), DocumentText("B\n\nb", "B", "b")]))
    embeddings.embed_query("q")
    embeddings.close()
    assert [(r.get("taskType"), r.get("title"), r["content"]["parts"][0]["text"]) for r in sent(gemini)] == [
        ("RETRIEVAL_DOCUMENT", "A", "a"),
        ("RETRIEVAL_DOCUMENT", "B", "b"),
        ("RETRIEVAL_QUERY", None, "q"),
    ]
    assert len(gemini.requests) == 2


def test_a_model_that_is_not_known_is_used_as_it_is_told(gemini):
    gemini.models["other-embedding"] = gemini.models["gemini-embedding-001"]
    with pytest.raises(ConfigurationError, match=r"not one of those known.*task_style.*max_tokens"):
        make(model="other-embedding")
    embeddings = make(model="models/other-embedding", task_style="none", max_tokens=512)
    assert embeddings.max_tokens == 512
    embeddings.embed_documents(["plain"])
    embeddings.close()
    assert [request["content"]["parts"][0]["text"] for request in sent(gemini)] == ["plain"]


def test_vectors_come_in_order_and_have_length_one(gemini):
    embeddings = make(batch_size=3, concurrency=4)
    texts = [f"text number {number}" for number in range(20)]
    together = np.array(embeddings.embed_documents(texts))
    assert together.shape == (20, 64)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-12)
    assert sorted(len(call.texts) for call in gemini.requests) == [2, 3, 3, 3, 3, 3, 3]
    alone = [embeddings.embed_documents([text])[0] for text in texts]
    assert np.allclose(together, alone)
    assert gemini.requests[0].body["requests"][0]["outputDimensionality"] == 64
    embeddings.close()


def test_blank_texts_are_never_sent(gemini, embeddings):
    vectors = embeddings.embed_documents(["", "one", " \n", "two"])
    assert [any(vector) for vector in vectors] == [False, True, False, True]
    assert embeddings.embed_query("  ") == [0.0] * 64
    assert embeddings.embed_documents([]) == []
    assert len(sent(gemini)) == 2


@pytest.mark.slow
def test_requests_hold_a_hundred_texts_and_a_budget_of_bytes_as_sent(gemini):
    embeddings = make()
    embeddings.embed_documents(["x"] * 250)
    assert sorted(len(call.texts) for call in gemini.requests) == [50, 100, 100]
    gemini.forget()
    # A Hangul syllable takes six bytes in the JSON that the SDK writes, twice what UTF-8 takes.
    korean = make(batch_bytes=100_000)
    korean.embed_documents(["가" * 2000] * 30)
    assert max(call.size for call in gemini.requests) <= 100_000
    assert len(gemini.requests) == 4
    embeddings.close()
    korean.close()


@pytest.mark.slow
def test_several_requests_are_under_way_and_no_more_than_allowed(gemini):
    gemini.latency = 0.1
    embeddings = make(batch_size=1, concurrency=3)
    embeddings.embed_documents([str(number) for number in range(9)])
    embeddings.close()
    assert gemini.busiest == 3


def test_async_calls_give_the_same_vectors(gemini, embeddings):
    texts = [f"text {number}" for number in range(7)] + [" "]

    async def run():
        other = make(batch_size=2)
        try:
            return await other.aembed_documents(texts), await other.aembed_query("q"), await other.aembed_query(" ")
        finally:
            await other.aclose()

    documents, query, blank = asyncio.run(run())
    assert np.allclose(documents, embeddings.embed_documents(texts))
    assert np.allclose(query, embeddings.embed_query("q"))
    assert blank == [0.0] * 64


def test_sync_calls_work_where_a_loop_is_running(gemini, embeddings):
    async def run():
        return embeddings.embed_query("q")

    assert len(asyncio.run(run())) == 64


@pytest.mark.slow
def test_async_calls_do_not_hold_up_the_loop(gemini):
    gemini.latency = 0.3

    async def run():
        embeddings = make()
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        await embeddings.aembed_query("q")
        ticking.cancel()
        await embeddings.aclose()
        return ticks

    assert asyncio.run(run()) > 5


def test_an_async_failure_is_raised_plainly(gemini):
    gemini.expect(faults.status(403, times=None))

    async def run():
        embeddings = make(batch_size=1)
        try:
            await embeddings.aembed_documents(["a", "b", "c"])
        finally:
            await embeddings.aclose()

    with pytest.raises(ServiceError, match="refused the API key"):
        asyncio.run(run())


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(408),
        faults.status(429, quota="RequestsPerMinutePerProject"),
        faults.status(500),
        faults.status(502),
        faults.status(503),
        faults.status(504),
        faults.cut(),
        faults.html(502),
        faults.html(200),
        faults.wrong_count(-1),
        faults.wrong_count(1),
        faults.nan(),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.values.get('code', fault.values.get('by', ''))}",
)
def test_a_passing_failure_is_tried_again(gemini, embeddings, fault):
    gemini.expect(fault)
    assert len(embeddings.embed_documents(["a", "b"])) == 2
    assert len(gemini.requests) == 2
    assert gemini.requests[0].body == gemini.requests[1].body


@pytest.mark.slow
def test_a_service_that_does_not_answer_in_time_is_asked_again(gemini):
    embeddings = make(timeout=0.8)
    gemini.expect(faults.slow(1.5))
    assert len(embeddings.embed_query("q")) == 64
    assert len(gemini.requests) == 2
    gemini.expect(faults.slow(1.0, times=None))
    assert "did not answer in time" in str(failure(embeddings))
    gemini.forget()
    embeddings.close()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [faults.status(429, retry_after=1), faults.status(503, retry_delay="1s")])
def test_the_service_is_not_asked_again_before_it_wants(gemini, embeddings, fault):
    gemini.expect(fault)
    embeddings.embed_query("q")
    first, second = gemini.requests
    assert second.at - first.at >= 1.0


def test_trying_has_an_end(gemini, embeddings):
    gemini.expect(faults.status(503, "overloaded", times=None))
    error = failure(embeddings)
    assert (error.exit_code, len(gemini.requests)) == (4, 3)
    assert "503 UNAVAILABLE: overloaded (after 3 attempts)" in str(error)


def test_the_deadline_ends_trying_before_it_would_pass(gemini):
    embeddings = make(attempts=50, deadline=5)
    gemini.expect(faults.status(429, retry_after=3600))
    started = time.monotonic()
    assert "the deadline of 5 s would pass" in str(failure(embeddings))
    assert time.monotonic() - started < 5
    assert len(gemini.requests) == 1
    embeddings.close()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.status(429, quota="RequestsPerDayPerProject", quota_value=1000), "per day is used up"),
        (faults.status(403, "denied"), "refused the API key from GOOGLE_API_KEY: denied"),
        (faults.status(400, "bad", reason="API_KEY_INVALID"), "refused the API key"),
        (faults.status(400, "User location is not supported for the API use."), "not offered where this machine is"),
        (faults.wrong_dimension(8), "8 numbers where 64 were asked for"),
    ],
)
def test_a_lasting_failure_is_not_tried_again(gemini, embeddings, fault, said):
    gemini.expect(fault)
    assert said in str(failure(embeddings))
    assert len(gemini.requests) == 1


def test_a_retired_model_names_its_successor(gemini):
    embeddings = make(model="text-embedding-004", task_style="none", max_tokens=2048)
    assert "it is retired, use gemini-embedding-2" in str(failure(embeddings))
    embeddings.close()


def test_a_server_that_is_not_there_is_an_error_in_words(gemini, monkeypatch):
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    embeddings = make(attempts=2)
    assert "Gemini at http://127.0.0.1:9 cannot be reached" in str(failure(embeddings))
    embeddings.close()


def test_a_text_that_is_refused_is_found_and_the_others_are_embedded(gemini):
    embeddings = make(batch_size=8, concurrency=1)
    texts = [DocumentText(f"text {number}") for number in range(16)]
    texts[5] = DocumentText("x" * 40_000)
    done = list(embeddings.embed_stream(texts))
    assert sorted(position for batch in done for position in batch.positions) == [*range(5), *range(6, 16)]
    ((position, reason),) = [entry for batch in done for entry in batch.refused.items()]
    assert position == 5
    assert "exceeds the maximum number of tokens" in reason
    with pytest.raises(EmbeddingError, match=r"text 2 of 2 .*'yyyy.*exceeds the maximum"):
        embeddings.embed_documents(["a", "y" * 40_000])
    embeddings.close()


def test_a_service_that_refuses_every_request_is_not_asked_for_each_text(gemini, embeddings):
    gemini.expect(faults.status(400, "no such field", times=None))
    assert "no such field" in str(failure(embeddings, [str(number) for number in range(100)]))
    assert len(gemini.requests) < 15


def test_a_service_that_begins_to_refuse_everything_is_not_asked_for_ever(gemini):
    embeddings = make(batch_size=10, concurrency=1)
    gemini.expect(faults.status(400, "changed its mind", after=2, times=None))
    done, refused = [], []
    with pytest.raises(ServiceError, match="changed its mind"):
        for batch in embeddings.embed_stream(DocumentText(str(number)) for number in range(1000)):
            done += batch.positions
            refused += batch.refused
    assert len(done) == 20
    assert len(refused) < 25
    assert len(gemini.requests) < 60
    embeddings.close()


def test_what_was_done_before_a_failure_is_handed_over(gemini):
    gemini.latency = 0.05
    embeddings = make(batch_size=10, concurrency=4)
    gemini.expect(faults.status(403, after=6, times=None))
    done = []
    with pytest.raises(ServiceError):
        for batch in embeddings.embed_stream(DocumentText(str(number)) for number in range(1000)):
            done += batch.positions
    assert len(done) == len(set(done)) == 60
    assert len(gemini.requests) <= 10
    embeddings.close()


def test_texts_are_read_no_further_ahead_than_needed(gemini):
    embeddings = make(batch_size=10, concurrency=2)
    read = []

    def texts():
        for number in range(1000):
            read.append(number)
            yield DocumentText(str(number))

    stream = embeddings.embed_stream(texts())
    next(stream)
    assert len(read) <= 51
    stream.close()
    embeddings.close()


@pytest.mark.slow
def test_limits_per_minute_are_kept(gemini, monkeypatch):
    from rag_pipeline.embeddings.gemini import pacing

    monkeypatch.setattr(pacing, "_WINDOW", 0.5)
    embeddings = make(requests_per_minute=10, batch_size=100, concurrency=4)
    embeddings.embed_query("opens the connection, so that the first request is not late")
    time.sleep(0.6)
    gemini.forget()
    embeddings.embed_documents([str(number) for number in range(30)])
    embeddings.close()
    times = [call.at for call in gemini.requests]
    assert [len(call.texts) for call in gemini.requests] == [10, 10, 10]
    assert times[1] - times[0] > 0.3
    assert times[2] - times[0] > 0.8


def test_without_a_key_nothing_is_called(gemini, monkeypatch):
    monkeypatch.delenv("GOOGLE_API_KEY")
    embeddings = make()
    for call in (
        lambda: embeddings.embed_query("q"),
        lambda: embeddings.embed_documents(["x"]),
        embeddings.check_ready,
    ):
        with pytest.raises(ConfigurationError, match="no Gemini API key"):
            call()
    assert gemini.requests == []


def test_the_key_shows_nowhere(gemini, caplog):
    secret = "AIza-very-secret-key"
    caplog.set_level(logging.DEBUG)
    embeddings = make(api_key=secret, attempts=1)
    shown = [repr(embeddings), str(embeddings.identity), str(vars(embeddings))]
    for fault in (faults.status(400, f"API key not valid: {secret}"), faults.cut(), faults.html(), faults.nan()):
        gemini.expect(fault)
        error = failure(embeddings)
        shown += [str(error), repr(error), "".join(traceback.format_exception(error)), str(vars(error))]
        assert error.__context__ is None
    shown.append(caplog.text)
    assert not [text for text in shown if secret in text]
    assert gemini.requests[0].headers["x-goog-api-key"] == secret
    embeddings.close()


def test_the_environment_cannot_send_calls_elsewhere(gemini, embeddings, monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    embeddings.embed_query("q")
    assert gemini.requests[0].path == "/v1beta/models/gemini-embedding-2:batchEmbedContents"


def test_identity_holds_what_changes_a_vector_and_no_more():
    assert make().identity == make(batch_size=3, timeout=1, requests_per_minute=5, base_url="http://x").identity
    assert make().identity != make(dimension=128).identity
    assert make().identity != make(model="gemini-embedding-001").identity
    assert make().identity != make(task_style="none").identity


def test_threads_share_one_object(gemini, embeddings):
    results = {}
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: embeddings.embed_query(str(n))})) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert np.allclose(results[3], embeddings.embed_query("3"))


def test_a_server_may_be_given_in_place_of_the_environments(gemini):
    with GeminiServer(api_key="other") as other:
        embeddings = make(base_url=other.url, api_key="other")
        embeddings.embed_query("q")
        embeddings.close()
        assert len(other.requests) == 1
    assert gemini.requests == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"dimension": 0}, "dimension: found 0; allowed: greater than or equal to 1"),
        ({"dimension": 4000}, "dimension: found 4000; allowed: less than or equal to 3072"),
        ({"batch_size": 0}, "batch_size: found 0"),
        ({"batch_size": 101}, "batch_size: found 101"),
        ({"task_style": "query"}, "task_style: found 'query'; allowed: 'auto', 'prompt', 'task_type' or 'none'"),
        ({"attempts": 0}, "attempts: found 0"),
        ({"timeout": "60"}, "timeout: found '60'"),
    ],
)
def test_an_argument_that_is_not_allowed_is_refused_with_what_is(options, problem):
    with pytest.raises(ConfigurationError, match=f"GeminiEmbeddings: {problem}"):
        GeminiEmbeddings(**options)


def test_lone_surrogates_are_sent_as_question_marks(gemini):
    embeddings = make()
    assert embeddings.embed_query("a \udcff b") == embeddings.embed_query("a ? b")
    assert embeddings.embed_documents(["a \udcff b"]) == embeddings.embed_documents(["a ? b"])
